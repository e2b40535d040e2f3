# MANIFEST: what was made by us.
[ -f "$1" ] || exit 0
cat -- "$1"
