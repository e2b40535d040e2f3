#!/bin/sh
# Starts a ZooKeeper server: zookeeper-server-start.sh [-daemon] FILE
unset CDPATH
PROVISION_HOME=${PROVISION_HOME:-$(cd "$(dirname "$0")/.." && pwd -L)}; export PROVISION_HOME
exec /bin/sh "$(dirname "$0")/provision-launch.sh" run org.apache.zookeeper.server.quorum.QuorumPeerMain "$@"
