# HOME KEY_FILE STATE USER, then for each service its name and properties file: what Kafka's user
# keeps of it, read as that user. STATE is the state folder where that is his (else nothing). What
# the files would start with now is told by the launcher, which is his file: nobody else runs it.
home=$1 key=$2 state=$3 user=$4; shift 4
mine=; [ -z "$user" ] || [ "$(id -un)" = "$user" ] && mine=yes
secret=; [ -n "$mine" ] && first_line "$key" && secret=$line
names= count=$# n=0
for a do
  if [ $((n % 2)) = 0 ]; then names="$names$a "; else set -- "$@" "$a"; fi
  n=$((n + 1))
done
shift "$count"
digests=
[ -z "$mine" ] || [ ! -x "$home/bin/provision-launch.sh" ] ||
  digests=$(PROVISION_HOME=$home "$home/bin/provision-launch.sh" digest "$@" 2>/dev/null)
# Names of services are of our making and have no blanks.
for name in $names; do
  digest=${digests%%"$nl"*}
  case $digests in *"$nl"*) digests=${digests#*"$nl"} ;; *) digests= ;; esac
  printf '=\n~files_digest=%s\n~key=%s\n' "${digest:--}" "$secret"
  [ -z "$mine" ] || [ -z "$state" ] || held_down "$state" "$name"
done
