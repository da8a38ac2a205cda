#!/usr/bin/env bash
# What a log of 'make test' has on its failures, in short: whoever sees the log's end alone is to know the cause.
#     tests/what_failed.sh LOG
set -euo pipefail

sed 's/\x1b\[[0-9;]*m//g' "$1" |
    grep -nE -A12 '(fatal|failed): \[|^\[ERROR\]|^ERROR!|^CRITICAL|^(FAILED|ERROR) tests/|^E   |: error: |^make.* \*\*\* ' |
    cut -c 1-600 | tail -n 150
