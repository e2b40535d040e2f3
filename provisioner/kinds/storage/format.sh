# HOME LOG_DIR PROPERTIES CLUSTER_ID FLAGS...: formats what the properties name, unless it is.
home=$1 dir=$2 file=$3 id=$4; shift 4
[ -f "$dir/meta.properties" ] && exit 0
cd "$home" || exit 1
KAFKA_HEAP_OPTS=-Xmx256m; export KAFKA_HEAP_OPTS
# It is a JVM's start and little else: the quick compiler, and the classes as the launcher has them.
conf=${file##*/}; conf=.provision/launch/${conf%.properties}.conf archive= dist=
while IFS= read -r l; do
  case $l in hint.archive=*) archive=.provision/dist/${l##*/} ;; dist=*) dist=${l#dist=} ;; esac
done <"$conf"
KAFKA_JVM_PERFORMANCE_OPTS='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
if [ -f "$archive/kafka.jsa" ]; then
  CLASSPATH=
  for j in "$dist"/libs/*.jar; do CLASSPATH=${CLASSPATH:+$CLASSPATH:}$j; done
  KAFKA_JVM_PERFORMANCE_OPTS="$KAFKA_JVM_PERFORMANCE_OPTS -Xlog:cds=off -Xlog:cds+dynamic=off
-XX:SharedArchiveFile=$archive/base.jsa:$archive/kafka.jsa"
  export CLASSPATH
fi
export KAFKA_JVM_PERFORMANCE_OPTS
# Its words are worth something only when it fails.
o=$(./bin/kafka-storage.sh format --ignore-formatted --cluster-id "$id" --config "$file" "$@" 2>&1) || { printf '%s\n' "$o"; exit 1; }
