# HOME DIST JAVA ARCHIVE [NODE SIZE ENV_SIZE]...: Kafka's own code reads the properties that stdin has
# for each node (SIZE bytes, then ENV_SIZE bytes of NAME=VALUE lines), as a start of DIST by JAVA
# would; nothing is started, no port is opened. Of each node a line "=NODE STATUS", then what Kafka
# said, each line after a "|". The files are gone again when it ends.
home=$1 dist=$2 java=$3 archive=$4; shift 4
umask 077
# In a home that is not of our making nothing is put, not even for a second.
if [ -n "$home" ]; then d=$home/.provision/accepted; rm -rf -- "$d" && mkdir -p -- "$d" || exit 1
else d=$(mktemp -d) || exit 1; fi
trap 'rm -rf -- "$d"' EXIT
case $java in
  system) if [ -n "${JAVA_HOME-}" ]; then java=$JAVA_HOME/bin/java; else java=$(command -v java); fi ;;
  *) java=$java/bin/java ;;
esac
path=
for j in "$dist"/libs/*.jar; do path=${path:+$path:}$j; done
shared=
[ ! -f "$archive/kafka.jsa" ] || shared=-XX:SharedArchiveFile=$archive/base.jsa:$archive/kafka.jsa
one() {
  cd "$d" || exit 1
  set -- "$1" "$java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m ${shared:+-Xlog:cds=off} \
    ${shared:+-Xlog:cds+dynamic=off} ${shared:+"$shared"} -cp "$path" kafka.tools.StorageTool info -c "$d/$1.properties"
  n=$1; shift
  # By sh, since env would take a path with = in it for a variable.
  set -- sh -c 'exec "$@"' sh "$@"
  IFS='
'
  set -f
  for v in $(cat "$d/$n.env"); do set -- "$v" "$@"; done
  env "$@" >"$d/$n.out" 2>&1 </dev/null
  echo $? >"$d/$n.status"
}
names= count=0 cores=$(nproc 2>/dev/null || echo 2)
while [ $# -ge 3 ]; do
  head -c "$2" >"$d/$1.properties" && head -c "$3" >"$d/$1.env" || exit 1
  names="$names $1"; shift 3
done
for n in $names; do
  one "$n" &
  count=$((count + 1)); [ $((count % cores)) != 0 ] || wait
done
wait
for n in $names; do
  echo "=$n $(cat "$d/$n.status" 2>/dev/null)"
  head -c 16384 "$d/$n.out" | head -n 40 | sed 's/^/|/'
done
