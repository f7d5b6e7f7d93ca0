# bash completion of quire: the program itself says what fits.

# Names of files that begin with $1; of those that end with $2 and folders when
# there are such, else of all.
_quire_files() {
  local -a all fitting
  mapfile -t all < <(compgen -f -- "$1")
  local name
  for name in "${all[@]}"; do
    [[ -d $name || $name == *"$2" ]] && fitting+=("$name")
  done
  compopt -o filenames 2>/dev/null
  [[ ${#fitting[@]} -gt 0 ]] && all=("${fitting[@]}")
  COMPREPLY+=("${all[@]}")
}

# The command behind "--".
_quire_command() {
  local at
  for ((at = 1; at < COMP_CWORD; at++)); do
    [[ ${COMP_WORDS[at]} == -- ]] && break
  done
  if declare -F _command_offset >/dev/null; then
    _command_offset $((at + 1))
  elif ((at + 1 == COMP_CWORD)); then
    mapfile -t COMPREPLY < <(compgen -c -- "$cur")
  else
    _quire_files "$cur" ""
  fi
}

# The words up to the cursor, into the array `words`: those that readline broke
# at = and : are put together again.
_quire_words() {
  local word glue=
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ ${#words[@]} -gt 0 && ($glue || $word == [=:]*) ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    glue=
    [[ $word == [=:]* ]] && glue=yes
  done
}

_quire() {
  local -a words=() answer
  _quire_words
  local cur=${words[-1]}
  mapfile -t answer < <("${COMP_WORDS[0]/#\~/$HOME}" __complete "${words[@]}" 2>/dev/null)
  # readline replaces only what stands behind the last of its breaks.
  local kept="" line
  [[ $COMP_WORDBREAKS == *[=:]* ]] && kept=${cur%"${cur##*[=:]}"}
  COMPREPLY=()
  for line in "${answer[@]:1}"; do
    line=${line%%$'\t'*}
    COMPREPLY+=("${line#"$kept"}")
    [[ $line == *= ]] && compopt -o nospace 2>/dev/null
  done
  case ${answer[0]} in
    files*)
      local suffix=${answer[0]#files}
      [[ $cur == --*=* ]] && cur=${cur#*=}
      _quire_files "$cur" "${suffix# }"
      ;;
    folders)
      [[ $cur == --*=* ]] && cur=${cur#*=}
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      ;;
    command*) _quire_command ;;
  esac
}

complete -F _quire quire
