# STATE WHAT NAME...: removes things of ours; a folder only when nothing else is in it, an account only
# when no other cluster is here. Says what stays, and why; fails where something of ours could not be
# removed. STATE is this cluster's state folder.
state=$1 what=$2; shift 2
bad=
# others: the manifests of the other clusters on this host, as far as they are known.
others() {
  case $state in */.provision) h=${state%/.provision}; h=${h%/*} ;; *) h=/var/lib/provision ;; esac
  for m in /var/lib/provision/*/manifest "$h"/*/.provision/manifest; do
    # Nothing is noted in what is another user's: it is his to say.
    [ -f "$m" ] && [ ! -L "$m" ] && [ -O "$m" ] && [ "$m" != "$state/manifest" ] && printf '%s\n' "$m"
  done
}
# handed KIND NAME [BELOW]: what another cluster still needs (a folder: one that has something BELOW
# it) is noted as that one's, which removes it when it goes.
handed() {
  m=$(others | while IFS= read -r m; do
    { [ -z "${3-}" ] || grep -q -s -F -e "directory	$3" -- "$m"; } && printf '%s\n' "$m" && break; done)
  [ -n "$m" ] && { printf '%s\t%s\n' "$1" "$2" >>"$m"; } 2>/dev/null
}
# inside FOLDER: what is in it, the first few by name.
inside() {
  ls -A -- "$1" 2>/dev/null | awk 'NR <= 3 { s = s (NR > 1 ? ", " : "") $0 }
    END { if (NR > 3) s = s " and " NR - 3 " more"; print s }'
}
# empty FOLDER: removes it; root by its name in the folder that it stands in.
empty() { if [ "$(id -u)" = 0 ]; then rmdir -- "./${1##*/}"; else rmdir -- "$1"; fi; }
for n do
  case $what in
    file) rm -f -- "$n" || bad=yes ;;
    unit)
      systemctl disable --quiet --now "${n##*/}" 2>/dev/null
      (enter "${n%/*}" && rm -f -- "./${n##*/}") || bad=yes
      reload=yes ;;
    drop-in)
      (enter "${n%/*}" && rm -f -- "./${n##*/}") || bad=yes
      (enter "${n%/*/*}" && { rmdir -- "./$(basename "${n%/*}")" 2>/dev/null || :; })
      reload=yes ;;
    tree)
      case $n in */.provision/dist/*|*/logs/*) rm -rf -- "$n" || bad=yes ;; *) echo "$n was not made by provision"; exit 1 ;; esac ;;
    state)
      case $n in
        */.provision) rm -rf -- "$n" || bad=yes ;;
        /var/lib/provision/*) (enter /var/lib/provision && rm -rf -- "./${n##*/}") || bad=yes ;;
        *) echo "$n is not a state folder"; exit 1 ;;
      esac ;;
    mine) [ ! -d "$n" ] || rmdir -- "$n" 2>/dev/null ;;
    directory)
      [ -d "$n" ] && ! e=$( { [ "$(id -u)" != 0 ] || { up=${n%/*}; enter "${up:-/}"; }; } 2>&1 && empty "$n" 2>&1) || continue
      if handed directory "$n" "$n/"; then echo "$n stays: another cluster is in it"; continue; fi
      i=$(inside "$n")
      echo "$n stays: ${i:+it holds files not made by provision: }${i:-${e##*: }}" ;;
    account)
      id -u "$n" >/dev/null 2>&1 || continue
      if handed account "$n"; then echo "account $n stays: another cluster is on this host"; continue; fi
      { userdel "$n" 2>/dev/null || deluser "$n" 2>/dev/null; } || echo "account $n stays: it is in use" ;;
  esac
done
[ -z "${reload-}" ] || systemctl daemon-reload
[ -z "$bad" ] || exit 1
exit 0
