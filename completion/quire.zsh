#compdef quire
# zsh completion of quire: the program itself says what fits.

_quire() {
  local -a answer said shown
  local line word
  answer=("${(@f)$("${(Q)words[1]/#\~/$HOME}" __complete "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  for line in "${(@)answer[2,-1]}"; do
    [[ -n $line ]] || continue
    word=${line%%$'\t'*}
    said+=("$word")
    shown+=("$word  -- ${line#*$'\t'}")
  done
  # A word that ends with a sign is not at its end.
  local -a open=("${(@M)said:#*=}")
  if ((${#said})); then
    if ((${#open} == ${#said})); then
      compadd -S '' -l -d shown -a said
    else
      compadd -l -d shown -a said
    fi
  fi
  case ${answer[1]} in
    files*)
      [[ $PREFIX == --*=* ]] && compset -P '*='
      local suffix=${${answer[1]#files}# }
      if [[ -n $suffix ]]; then
        _files -g "*$suffix(-.)" || _files
      else
        _files
      fi
      ;;
    folders)
      [[ $PREFIX == --*=* ]] && compset -P '*='
      _files -/
      ;;
    command*)
      local -i skip=$((${answer[1]#command } + 1))
      shift $skip words
      ((CURRENT -= skip))
      _normal
      ;;
  esac
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _quire "$@"
else
  compdef _quire quire
fi
