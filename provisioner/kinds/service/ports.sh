# ports PORT...: for each port that somebody listens on: "PORT PID USER COMMAND" (PID - when it is
# another user's and we may not look).
ports() {
  all=$(listeners)
  for w do
    found=$(printf '%s\n' "$all" | W=$w awk '$1 == ENVIRON["W"] { print $2 }')
    [ -n "$found" ] || continue
    u=$(printf '%s\n' "$all" | W=$w awk '$1 == ENVIRON["W"] { print $3; exit }')
    u=$(id -nu -- "$u" 2>/dev/null || echo "uid $u" | tr ' ' -)
    p=$(sockets "$(echo /proc/[0-9]*/fd)" $found | awk -F'[ /]' 'NF > 1 { print $4; exit }')
    if [ -z "$p" ]; then printf '%s - %s %s\n' "$w" "$u" "a process of $u"; continue; fi
    c=$({ tr '\000-\037' '[ *]' <"/proc/$p/cmdline"; } 2>/dev/null | cut -c1-160)
    printf '%s %s %s %s\n' "$w" "$p" "$u" "${c:-?}"
  done
}
