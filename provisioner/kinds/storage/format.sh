# HOME LOG_DIR PROPERTIES CLUSTER_ID FLAGS...: formats what the properties name, unless it is.
home=$1 dir=$2 file=$3 id=$4; shift 4
[ -f "$dir/meta.properties" ] && exit 0
cd "$home" || exit 1
KAFKA_HEAP_OPTS=-Xmx256m; export KAFKA_HEAP_OPTS
# Its words are worth something only when it fails.
o=$(./bin/kafka-storage.sh format --ignore-formatted --cluster-id "$id" --config "$file" "$@" 2>&1) || { printf '%s\n' "$o"; exit 1; }
