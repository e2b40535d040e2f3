# WHAT NAME...: removes things of ours; a folder only when nothing else is in it, an account only
# when no other cluster is here. Says what stays; fails where something of ours could not be removed.
what=$1; shift
bad=
for n do
  case $what in
    file) rm -f -- "$n" || bad=yes ;;
    unit)
      systemctl disable --quiet --now "${n##*/}" 2>/dev/null
      rm -f -- "$n" || bad=yes
      reload=yes ;;
    tree)
      case $n in */.provision/dist/*|*/logs/*) rm -rf -- "$n" || bad=yes ;; *) echo "$n is not a folder of ours"; exit 1 ;; esac ;;
    state)
      case $n in */.provision|/var/lib/provision/*) rm -rf -- "$n" || bad=yes ;; *) echo "$n is not a state folder"; exit 1 ;; esac
      [ "${n%/*}" = /var/lib/provision ] && rmdir -- /var/lib/provision 2>/dev/null ;;
    directory) [ -d "$n" ] && { rmdir -- "$n" 2>/dev/null || echo "$n stays: there is something in it that is not ours"; } ;;
    account)
      id -u "$n" >/dev/null 2>&1 || continue
      if [ -n "$(ls -A /var/lib/provision 2>/dev/null)" ]; then echo "account $n stays: another cluster is on this host"; continue; fi
      { userdel "$n" 2>/dev/null || deluser "$n" 2>/dev/null; } || echo "account $n stays: it is in use" ;;
  esac
done
[ -z "${reload-}" ] || systemctl daemon-reload
[ -z "$bad" ] || exit 1
exit 0
