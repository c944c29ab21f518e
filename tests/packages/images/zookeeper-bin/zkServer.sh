#!/bin/bash
set -euo pipefail
case $1 in
start-foreground)
    printf '%s\n' dataDir=/data dataLogDir=/datalog clientPort=2181 tickTime=2000 admin.enableServer=false \
        4lw.commands.whitelist=srvr >/tmp/zoo.cfg
    exec java -Xmx256m -cp '/opt/zookeeper/lib/*' org.apache.zookeeper.server.quorum.QuorumPeerMain /tmp/zoo.cfg
    ;;
status)
    exec 3<>/dev/tcp/localhost/2181
    echo srvr >&3
    grep Mode: <&3
    ;;
esac
