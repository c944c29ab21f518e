#!/bin/bash
# KAFKA_FOO_BAR=x becomes foo.bar=x; the folder is formatted once; then the broker runs.
set -euo pipefail
settings=/tmp/server.properties
env | sed -nE '/^KAFKA_(HEAP_OPTS|OPTS|VERSION)=/d; s/^KAFKA_([A-Z0-9_]+)=(.*)$/\1 \2/p' |
    while read -r name value; do
        echo "$(tr 'A-Z_' 'a-z.' <<<"$name")=$value"
    done >$settings
/opt/kafka/bin/kafka-run-class.sh kafka.tools.StorageTool format --ignore-formatted \
    -t "${CLUSTER_ID:-4L6g3nShT-eMCtK--X86sw}" -c $settings
exec /opt/kafka/bin/kafka-server-start.sh $settings
