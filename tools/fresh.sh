#!/usr/bin/env bash
# Fails when the committed generated code differs from what the protos give.
set -euo pipefail
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
buf generate --output "$out" 2>/dev/null
for package in huilian buf; do
  diff -r --exclude=__pycache__ "$out/sdk/$package" "sdk/$package" || {
    echo "generated code is stale: run 'make generate' and commit the result" >&2
    exit 1
  }
done
