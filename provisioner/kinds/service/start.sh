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
until_java $!
