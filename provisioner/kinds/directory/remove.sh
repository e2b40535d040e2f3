# PATH: only when empty.
[ -d "$1" ] || exit 0
rmdir -- "$1"
