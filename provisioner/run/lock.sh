# STATE TOKEN WHO SILENCE: takes this host's lock and holds it while lines come in.
# Prints "got", or "held AGE WHO", or "error TEXT". What has to be made for it is noted as ours, at once.
state=$1 token=$2 who=$3 silence=$4
made=
if [ ! -d "$state" ]; then
  made=$(printf 'directory\t%s\n' "$state"; missing "$state")
  umask 022
  make "${state%/*}" >/dev/null || { echo "error cannot make ${state%/*}: $(make "${state%/*}" 2>&1 | head -n 1)"; exit 1; }
  (umask 027; make "$state" >/dev/null) || { echo "error cannot make $state: $(make "$state" 2>&1 | head -n 1)"; exit 1; }
fi
umask 027
# From here on it stands in the folder.
enter "$state" >/dev/null || { echo "error $(enter "$state")"; exit 1; }
for f in manifest lock lock.holder lock.token lock.pid lock.sessions; do
  own_file "$f" >/dev/null || { echo "error $(own_file "$f")"; exit 1; }
done
{ printf '%s' "${made:+$made
}" >>manifest; } 2>/dev/null || { echo "error cannot write $state"; exit 1; }
[ -z "$made" ] || sync -- manifest
command -v flock >/dev/null || { echo "error flock (util-linux) is not installed here"; exit 1; }
exec 9>>lock || { echo "error cannot open $state/lock"; exit 1; }
n=0
while ! flock -n 9; do
  # Who has just taken it has not yet said who it is; who is letting go no longer says so.
  h=; read -r h 2>/dev/null <lock.holder
  n=$((n + 1)); [ -z "$h" ] && [ $n -lt 100 ] && { sleep 0.1; continue; }
  echo "held $(($(date +%s) - $(stat -c %Y lock))) $h"
  exit 0
done
# A destroy may have removed the file between our opening it and locking it.
[ "$(stat -L -c %i /proc/$$/fd/9 2>/dev/null)" = "$(stat -c %i lock 2>/dev/null)" ] || { echo "held 0 a run that removed it"; exit 0; }
touch lock
: >lock.sessions
# Who holds it can be looked up, and ended by TERM (lock --break) without leaving the run's steps.
ended=
trap 'ended=yes' HUP INT TERM
printf '%s %s %s\n' $$ "$(start_of $$)" "$(cat /proc/sys/kernel/random/boot_id)" >lock.pid
printf '%s\n' "$who" >lock.holder
printf '%s\n' "$token" >lock.token.new && mv -f lock.token.new lock.token
echo "got $(cat /proc/sys/kernel/random/boot_id 2>/dev/null) $(stat -c %d:%i lock)"
# A beat is a line; no line for SILENCE seconds, or the end of input, ends the holder.
while [ -z "$ended" ] && timeout "$silence" sh -c 'IFS= read -r b && [ "$b" = beat ]' 9>&-; do touch -c lock; done
# First what this run still does here, then the lock; services live in sessions of their own. Who
# comes meanwhile is not told that somebody holds it: it waits for the moment that this takes.
rm -f lock.holder
if [ -s lock.sessions ]; then
  for signal in TERM KILL; do
    left=$(cat /proc/[0-9]*/stat 2>/dev/null | awk 'NR == FNR { ours[$1] = 1; next }
      { pid = $1; sub(/^[0-9]+ \(.*\) /, "") } $4 in ours { print pid }' lock.sessions -)
    [ -n "$left" ] || break
    kill -$signal $left 2>/dev/null
    sleep 0.2
  done
fi
rm -f lock.token lock.holder lock.pid lock.sessions
exit 0
