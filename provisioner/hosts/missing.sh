# missing PATH: entries of a manifest for the folders above PATH that are not there, the lowest first.
# Below one that may not be entered nobody knows what is there: then none is.
missing() {
  u=${1%/*}; while [ -n "$u" ] && [ ! -e "$u" ] && [ ! -L "$u" ]; do u=${u%/*}; done
  [ -x "${u:-/}" ] || return 0
  d=${1%/*}; while [ "$d" != "$u" ]; do printf 'directory\t%s\n' "$d"; d=${d%/*}; done
}
