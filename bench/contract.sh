#!/usr/bin/env bash
# Holds the given binary, started on an empty folder, against the API's description that it serves: Schemathesis sends what
# the description allows and what it forbids, and every answer must be as described. One line a seed; fails if any answer,
# the log, the ledger or the server's health is wrong. What failed is told by a curl line each, in the report that is named.
# Usage: bench/contract.sh target/debug/studio    with SEEDS="4 5" for other requests, MAX_EXAMPLES=200 for more of them,
# SCHEMATHESIS=/path/to/st for one that is installed already, REPORTS=folder to keep the reports
set -euo pipefail
version=4.32.5
binary=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
seeds=${SEEDS:-1 2 3}
examples=${MAX_EXAMPLES:-50}
folder=$(mktemp -d)
reports=${REPORTS:-$folder}
server=
cleanup() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"; }
trap cleanup EXIT
mkdir -p "$reports"
reports=$(realpath "$reports")

tool=${SCHEMATHESIS:-}
if [ -z "$tool" ]; then
  python3 -m venv "$folder/python"
  "$folder/python/bin/pip" install -q --disable-pip-version-check "schemathesis==$version"
  tool=$folder/python/bin/st
fi
tool=$(realpath -s "$tool")

failed=0
wrong() { echo "seed $seed: $1" >&2; failed=1; }
for seed in $seeds; do
  data=$folder/$seed log=$reports/server-$seed.log report=$reports/seed-$seed
  : >"$log"
  # Limits are held to account elsewhere; here they would only hide other answers.
  env -i STUDIO_LOG=info STUDIO_LIMITS__QUEUED=1000000 STUDIO_LIMITS__QUEUED_PER_USER=1000000 STUDIO_LIMITS__AT_ONCE=100000 \
    $(printf 'STUDIO_LIMITS__%s=1000000/min ' GENERATION CHAT STATUS ASSET CONTROL OPEN AUTH) \
    "$binary" serve --data "$data" --listen 127.0.0.1:0 >"$log" 2>&1 &
  server=$!
  until address=$(sed -n 's/^The studio is ready at //p' "$log") && [ -n "$address" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.02
  done
  until curl -sf "$address/api/v1/health/ready" >/dev/null; do sleep 0.02; done
  key=$("$binary" key create --data "$data" --user a@example.com --name contract --scopes generate,read,account,admin --json |
    sed -n 's/.*"key": *"\([^"]*\)".*/\1/p')

  # Nobody leaves keys of providers, for with them requests would leave this machine. From an empty folder, so that no memory of
  # earlier runs is found there. Answers may take as long as a caller may wait: 60 s.
  (cd "$(mktemp -d -p "$folder")" && SCHEMATHESIS_HOOKS=contract_hooks PYTHONPATH=$here "$tool" --config-file "$here/contract.toml" run "$address/openapi.json" --header "Authorization: Bearer $key" \
    --exclude-path "/api/v1/provider-keys/{provider}" --phases examples,coverage,fuzzing,stateful --mode all --seed "$seed" --max-examples "$examples" \
    --request-timeout 80 --max-response-time 70 --generation-database none --no-color --report json --report-json-path "$report.json") \
    >"$report.txt" 2>&1 || wrong "answers are not as described: see $report.txt"

  [ "$(curl -s -o /dev/null -w '%{http_code}' "$address/api/v1/health/ready")" = 200 ] || wrong 'the server is not ready'
  if grep -qiE 'a handler broke|panicked' "$log"; then wrong "a handler broke: see $log"; fi
  "$binary" ledger verify --json --data "$data" >"$report-ledger.json" || wrong "the ledger: $(cat "$report-ledger.json")"
  kill -INT "$server" && wait "$server" || true
  server=
  python3 - "$seed" "$report.json" <<'PYTHON' || wrong 'there is no report'
import json, sys
seed, report = sys.argv[1], json.load(open(sys.argv[2]))
cases, kinds = report["test_cases"], [f'{kind["title"]} x {kind["count"]}' for kind in report["failures"]]
print(f'seed {seed}: {cases["generated"]} requests, {report["operations"]["tested"]} operations, '
      f'{cases["unique_failures"]} failures, {len(report["errors"])} errors', *kinds, sep="; ")
PYTHON
done
if [ "$failed" != 0 ] && [ "$reports" = "$folder" ]; then
  for seed in $seeds; do sed -n '/= FAILURES =/,$p' "$reports/seed-$seed.txt" >&2; done
fi
exit "$failed"
