#!/bin/bash
# `hdfs`, `yarn` and `zkServer.sh` of the images that the suite makes: Hadoop's own scripts are in no Maven artifact.
# The name it is called by and the first argument tell the class to run.
set -euo pipefail

command="${0##*/} ${1-}"
case "$command" in
    "hdfs namenode") main=org.apache.hadoop.hdfs.server.namenode.NameNode ;;
    "hdfs datanode") main=org.apache.hadoop.hdfs.server.datanode.DataNode ;;
    "hdfs dfs") main=org.apache.hadoop.fs.FsShell ;;
    "yarn resourcemanager") main=org.apache.hadoop.yarn.server.resourcemanager.ResourceManager ;;
    "yarn nodemanager") main=org.apache.hadoop.yarn.server.nodemanager.NodeManager ;;
    "zkServer.sh start-foreground") main=org.apache.zookeeper.server.quorum.QuorumPeerMain ;;
    *)
        echo "this image has no command $command" >&2
        exit 2 ;;
esac
shift
exec "$JAVA_HOME/bin/java" "-Xmx${HADOOP_HEAPSIZE_MAX:-256m}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss512k \
    -Djava.net.preferIPv4Stack=true --add-opens=java.base/java.lang=ALL-UNNAMED \
    -cp "${HADOOP_CONF_DIR:-/opt/hadoop/conf}:/opt/hadoop/www:/opt/hadoop/lib/*" "$main" "$@"
