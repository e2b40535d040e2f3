# SECONDS HOME NAME PROPERTIES: ends every process of this service: SIGTERM, waits for the
# controlled shutdown, SIGKILL only after SECONDS, and says so.
seconds=$1 home=$2 name=$3 file=$4
mine() { processes | FILE=$file NAME=$name HOMEDIR=$home awk -F'\t' '
  NF && ($8 == ENVIRON["FILE"] || ($5 == ENVIRON["NAME"] && $7 == ENVIRON["HOMEDIR"])) { print $1 "\t" $2 }'; }
# alive PID START: whether that very process still runs; start time is the 20th field after the name.
alive() { s=$(sed -n 's/^[0-9]* (.*) //p' "/proc/$1/stat" 2>/dev/null) && [ -n "$s" ] || return 1
  case $s in Z*) return 1 ;; esac
  set -- "$2" $s; [ "${21}" = "$1" ]; }
list=$(mine)
[ -n "$list" ] || exit 0
printf '%s\n' "$list" | while IFS='	' read -r pid start; do alive "$pid" "$start" && kill -TERM "$pid"; done
n=0; limit=$((seconds * 10))
while :; do
  left=; for l in $(printf '%s\n' "$list" | tr '\t' ':'); do alive "${l%%:*}" "${l##*:}" && left="$left $l"; done
  [ -n "$left" ] || exit 0
  n=$((n + 1)); [ $n -gt $limit ] && break
  sleep 0.1
done
for l in $left; do alive "${l%%:*}" "${l##*:}" && kill -KILL "${l%%:*}" && echo "killed ${l%%:*} with SIGKILL: it had not ended $seconds s after SIGTERM"; done
n=0
while [ $n -lt 100 ]; do
  left=; for l in $(printf '%s\n' "$list" | tr '\t' ':'); do alive "${l%%:*}" "${l##*:}" && left="$left $l"; done
  [ -n "$left" ] || exit 0
  n=$((n + 1)); sleep 0.1
done
echo "processes$left do not end"; exit 1
