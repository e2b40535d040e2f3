#!/bin/sh
# Runs a class of Kafka with the Java and the jars that belong to this Kafka home.
#
# Environment, as in Kafka's own download: KAFKA_HEAP_OPTS, KAFKA_OPTS, KAFKA_LOG4J_OPTS,
# KAFKA_JVM_PERFORMANCE_OPTS, KAFKA_GC_LOG_OPTS, KAFKA_JMX_OPTS, JMX_PORT, KAFKA_DEBUG, LOG_DIR,
# CLASSPATH (goes before Kafka's own jars). JAVA_HOME and PATH are asked when the home names no Java.

if [ $# -lt 1 ]; then
  echo "USAGE: $0 [-daemon] [-name servicename] [-loggc] classname [opts]" >&2
  exit 1
fi

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
home=${here%/*}
# Reached by its real path instead of by the home's link bin: the home is where .provision lies.
case $here in
  */.provision/dist/*/bin) [ -d "$home/libs" ] || home=${here%/.provision/dist/*} ;;
esac

java_home=
dist=
conf=$home/.provision/launch/default.conf
if [ -r "$conf" ]; then
  while IFS= read -r line; do
    case $line in
      java=*) java_home=${line#java=} ;;
      dist=*) dist=${line#dist=} ;;
    esac
  done <"$conf"
fi

[ -n "$java_home" ] && [ -x "$java_home/bin/java" ] || java_home=${JAVA_HOME:-}
if [ -n "$java_home" ]; then java=$java_home/bin/java; else java=java; fi
if ! command -v "$java" >/dev/null 2>&1; then
  echo "$0: no Java: $conf names none that can be run, nor do JAVA_HOME and PATH" >&2
  exit 1
fi

[ -n "$dist" ] && [ -d "$dist/libs" ] || dist=$home
if [ ! -d "$dist/libs" ]; then
  echo "$0: no Kafka: neither $conf nor $home/libs leads to its jars" >&2
  exit 1
fi

# What a person changed in the home's config/ goes before what came with the distribution.
tools_config() {
  for folder in "$home/config" "$dist/config"; do
    if [ -r "$folder/$1" ]; then
      printf '%s\n' "$folder/$1"
      return 0
    fi
  done
  return 1
}

name=kafkaServer
daemon=
loggc=
while [ $# -gt 0 ]; do
  case $1 in
    -name) name=$2; shift 2 ;;
    -loggc) loggc=yes; shift ;;
    -daemon) daemon=yes; shift ;;
    *) break ;;
  esac
done

logs=${LOG_DIR:-$home/logs}
classes="$dist/libs/*"
[ -n "${CLASSPATH:-}" ] && classes=${CLASSPATH#:}:$classes
set -- -cp "$classes" ${KAFKA_OPTS:-} "$@"

if [ -n "${KAFKA_LOG4J_OPTS:-}" ]; then
  mkdir -p -- "$logs" 2>/dev/null
  set -- $KAFKA_LOG4J_OPTS "$@"
elif [ -r "$dist/config/tools-log4j2.yaml" ]; then
  set -- "-Dlog4j2.configurationFile=$(tools_config tools-log4j2.yaml)" "$@"
elif file=$(tools_config tools-log4j.properties); then
  set -- "-Dlog4j.configuration=file:$file" "$@"
fi
set -- "-Dkafka.logs.dir=$logs" "$@"

if [ -n "${JMX_PORT:-}" ]; then
  jmx=-Dcom.sun.management.jmxremote
  # Who reaches it may run anything: without options of your own it is for this machine only.
  : "${KAFKA_JMX_OPTS:=$jmx $jmx.authenticate=false $jmx.ssl=false $jmx.host=127.0.0.1 -Djava.rmi.server.hostname=127.0.0.1}"
  set -- "$jmx.port=$JMX_PORT" "$@"
  case $KAFKA_JMX_OPTS in
    *jmxremote.rmi.port=*) ;;
    *) set -- "$jmx.rmi.port=$JMX_PORT" "$@" ;;
  esac
fi
set -- ${KAFKA_JMX_OPTS:-} "$@"

if [ -n "${KAFKA_GC_LOG_OPTS:-}" ]; then
  set -- $KAFKA_GC_LOG_OPTS "$@"
elif [ -n "$loggc" ]; then
  mkdir -p -- "$logs"
  set -- "-Xlog:gc*:file=\"$logs/$name-gc.log\":time,tags:filecount=10,filesize=100M" "$@"
fi

if [ -n "${KAFKA_DEBUG:-}" ]; then
  address=${JAVA_DEBUG_PORT:-5005}
  wait=${DEBUG_SUSPEND_FLAG:-n}
  : "${JAVA_DEBUG_OPTS:=-agentlib:jdwp=transport=dt_socket,server=y,suspend=$wait,address=$address}"
  echo "Enabling Java debug options: $JAVA_DEBUG_OPTS"
  set -- $JAVA_DEBUG_OPTS "$@"
fi

: "${KAFKA_HEAP_OPTS:=-Xmx256M}"
: "${KAFKA_JVM_PERFORMANCE_OPTS:=-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true}"
set -- $KAFKA_HEAP_OPTS $KAFKA_JVM_PERFORMANCE_OPTS "$@"

if [ -n "$daemon" ]; then
  mkdir -p -- "$logs"
  nohup "$java" "$@" >"${CONSOLE_OUTPUT_FILE:-$logs/$name.out}" 2>&1 </dev/null &
else
  exec "$java" "$@"
fi
