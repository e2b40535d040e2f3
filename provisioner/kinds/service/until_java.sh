# until_java PID: a process counts as running from the moment it has become java; if it ends before, the log
# says why.
until_java() {
  n=0
  while [ $n -lt 600 ] && kill -0 "$1" 2>/dev/null; do
    c=$(tr '\0' '\n' 2>/dev/null <"/proc/$1/cmdline" | head -n 1)
    case $c in */java|java) break ;; esac
    n=$((n + 1)); sleep 0.05
  done
}
