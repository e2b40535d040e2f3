# PATH CLUSTER_ID NODE_ID NAMED HOME ROLE: empties a data folder of ours; never a mount point itself,
# never across filesystems. NAMED (yes): the user named this very path, or asked for a rebuild; else
# the folder itself must say that it belongs to this node.
path=$1 cluster=$2 node=$3 named=$4 home=$5 role=$6
[ -d "$path" ] || exit 0
[ -L "$path" ] && { echo "$path is a link: not emptied"; exit 1; }
real=$(CDPATH= cd -- "$path" && pwd -P) || exit 1
case $real in
  /|/bin|/boot|/dev|/etc|/home|/lib|/lib64|/media|/mnt|/opt|/proc|/root|/run|/sbin|/srv|/sys|/tmp|/usr|/usr/*|/etc/*|/var|/var/lib|/var/log)
    echo "$path is a system folder: not emptied"; exit 1 ;;
esac
here=$(CDPATH= cd -- "$home" 2>/dev/null && pwd -P)
case $here/ in "$real"/*) echo "$path holds Kafka's own folder: not emptied"; exit 1 ;; esac
for h in $(cut -d: -f6 /etc/passwd); do
  case $h/ in "$real"/*) echo "$path is a home folder or above one: not emptied"; exit 1 ;; esac
done
refuse() { echo "$path $1; to empty it nevertheless: --allow wipe-log-dir=$path"; exit 1; }
if [ "$named" != yes ] && [ -n "$(ls -A -- "$path")" ]; then
  if [ "$role" = zookeeper ]; then
    [ -f "$path/myid" ] && read -r id <"$path/myid" && [ "$id" = "$node" ] || refuse "is not this ZooKeeper server's"
  else
    [ -f "$path/meta.properties" ] || refuse "has no meta.properties"
    [ -n "$cluster" ] && grep -q -x -F -e "cluster.id=$cluster" "$path/meta.properties" &&
      grep -q -x -F -e "node.id=$node" -e "broker.id=$node" "$path/meta.properties" ||
      refuse "belongs to another cluster or node"
  fi
fi
find "$path" -xdev -mindepth 1 -depth ! -path "$path/lost+found" -delete
