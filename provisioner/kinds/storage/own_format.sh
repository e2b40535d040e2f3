# JAVA HOME LOG_DIR PROPERTIES CLUSTER_ID FLAGS...: formats what the properties name, unless it is, by the
# command of a Kafka that we did not install. JAVA is a Java home, or says that the system's is used.
java=$1 home=$2 dir=$3 file=$4 id=$5; shift 5
[ -f "$dir/meta.properties" ] && exit 0
cd "$home" || exit 1
case $java in /*) JAVA_HOME=$java; export JAVA_HOME ;; esac
KAFKA_HEAP_OPTS=-Xmx256m; export KAFKA_HEAP_OPTS
# Its words are worth something only when it fails.
o=$(./bin/kafka-storage.sh format --ignore-formatted --cluster-id "$id" --config "$file" "$@" 2>&1) || { printf '%s\n' "$o"; exit 1; }
