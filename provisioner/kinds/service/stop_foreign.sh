# SECONDS PORTS DIRS FILES (each separated by newlines): ends the Kafka and ZooKeeper processes that
# use one of these ports, folders or files, whoever started them. Any other process on one of the
# ports is named, and nothing is ended then.
seconds=$1 ports=$2 dirs=$3 files=$4
setting() { sed -n "s/^[ \t]*$2[ \t]*[=:][ \t]*//p" "$1" 2>/dev/null | tail -n 1; }
all=$(processes)
holders=$(ports $ports)
mine=
tab=$(printf '\t')
while IFS=$tab read -r pid start state rest; do
  [ -n "$pid" ] || continue
  config=$(printf '%s\n' "$all" | awk -F'\t' -v p="$pid" '$1 == p { print $8 }')
  use=
  printf '%s\n' "$files" | grep -q -x -F -e "$config" && use=yes
  printf '%s\n' "$holders" | cut -d' ' -f2 | grep -q -x -e "$pid" && use=yes
  where=$(setting "$config" 'log\.dirs'),$(setting "$config" 'log\.dir'),$(setting "$config" dataDir)
  while IFS= read -r d; do
    [ -n "$d" ] && case ",$where," in *",$d,"*|*",$d/,"*) use=yes ;; esac
  done <<EOF
$dirs
EOF
  [ -z "$use" ] || mine="$mine$pid:$start "
done <<EOF
$all
EOF
bad=
while IFS=' ' read -r port pid command; do
  [ -n "$port" ] || continue
  case " $mine" in *" $pid:"*) ;; *) bad="$bad
port $port is used by pid $pid, which is neither Kafka nor ZooKeeper: $command" ;; esac
done <<EOF
$holders
EOF
[ -z "$bad" ] || { echo "nothing was ended:$bad"; exit 1; }
alive() { s=$(sed -n 's/^[0-9]* (.*) //p' "/proc/$1/stat" 2>/dev/null) && [ -n "$s" ] || return 1
  case $s in Z*) return 1 ;; esac
  set -- "$2" $s; [ "${21}" = "$1" ]; }
for l in $mine; do alive "${l%:*}" "${l#*:}" && kill -TERM "${l%:*}" && echo "ended pid ${l%:*}"; done
n=0; left=$mine
while [ -n "$left" ] && [ $n -lt $((seconds * 10)) ]; do
  left=; for l in $mine; do alive "${l%:*}" "${l#*:}" && left="$left$l "; done
  [ -z "$left" ] || sleep 0.1; n=$((n + 1))
done
for l in $left; do alive "${l%:*}" "${l#*:}" && kill -KILL "${l%:*}" && echo "killed pid ${l%:*}: it had not ended $seconds s after SIGTERM"; done
n=0
while [ $n -lt 50 ]; do
  left=; for l in $mine; do alive "${l%:*}" "${l#*:}" && left="$left$l "; done
  [ -z "$left" ] && exit 0; sleep 0.1; n=$((n + 1))
done
echo "these do not end: $left"; exit 1
