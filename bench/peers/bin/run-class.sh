#!/bin/sh
# What Kafka's own bin/kafka-run-class.sh comes down to: its default flags, all jars.
home=$(cd "$(dirname "$0")/.." && pwd)
: "${KAFKA_HEAP_OPTS:=-Xmx256M}"
logging=$home/config/${LOGGING:-tools-log4j}
if [ -r "$logging.properties" ]; then logging=-Dlog4j.configuration=file:$logging.properties
else logging=-Dlog4j2.configurationFile=$home/config/${LOGGING_2:-tools-log4j2}.yaml; fi
exec "${JAVA_HOME:-/opt/jre}/bin/java" $KAFKA_HEAP_OPTS -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
  -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true \
  -Dkafka.logs.dir="${LOG_DIR:-/var/lib/kafka}" "$logging" -cp "$home/libs/*" "$@"
