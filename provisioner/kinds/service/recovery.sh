# LOG DIR...: while a broker recovers its logs after it was killed, by what it logged since its last
# start: how many logs (replicas) are loaded and how many there are, how many segments are recovered
# and how many there are to recover in these log dirs. Nothing otherwise.
log=$1; shift
[ -f "$log" ] && [ -r "$log" ] || exit 0
from=$(grep -n -e 'kafka\.Log4jController.\{0,1\} MBean' -e ' Loading logs from log dirs ' -- "$log" | tail -n 1 | cut -d: -f1)
tail -n "+${from:-1}" -- "$log" | awk '
  / Loading logs from log dirs / { total = done = segments = recovers = 0 }
  / (Recovering|Skipping recovery of) [0-9]+ logs from / {
    if ($0 ~ / Recovering /) { recovers = 1; d = $0; sub(/^.* logs from /, "", d); sub(/ since no clean .*$/, "", d); dirs = dirs "\n" d }
    n = $0; sub(/^.* (Recovering|Skipping recovery of) /, "", n); total += n + 0
  }
  / Recovering unflushed segment / { segments++ }
  /\([0-9]+\/[0-9]+ completed in / { done++ }
  / Loaded [0-9]+ logs in / { recovers = 0 }
  END { if (recovers) print done + 0, total, segments + 0 dirs }' | {
  IFS= read -r counts || exit 0
  dirs=$(cat)
  # As Kafka does: from the one that has the recovery point on, all segments of a replica.
  for d do
    printf '%s\n' "$dirs" | grep -q -x -F -e "$d" && cd -- "$d" || continue
    echo point
    [ ! -r recovery-point-offset-checkpoint ] || cat recovery-point-offset-checkpoint
    echo segments
    printf '%s\n' */*.log
  done 2>/dev/null | awk -v counts="$counts" '
    $0 == "point" { points = 1; split("", point); next }
    $0 == "segments" { points = 0; next }
    points { if (NF == 3) point[$1 "-" $2] = $3; next }
    {
      p = $0; sub(/\/[^\/]*$/, "", p); base = $0; sub(/^.*\//, "", base); base += 0
      if (p != last) { total += below && !equal; last = p; below = equal = 0 }
      from = (p in point) ? point[p] : 0
      if (base >= from) total++; else below = 1
      if (base == from) equal = 1
    }
    END { print counts, total + (below && !equal) }'
}
