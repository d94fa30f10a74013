# The names of a file's fields behind options such as --set, as `postlink complete-fields` tells them.
function __postlink_fields
    set -l before (commandline -opc)
    set -l all (commandline -op)
    set -l current (commandline -ct)
    set -l behind (math (count $before) + 1)
    if set -q current[1]; and test -n "$current"
        set behind (math $behind + 1)
    else
        set current ''
    end
    command $before[1] complete-fields (count $before) $before $current $all[$behind..-1] 2>/dev/null
end

# Where the word has a slash, files are offered.
function __postlink_names_no_path
    not string match -q '*/*' -- (commandline -ct)
end

