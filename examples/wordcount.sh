#!/bin/sh
# A job's program that prints its graph: the words of a text, counted.
#   selvedge run [-t TARGET] [-p N] examples/wordcount.sh INPUT OUTPUT
set -e
input=$1 output=$2
[ -n "$output" ] || { echo "usage: wordcount.sh INPUT OUTPUT" >&2; exit 64; }
echo "counting the words of $input"
cat >&"$SELVEDGE_JOB_GRAPH_OUT" <<GRAPH
{
  "name": "word count of $input",
  "vertices": [
    {"id": "read", "chain": [
      {"id": "lines", "operator": "file-source", "paths": ["$input"], "format": {"type": "text"}},
      {"id": "words", "operator": "flat-map", "expression": "words(line)", "as": "word"}
    ]},
    {"id": "count", "chain": [
      {"id": "by-word", "operator": "aggregate", "keys": ["word"], "aggregates": [{"expression": "count(*)", "as": "n"}]},
      {"id": "write", "operator": "file-sink", "path": "$output", "format": {"type": "csv"}}
    ]}
  ],
  "edges": [{"source": "read", "target": "count", "partitioner": {"type": "hash", "keys": ["word"]}}]
}
GRAPH
