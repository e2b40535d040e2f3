# PATH MODE [WHOSE] < CONTENT: a whole file beside its name, synced, renamed; what stands there and
# is `theirs` is kept once.
path=$1 mode=$2 folder=${1%/*} name=${1##*/}
enter "${folder:-/}" || exit 1
temporary=.$name.provision
rm -f -- "$temporary"
(umask 077; set -C; cat >"$temporary") || { rm -f -- "$temporary"; exit 1; }
chmod "$mode" -- "$temporary" && sync -- "$temporary" || { rm -f -- "$temporary"; exit 1; }
if [ $# -gt 2 ] && [ "$3" != ours ] && [ -e "./$name" ] && [ ! -e "./$name.before-provision" ]; then
  # A link or a pipe is kept as such: neither followed nor read.
  [ -d "./$name" ] || cp -p -P -R -- "./$name" "./$name.before-provision" && echo "kept as $path.before-provision"
fi
mv -f -T -- "$temporary" "./$name" && sync -- .
