#!/bin/sh
# Asks the ZooKeeper processes of this home to stop (SIGNAL, default TERM), and no one else's.

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
home=${here%/*}
real=$(CDPATH= cd -- "$home" && pwd -P)

stopped=0
for found in $(grep -l 'QuorumPeerMain' /proc/[0-9]*/cmdline 2>/dev/null); do
  pid=${found#/proc/}
  pid=${pid%/cmdline}
  lines=$(tr '\000' '\n' <"$found" 2>/dev/null)
  printf '%s\n' "$lines" | grep -qx '.*\.QuorumPeerMain' || continue
  printf '%s\n' "$lines" | grep -qF -e "$home/" -e "$real/" || continue
  kill -s "${SIGNAL:-TERM}" "$pid" && stopped=$((stopped + 1))
done

if [ "$stopped" -eq 0 ]; then
  echo "No zookeeper server to stop"
  exit 1
fi
