#!/bin/sh
# Starts a broker or a controller: kafka-server-start.sh [-daemon] FILE [--override key=value]...
unset CDPATH
PROVISION_HOME=${PROVISION_HOME:-$(cd "$(dirname "$0")/.." && pwd -L)}; export PROVISION_HOME
exec /bin/sh "$(dirname "$0")/provision-launch.sh" run kafka.Kafka "$@"
