# LOG: since the last start that this log tells of, how many logs (replicas) were loaded, and how many
# there are, while some of them are recovered; nothing otherwise.
[ -f "$1" ] && [ -r "$1" ] || exit 0
tail -n 20000 -- "$1" | awk '
  / Loading logs from log dirs / { total = done = recovers = 0 }
  / (Recovering|Skipping recovery of) [0-9]+ logs from / {
    if ($0 ~ / Recovering /) recovers = 1
    n = $0; sub(/^.* (Recovering|Skipping recovery of) /, "", n); total += n + 0
  }
  /\([0-9]+\/[0-9]+ completed in / { done++ }
  / Loaded [0-9]+ logs in / { recovers = 0 }
  END { if (recovers) print done, total }'
