# WHAT NAME...: removes things of ours; a folder only when nothing else is in it.
what=$1; shift
for n do
  case $what in
    file) rm -f -- "$n" ;;
    unit) systemctl disable --quiet --now "${n##*/}" 2>/dev/null; rm -f -- "$n"; reload=yes ;;
    tree)
      case $n in */.provision/dist/*|*/logs/*) rm -rf -- "$n" ;; *) echo "$n is not a folder of ours"; exit 1 ;; esac ;;
    state)
      case $n in */.provision|/var/lib/provision/*) rm -rf -- "$n" ;; *) echo "$n is not a state folder"; exit 1 ;; esac
      [ "${n%/*}" = /var/lib/provision ] && rmdir -- /var/lib/provision 2>/dev/null ;;
    directory) [ -d "$n" ] && { rmdir -- "$n" 2>/dev/null || echo "$n stays: there is something in it that is not ours"; } ;;
    account) userdel "$n" 2>/dev/null || deluser "$n" 2>/dev/null ;;
  esac
done
[ -z "${reload-}" ] || systemctl daemon-reload
exit 0
