# LOG_DIR NODE_ID CLUSTER_ID DIRECTORY_ID: writes meta.properties again, unless it has its ids. Without
# a directory id Kafka gives itself one when it starts.
dir=$1 node=$2 cluster=$3 directory=$4
f=$dir/meta.properties
grep -q '^cluster\.id=.' "$f" 2>/dev/null && grep -q '^node\.id=.' "$f" && exit 0
umask 027
{ printf 'version=1\nnode.id=%s\ncluster.id=%s\n' "$node" "$cluster"
  [ -z "$directory" ] || printf 'directory.id=%s\n' "$directory"; } >"$f.provision" && sync -- "$f.provision" && mv -f -- "$f.provision" "$f"
