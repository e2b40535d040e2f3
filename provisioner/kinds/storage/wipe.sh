# PATH CLUSTER_ID NODE_ID NAMED HOME: empties a data folder of ours; never a mount point itself,
# never across filesystems. NAMED: the user named this path, or asked for a rebuild.
path=$1 cluster=$2 node=$3 named=$4 home=$5
[ -d "$path" ] || exit 0
[ -L "$path" ] && { echo "$path is a link: not emptied"; exit 1; }
real=$(cd "$path" && pwd -P) || exit 1
case $real in
  /|/bin|/boot|/dev|/etc|/home|/lib|/lib64|/media|/mnt|/opt|/proc|/root|/run|/sbin|/srv|/sys|/tmp|/usr|/usr/*|/etc/*|/var|/var/lib|/var/log)
    echo "$path is a system folder: not emptied"; exit 1 ;;
esac
here=$(cd "$home" 2>/dev/null && pwd -P)
case $here/ in "$real"/*) echo "$path holds Kafka's own folder: not emptied"; exit 1 ;; esac
for h in $(cut -d: -f6 /etc/passwd); do
  case $h/ in "$real"/*) echo "$path is a home folder or above one: not emptied"; exit 1 ;; esac
done
if [ "$named" != yes ] && [ -f "$path/meta.properties" ]; then
  grep -q -x "cluster.id=$cluster" "$path/meta.properties" &&
    grep -q -x -e "node.id=$node" -e "broker.id=$node" "$path/meta.properties" ||
    { echo "$path belongs to another cluster or node; to empty it nevertheless: --allow wipe-log-dir=$path"; exit 1; }
elif [ "$named" != yes ] && [ -n "$cluster" ]; then
  [ -z "$(ls -A "$path")" ] || { echo "$path has no meta.properties; to empty it nevertheless: --allow wipe-log-dir=$path"; exit 1; }
fi
find "$path" -xdev -mindepth 1 -depth ! -path "$path/lost+found" -delete
