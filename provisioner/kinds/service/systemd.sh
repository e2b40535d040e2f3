# VERB UNIT [DROP_IN...]: reload when needed, enable, and start or stop by systemd. Drop-ins that are not
# ours are kept beside their place. begin: start, and leave alone whether the unit starts at boot.
verb=$1 unit=$2; shift 2
for d do
  n=${d##*/}
  (enter "${d%/*}" && [ -f "./$n" ] && mv -f -- "./$n" "./$n.before-provision") &&
    echo "$d is kept as $d.before-provision" && moved=yes
done
# That a unit has its first drop-in, systemd does not tell.
[ -z "${moved-}" ] && [ "$verb" != begin ] && [ "$(systemctl show -p NeedDaemonReload --value -- "$unit")" != yes ] &&
  [ "$(systemctl show -p LoadState --value -- "$unit")" = loaded ] || systemctl daemon-reload || exit 1
case $verb in
  mend) [ "$(systemctl is-enabled -- "$unit" 2>/dev/null)" = enabled ] || systemctl enable --quiet -- "$unit" ;;
  start|begin)
    [ "$verb" = begin ] || [ "$(systemctl is-enabled -- "$unit" 2>/dev/null)" = enabled ] || systemctl enable --quiet -- "$unit" || exit 1
    systemctl reset-failed -- "$unit" 2>/dev/null
    systemctl start -- "$unit" || { systemctl show -p ActiveState,SubState,Result,ExecMainStatus -- "$unit"; journalctl --no-pager -o cat -n 20 -u "$unit"; exit 1; }
    # The launcher is over when the unit's main process has become java; or it has failed.
    n=0
    while [ $n -lt 600 ] && systemctl is-active --quiet -- "$unit"; do
      p=$(systemctl show -p MainPID --value -- "$unit")
      c=$(tr '\0' '\n' 2>/dev/null <"/proc/$p/cmdline" | head -n 1)
      case $c in */java|java) exit 0 ;; esac
      n=$((n + 1)); sleep 0.05
    done ;;
  tell) systemctl stop --no-block -- "$unit" ;;
  stop) systemctl stop -- "$unit" ;;
  stop-all-*)
    s=${verb#stop-all-}
    timeout "$s" systemctl stop -- "$unit" && exit 0
    echo "$unit had not ended $s s after SIGTERM, with the whole cluster stopping: ended with SIGKILL"
    systemctl kill --kill-who=all --signal=KILL -- "$unit"
    systemctl stop -- "$unit" ;;
esac
