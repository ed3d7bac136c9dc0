#!/bin/sh
# A program of several jobs: it submits each to its cluster, one after the other, and ends with the first that fails.
#   selvedge run examples/two-jobs.sh FIRST.json SECOND.json
#   selvedge run-application -t yarn-application examples/two-jobs.sh …
set -e
[ -n "$SELVEDGE_REST_URL" ] || { echo "no cluster is there to submit to (SELVEDGE_REST_URL)" >&2; exit 69; }
for job in "$@"; do
    "$SELVEDGE_COMMAND" run -m "${SELVEDGE_REST_URL#http://}" "$job"
done
