# MANIFEST: what was made by us.
[ -d "${1%/*}" ] || exit 0
enter "${1%/*}" && own_file manifest || exit 1
[ ! -f manifest ] || cat manifest
