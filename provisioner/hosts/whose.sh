# MANIFEST ENTRY: whether we made it. The manifest is its owner's: who writes the file may not read it.
enter "${1%/*}" >/dev/null && own_file manifest >/dev/null && grep -q -x -F -e "$2" -- manifest 2>/dev/null && echo ours || echo theirs
