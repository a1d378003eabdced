#!/usr/bin/env bash
# Starts the given binary on an empty folder, several times, and prints what a stranger would notice: time from start to
# ready, memory when idle, time to the first picture (its worker's start included), and the binary's size.
# Usage: bench/start.sh target/release/studio
set -euo pipefail
binary=$(realpath "$1")
rounds=${ROUNDS:-7}
folder=$(mktemp -d)
server=
cleanup() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"; }
trap cleanup EXIT

now() { date +%s%N; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
ready=() first=() second=() memory=()
for round in $(seq "$rounds"); do
  data=$folder/$round
  : >"$folder/out-$round"
  begun=$(now)
  env -i STUDIO_LOG=warn "$binary" serve --data "$data" --listen 127.0.0.1:0 >"$folder/out-$round" 2>&1 &
  server=$!
  until address=$(sed -n 's/^The studio is ready at //p' "$folder/out-$round") && [ -n "$address" ]; do sleep 0.002; done
  until curl -sf "$address/api/v1/health/ready" >/dev/null; do sleep 0.002; done
  ready+=($((($(now) - begun) / 1000)))
  memory+=($(awk '/^VmRSS/ { print $2 }' "/proc/$server/status"))
  for picture in first second; do
    begun=$(now)
    curl -sf "$address/api/v1/generate/image" -H "Authorization: Bearer $(cat "$data/first-key")" -H 'Accept: image/png' \
      -H 'Content-Type: application/json' -d '{"prompt": "a lighthouse on a cliff at dusk", "seed": 1}' -o "$folder/$picture.png"
    took=$((($(now) - begun) / 1000))
    if [ $picture = first ]; then first+=("$took"); else second+=("$took"); fi
  done
  kill -INT "$server" && wait "$server" || true
  server=
done
printf 'start to ready, empty folder   %8s us (median of %d; curl and polling included)\n' "$(printf '%s\n' "${ready[@]}" | median)" "$rounds"
printf 'memory of the idle server      %8s KiB resident\n' "$(printf '%s\n' "${memory[@]}" | median)"
printf 'first picture, 1024 x 1024     %8s us (its worker starts)\n' "$(printf '%s\n' "${first[@]}" | median)"
printf 'second picture                 %8s us\n' "$(printf '%s\n' "${second[@]}" | median)"
printf 'binary                         %8s KiB\n' "$(($(stat -c %s "$binary") / 1024))"
