# UNIT OUT LOG: the last lines of what a process said, and what systemd says of it.
u=$1; shift
if [ -n "$u" ]; then
  systemctl show -p ActiveState,Result,ExecMainStatus -- "$u" | tr '\n' ' '; echo
  journalctl --no-pager -o cat -n 20 -u "$u"
fi
for f do
  [ -f "$f" ] && [ -f "$f" ] && [ -r "$f" ] || continue
  echo "== $f"
  # What told of the failure first, since this start: it may stand far above the end.
  tail -n 5000 -- "$f" | awk '
    /Log4jController|Reading configuration from/ { n = 0 }
    / (ERROR|FATAL) |^[A-Za-z.]+(Exception|Error)(:|$)|^Caused by: / {
      if (n < 12) said[n++] = substr($0, 1, 600)
    }
    END { for (i = 0; i < n; i++) print said[i] }'
  echo "== the end of it"
  tail -n 60 -- "$f"
done
exit 0
