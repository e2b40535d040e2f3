# MANIFEST ENTRY: whether we made it. The manifest is its keeper's: who writes the file may not read it.
grep -q -x -F -e "$2" -- "$1" 2>/dev/null && echo ours || echo theirs
