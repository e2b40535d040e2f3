# PATH MODE MANIFEST < CONTENT: a whole file beside its name, synced, renamed; a file that is not
# in the manifest is kept once.
path=$1 mode=$2 manifest=$3
temporary=$(dirname "$path")/.$(basename "$path").provision
rm -f -- "$temporary"
(umask 077; set -C; cat >"$temporary") || { rm -f -- "$temporary"; exit 1; }
chmod "$mode" -- "$temporary" && sync -- "$temporary" || { rm -f -- "$temporary"; exit 1; }
if [ -n "$manifest" ] && [ -e "$path" ] && [ ! -e "$path.before-provision" ] &&
  ! grep -q -x -F "file	$path" "$manifest" 2>/dev/null; then
  cp -p -- "$path" "$path.before-provision" && echo "kept as $path.before-provision"
fi
mv -f -T -- "$temporary" "$path" && sync -- "$(dirname "$path")"
