# VERB UNIT [DROP_IN...]: reload when needed, enable, and start or stop by systemd. Drop-ins that
# are not ours are kept beside their place.
verb=$1 unit=$2; shift 2
for d do
  [ -f "$d" ] && mv -f -- "$d" "$d.before-provision" && echo "$d is kept as $d.before-provision" && moved=yes
done
[ -z "${moved-}" ] && [ "$(systemctl show -p NeedDaemonReload --value -- "$unit")" != yes ] &&
  [ "$(systemctl show -p LoadState --value -- "$unit")" = loaded ] || systemctl daemon-reload || exit 1
case $verb in
  mend) [ "$(systemctl is-enabled -- "$unit" 2>/dev/null)" = enabled ] || systemctl enable --quiet -- "$unit" ;;
  start)
    [ "$(systemctl is-enabled -- "$unit" 2>/dev/null)" = enabled ] || systemctl enable --quiet -- "$unit" || exit 1
    systemctl reset-failed -- "$unit" 2>/dev/null
    systemctl start -- "$unit" || { systemctl status --no-pager --lines 20 -- "$unit"; exit 1; } ;;
  stop) systemctl stop -- "$unit" ;;
esac
