# STATE ID: ends the holder whose token begins with ID; it first ends its run's steps.
state=$1 id=$2
enter "$state" && own_file lock.token && own_file lock.pid || exit 1
token=; read -r token 2>/dev/null <lock.token
case $token in "$id"?*) ;; *) echo other; exit 0 ;; esac
pid= start= boot=; read -r pid start boot 2>/dev/null <lock.pid
read -r now </proc/sys/kernel/random/boot_id
same() { [ -n "$pid" ] && [ "$boot" = "$now" ] && [ "$(start_of "$pid")" = "$start" ]; }
same || { echo gone; exit 0; }
kill -TERM "$pid" || exit 1
n=0
while same; do
  # It waits for a beat by timeout(1), and comes to its trap when that has ended.
  for s in /proc/[0-9]*/stat; do
    read -r l 2>/dev/null <"$s" || continue
    case $l in *" (timeout) "[A-Z]" $pid "*) kill -TERM "${l%% *}" 2>/dev/null ;; esac
  done
  n=$((n + 1)); [ "$n" -gt 150 ] && { echo "process $pid has not ended"; exit 1; }
  sleep 0.2
done
echo ended
