# ports PORT...: for each port that somebody listens on: "PORT PID COMMAND" (PID - when it is
# another user's and we may not look).
ports() {
  for w do
    x=$(printf '%04X' "$w")
    i=$(awk -v x="$x" '$4 == "0A" { n = split($2, a, ":"); if (a[n] == x) print $10 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sort -u)
    [ -n "$i" ] || continue
    found=
    for n in $i; do
      f=$(ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v s="socket:[$n]" '/^\/proc\// { d = $1 } index($0, s) { print d; exit }')
      [ -n "$f" ] || continue
      p=${f#/proc/}; p=${p%%/*}
      c=$(tr '\0\n' '  ' <"/proc/$p/cmdline" 2>/dev/null | cut -c1-160)
      printf '%s %s %s\n' "$w" "$p" "${c:-?}"; found=yes; break
    done
    [ -n "$found" ] || printf '%s - %s\n' "$w" "a process of another user"
  done
}
