#!/bin/sh
# Trogdor, Kafka's test framework. Its jar is in Kafka's own download only.

action=${1:-}
[ $# -gt 0 ] && shift
case $action in
  agent) class=org.apache.kafka.trogdor.agent.Agent ;;
  agent-client) class=org.apache.kafka.trogdor.agent.AgentClient ;;
  coordinator) class=org.apache.kafka.trogdor.coordinator.Coordinator ;;
  coordinator-client) class=org.apache.kafka.trogdor.coordinator.CoordinatorClient ;;
  *)
    echo "USAGE: $0 agent|agent-client|coordinator|coordinator-client [options]" >&2
    exit 1
    ;;
esac
exec "$(dirname -- "$0")/kafka-run-class.sh" "$class" "$@"
