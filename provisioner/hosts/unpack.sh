set -u
# PATH [-z]: a tar stream on stdin (-z: gzip's), verified by its own list, switched in by rename.
path=$1 temporary=$1.incoming packed=${2:-}
umask 022
rm -rf -- "$temporary" && mkdir -p -- "$temporary" || exit 1
trap 'rm -rf -- "$temporary"' EXIT
tar -x $packed -f - -C "$temporary" --no-same-owner || { cat >/dev/null; exit 1; }
(cd "$temporary" && sha256sum -c --quiet SHA256SUMS) || { echo "the files that arrived are not those that were sent"; exit 1; }
sync -f "$temporary" 2>/dev/null || sync
if [ -e "$path" ]; then rm -rf -- "$path.broken"; mv -T -- "$path" "$path.broken" || exit 1; fi
mv -T -- "$temporary" "$path" || exit 1
trap - EXIT
rm -rf -- "$path.broken"
# What was verified: the listing's digest, by which a later look knows it again, and the list's.
(cd "$path" && l=$(find . -mindepth 1 ! -name .stamp -printf '%P %y %s %m %U %T@ %C@ %l\n' | sort | sha256sum) &&
  d=$(sha256sum <SHA256SUMS) && echo "${l%% *} ${d%% *}" >.stamp) || rm -f -- "$path/.stamp"
