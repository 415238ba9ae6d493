#!/usr/bin/env bash
# Asks with curl and jq: sdk/examples/ask/ask.sh [folder of experiments]
set -euo pipefail
url=${TRACKQL_URL:-http://127.0.0.1:4000}
document=$(dirname "$0")/ask.graphql

jq --null-input --rawfile query "$document" --arg folder "${1-}" \
    '{$query, variables: {folder: (if $folder == "" then null else $folder end)}}' |
    curl --silent --show-error --noproxy '*' --header 'Content-Type: application/json' \
        --data @- "$url/graphql" |
    jq --raw-output '
        if .errors then .errors[0].message + "\n" | halt_error else .data end
        | (.best.nodes[] | [.metrics.nodes[0].last.value, .name, .id] | @tsv),
          "",
          (.optimizers.groups[] | [.values[0] // "none", .runs, .measures[0].mean] | @tsv)'
