# HOME PORTS DIRS NAMES STATE: what a host is like, before anything is changed. PORTS are those of
# services that are to be started; DIRS (newlines) are log dirs; NAMES (newlines) are how the other
# nodes are called; beside STATE are the state folders of other clusters.
home=$1 wanted=$2 dirs=$3 names=$4 state=$5
# Only where root alone keeps the manifests: elsewhere they are what their users say.
case $state in */.provision) set -- ;; *) set -- "${state%/*}"/*/manifest ;; esac
for m do
  o=$(dirname "$m"); [ "$o" != "$state" ] && [ -f "$m" ] && [ ! -L "$m" ] && grep -q -x -F "directory	$home" "$m" 2>/dev/null && echo "owner=$(basename "$o")"
done
[ -z "$wanted" ] || ports $wanted | while IFS= read -r l; do printf 'port=%s\n' "$l"; done
up=$home; while [ ! -e "$up" ]; do up=$(dirname "$up"); done
set -- $(df -Pk -- "$up" 2>/dev/null | tail -n 1); echo "free=${4:-0}"
[ -w "$up" ] || echo "notwritable=$up"
printf '%s\n' "$dirs" | while IFS= read -r d; do
  [ -n "$d" ] || continue
  u=$d; while [ ! -e "$u" ]; do u=$(dirname "$u"); done
  set -- $(df -Pk -- "$u" 2>/dev/null | tail -n 1)
  printf 'dir=%s\t%s\t%s\n' "$d" "${4:-0}" "$([ -w "$u" ] && echo yes || echo no)"
done
processes | while IFS= read -r l; do printf 'process=%s\n' "$l"; done
command -v getent >/dev/null 2>&1 && printf '%s\n' "$names" | while IFS= read -r n; do
  [ -z "$n" ] || getent hosts "$n" >/dev/null 2>&1 || printf 'unresolved=%s\n' "$n"
done
awk '$1 == "MemAvailable:" { print "memory=" $2 }' /proc/meminfo 2>/dev/null
echo "files=$(ulimit -Hn 2>/dev/null)"
echo "clock=$(date +%s)"
