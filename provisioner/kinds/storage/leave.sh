# MANIFEST PATH: an emptied log dir, if the manifest says that it was made by us, or where that is not
# ours to read, if it is below a folder of ours. One that is a mount, or holds anything, stays.
p=$2
[ -d "$p" ] && [ ! -L "$p" ] || exit 0
if [ -r "$1" ] && ! P=$p awk -F'\t' '$1 == "directory" && $2 == ENVIRON["P"] { found = 1 } END { exit !found }' "$1"; then exit 0; fi
if [ "$(id -u)" = 0 ]; then (enter "${p%/*}" && rmdir -- "./${p##*/}") >/dev/null 2>&1; else rmdir -- "$p" 2>/dev/null; fi
exit 0
