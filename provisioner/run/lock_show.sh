# STATE: the lock file as it is; nothing is taken, touched or opened for writing.
state=$1
[ -e "$state" ] || { echo held=no; exit 0; }
[ -r "$state" ] && [ -x "$state" ] || { echo "$state cannot be read by $(id -un)"; exit 1; }
enter "$state" && own_file lock.holder && own_file lock.token && own_file lock.pid || exit 1
[ -e lock.holder ] && inode=$(stat -c %i lock) || { echo held=no; exit 0; }
who=; read -r who 2>/dev/null <lock.holder
token=; read -r token 2>/dev/null <lock.token
pid= start= boot=; read -r pid start boot 2>/dev/null <lock.pid
held=no
read -r now </proc/sys/kernel/random/boot_id
[ -n "$pid" ] && [ "$boot" = "$now" ] && [ "$(start_of "$pid")" = "$start" ] && held=yes
# The kernel's own list; in some containers it leaves out locks whose flock(1) has ended.
grep -q "^[0-9]*: FLOCK .*:$inode " /proc/locks && held=yes
echo "held=$held"
echo "silent=$(($(date +%s) - $(stat -c %Y lock)))"
echo "pid=$pid"
printf 'id=%.8s\n' "$token"
printf 'who=%s\n' "$who"
