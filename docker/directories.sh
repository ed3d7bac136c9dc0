#!/usr/bin/env bash
# The directories that a cluster has before its first user comes, and a text for WordCount.
set -euo pipefail

hdfs dfs -mkdir -p /tmp /user/demo
hdfs dfs -chmod 1777 /tmp
hdfs dfs -put -f /selvedge/README.md /user/demo/README.md
hdfs dfs -chown -R demo /user/demo
