# fish completion of quire: the program itself says what fits.

# Folders and files whose names end with $argv[2], or all files when there are
# none of these.
function __quire_files
    set -l all (__fish_complete_path $argv[1])
    set -l folders (string match -r -- '.*/\t?$' $all)
    set -l fitting (string match -r -- '.*'(string escape --style=regex -- $argv[2])'\t?$' $all)
    if set -q fitting[1]
        set all $folders $fitting
    end
    test -n "$all"; and printf '%s\n' $all
end

function __quire_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l answer ($typed[1] __complete $typed[2..-1] "$current" 2>/dev/null)
    set -q answer[2]; and printf '%s\n' $answer[2..-1]
    # Of --option=path only the path.
    set -l before (string match -r -- '^--[^=]*=' $current; or echo '')
    set -l path (string replace -r -- '^--[^=]*=' '' $current)
    set -l besides (string split ' ' -- $answer[1]) ''
    switch $besides[1]
        case files
            printf '%s\n' $before(__quire_files "$path" $besides[2])
        case folders
            printf '%s\n' $before(__fish_complete_directories "$path")
        case command
            set -l all $typed $current
            complete -C "$all[$(math $besides[2] + 2)..-1]"
    end
end

complete -c quire -f -a '(__quire_complete)'
