#!/bin/sh
# Kafka's own reader of KAFKA_* (in its jar) writes the properties and formats the storage, as in apache/kafka.
# It reports storage that is already formatted as an error. Kafka starts nevertheless.
set -eu
export CLUSTER_ID="${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}"
said=$(java -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' kafka.docker.KafkaDockerWrapper setup \
  --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config \
  --final-configs-dir /opt/kafka/config 2>&1) || case $said in
  *"already formatted"*) ;;
  *) echo "$said"; exit 1 ;;
esac
exec java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
  -cp '/opt/kafka/libs/*' kafka.Kafka /opt/kafka/config/server.properties
