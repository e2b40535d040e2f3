# HOME CONNECT EPOCH NODE...: deletes nodes in ZooKeeper; the last of them nobody makes anew at once. Before,
# the epoch from which a broker goes on that then takes charge is set (empty: it stays).
home=$1 connect=$2 epoch=$3; shift 3
cd "$home" || exit 1
KAFKA_HEAP_OPTS=-Xmx128m; export KAFKA_HEAP_OPTS
KAFKA_JVM_PERFORMANCE_OPTS='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'; export KAFKA_JVM_PERFORMANCE_OPTS
for n do last=$n; done
o=$({ [ -z "$epoch" ] || printf 'set /controller_epoch %s\n' "$epoch"; for n do printf 'deleteall %s\n' "$n"; done; printf 'stat %s\n' "$last"; } | ./bin/zookeeper-shell.sh "$connect" 2>&1)
case $o in *"Node does not exist: $last"*) exit 0 ;; esac
printf '%s\n' "$o" | tail -n 5
echo "$last in ZooKeeper ($connect) was not deleted"
exit 1
