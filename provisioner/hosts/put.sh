# PATH MODE [WHOSE] < CONTENT: a whole file beside its name, synced, renamed; what stands there and
# is `theirs` is kept once.
path=$1 mode=$2
temporary=$(dirname "$path")/.$(basename "$path").provision
rm -f -- "$temporary"
(umask 077; set -C; cat >"$temporary") || { rm -f -- "$temporary"; exit 1; }
chmod "$mode" -- "$temporary" && sync -- "$temporary" || { rm -f -- "$temporary"; exit 1; }
if [ "${3-}" = theirs ] && [ -e "$path" ] && [ ! -e "$path.before-provision" ]; then
  cp -p -- "$path" "$path.before-provision" && echo "kept as $path.before-provision"
fi
mv -f -T -- "$temporary" "$path" && sync -- "$(dirname "$path")"
