# HOME LAUNCHER_SCRIPT PROPERTIES OUT: starts one process that outlives us and holds nothing of ours.
home=$1 launcher=$2 file=$3 out=$4
umask 027
mkdir -p -- "${out%/*}" || exit 1
: >>"$out" || exit 1
PROVISION_CONSOLE=OFF PROVISION_HOME=$home
export PROVISION_CONSOLE PROVISION_HOME
cd "$home" || exit 1
# Descriptors of the lock and the connection end here; 3 to 9 are all that our scripts use.
setsid sh -c 'exec "$@"' sh "$home/bin/$launcher" "$file" >>"$out" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
# It counts as running from the moment it has become java; if it ends before, the log says why.
pid=$! n=0
while [ $n -lt 600 ] && kill -0 "$pid" 2>/dev/null; do
  c=$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | head -n 1)
  case $c in */java|java) exit 0 ;; esac
  n=$((n + 1)); sleep 0.05
done
exit 0
