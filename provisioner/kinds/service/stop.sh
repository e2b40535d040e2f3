# SECONDS USER HOME NAME PROPERTIES: ends every process of this service: SIGTERM, waits for the
# controlled shutdown, SIGKILL only after SECONDS, and says so.
seconds=$1; shift
list=$(ours "$@" | tr ' ' ':')
[ -n "$list" ] || exit 0
# each SIGNAL: sends it to all that are left; what cannot be signalled is still waited for.
each() { for l in $left; do s=${l#*:}; signal "$1" "${l%%:*}" "${s%%:*}" "${s#*:}" && told "${l%%:*}"; done; }
left_of() { left=; for l in $list; do s=${l#*:}; alive "${l%%:*}" "${s%%:*}" && left="$left $l"; done; [ -n "$left" ]; }
told() { :; }
left=$list
each TERM
n=0; limit=$((seconds * 10))
while left_of; do n=$((n + 1)); [ $n -gt $limit ] && break; sleep 0.1; done
[ -n "$left" ] || exit 0
told() { echo "killed $1 with SIGKILL: it had not ended $seconds s after SIGTERM"; }
each KILL
n=0
while left_of; do n=$((n + 1)); [ $n -gt 100 ] && break; sleep 0.1; done
[ -n "$left" ] || exit 0
echo "processes$left do not end"; exit 1
