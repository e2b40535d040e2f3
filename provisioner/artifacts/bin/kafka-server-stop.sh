#!/bin/sh
# Asks the Kafka processes of this home to stop (SIGNAL, default TERM), and no one else's.
# Usage: kafka-server-stop.sh [--node-id=ID] [--process-role=ROLE]

role=
node=
while [ $# -gt 0 ]; do
  case $1 in
    --node-id=*) node=${1#*=} ;;
    --process-role=*) role=${1#*=} ;;
    --node-id) node=$2; shift ;;
    --process-role) role=$2; shift ;;
    *) echo "USAGE: $0 [--node-id=ID] [--process-role=ROLE]" >&2; exit 1 ;;
  esac
  shift
done

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

# The value of a key in a properties file; the last one counts, as in Java.
property() {
  sed -n "s/^[[:space:]]*$1[[:space:]]*[=:][[:space:]]*//p" "$2" 2>/dev/null | tail -n 1
}

wanted() {
  [ -z "$node$role" ] && return 0
  file=$1
  case $file in /*) ;; *) file=/proc/$2/cwd/$file ;; esac
  if [ -n "$node" ]; then
    [ "$(property 'node\.id' "$file")" = "$node" ] || [ "$(property 'broker\.id' "$file")" = "$node" ]
  else
    [ "$(property 'process\.roles' "$file" | tr -d ' ')" = "$role" ]
  fi
}

stopped=0
for found in $(grep -l 'kafka\.Kafka' /proc/[0-9]*/cmdline 2>/dev/null); do
  pid=${found#/proc/}
  pid=${pid%/cmdline}
  ours "$pid" || continue
  lines=$(tr '\000' '\n' <"$found" 2>/dev/null)
  printf '%s\n' "$lines" | grep -qxF kafka.Kafka || continue
  printf '%s\n' "$lines" | grep -qF -e "$home/" -e "$real/" || continue
  file=$(printf '%s\n' "$lines" | sed -n '/^kafka\.Kafka$/{n;p;q;}')
  wanted "$file" "$pid" || continue
  kill -s "${SIGNAL:-TERM}" "$pid" && stopped=$((stopped + 1))
done

if [ "$stopped" -eq 0 ]; then
  echo "No kafka server to stop"
  exit 1
fi
