#!/bin/sh
# Asks the ZooKeeper processes of this home to stop (SIGNAL, default TERM), and no one else's.

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
home=${here%/*}
real=$(CDPATH= cd -- "$home" && pwd -P)
# Root ends what runs as the home's owner, everybody else what is his own: command lines can be forged.
owner=$(id -u)
[ "$owner" != 0 ] || owner=$(stat -L -c %u -- "$home")

ours() {
  [ "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\)[[:space:]].*/\1/p' "/proc/$1/status" 2>/dev/null)" = "$owner" ] || return 1
  # What we may not look at is believed.
  case $(readlink "/proc/$1/exe" 2>/dev/null) in ''|*/java|*/java' (deleted)') ;; *) return 1 ;; esac
}

stopped=0
for found in $(grep -l 'QuorumPeerMain' /proc/[0-9]*/cmdline 2>/dev/null); do
  pid=${found#/proc/}
  pid=${pid%/cmdline}
  ours "$pid" || continue
  lines=$(tr '\000' '\n' <"$found" 2>/dev/null)
  printf '%s\n' "$lines" | grep -qx '.*\.QuorumPeerMain' || continue
  printf '%s\n' "$lines" | grep -qF -e "$home/" -e "$real/" || continue
  kill -s "${SIGNAL:-TERM}" "$pid" && stopped=$((stopped + 1))
done

if [ "$stopped" -eq 0 ]; then
  echo "No zookeeper server to stop"
  exit 1
fi
