#!/usr/bin/env bash
# Formats the volume when it is new, then is the NameNode. A volume that holds a file system is never touched.
set -euo pipefail

if [ ! -d /selvedge/data/namenode/current ]; then
    hdfs namenode -format -nonInteractive
fi
exec hdfs namenode
