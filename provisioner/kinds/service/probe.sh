# Arguments: HOME KEY_FILE STATE, then for each service its name, properties file,
# ports (a,b) and unit (or nothing).
# What runs, what would be started with now, who listens. The last record, after the services', has
# the processes that belong to none of them.
home=$1 key=$2 state=$3; shift 3
all=$(processes)
listening=$(awk '$4 == "0A" { sub(/.*:/, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sort -u | tr '\n' ' ')
secret=; [ -r "$key" ] && read -r secret <"$key"
seen=
while [ $# -ge 4 ]; do
  echo =
  name=$1 file=$2 ports=$3 unit=$4; shift 4
  would=-
  [ -r "$file" ] && [ -x "$home/bin/provision-launch.sh" ] && would=$(PROVISION_HOME=$home "$home/bin/provision-launch.sh" digest "$file" 2>/dev/null)
  echo "~would=$would"
  echo "~key=$secret"
  [ -r "$state/hold.$name" ] && { read -r hold <"$state/hold.$name"; printf 'hold=%s\n' "$hold"; }
  mine=$(printf '%s\n' "$all" | FILE=$file NAME=$name HOMEDIR=$home awk -F'\t' '
    NF && ($8 == ENVIRON["FILE"] || ($5 == ENVIRON["NAME"] && $7 == ENVIRON["HOMEDIR"]))')
  [ -z "$mine" ] || printf '%s\n' "$mine" | awk -F'\t' '{
    print "~pid=" $1 "\n~start=" $2 "\n~state=" $3 "\n~uid=" $4
    print "digest=" ($6 == "" ? "-" : $6) "\nrunning=" $8 "\ndistribution=" $10 }'
  up=
  for p in $(printf '%s' "$ports" | tr , ' '); do
    case " $listening " in *" $(printf '%04X' "$p") "*) up=${up:+$up,}$p ;; esac
  done
  echo "~listening=$up"
  [ -z "$unit" ] || systemctl show -p LoadState,UnitFileState,DropInPaths,NeedDaemonReload,ActiveState,SubState,MainPID,NRestarts,Result -- "$unit" 2>&1 | sed '
    s/^\(ActiveState\|SubState\|MainPID\|NRestarts\|Result\|NeedDaemonReload\)=/~&/'
  # The lines of drop-ins that are not ours, for the person who reads the plan.
  [ -z "$unit" ] || for d in "/etc/systemd/system/$unit.d"/*.conf "/run/systemd/system/$unit.d"/*.conf; do
    [ -f "$d" ] && awk -v f="$d" '{ print "|" f ": " $0 }' "$d" </dev/null
  done
  seen="$seen
$mine"
done
echo =
printf '%s\n' "$all" | SEEN=$seen HOMEDIR=$home awk -F'\t' '
  BEGIN { n = split(ENVIRON["SEEN"], a, "\n"); for (i = 1; i <= n; i++) { split(a[i], f, "\t"); known[f[1]] = 1 } }
  # What the launcher started in another home belongs to another cluster.
  NF && !($1 in known) && !($7 != "" && $7 != ENVIRON["HOMEDIR"]) { print "~other=" $1 "\t" $2 "\t" $4 "\t" $8 "\t" $9 }'
