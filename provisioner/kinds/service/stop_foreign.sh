# SECONDS PORTS DIRS FILES (each separated by newlines): ends the Kafka and ZooKeeper processes that
# use one of these ports, folders or files, whoever started them. Any other process on one of the
# ports is named, and nothing is ended then.
seconds=$1 ports=$2 dirs=$3 files=$4
me=$(id -u)
# as_uid UID COMMAND...: what a process names is read as its own user, never as root.
as_uid() {
  u=$1; shift
  if [ "$u" = "$me" ]; then timeout 5 "$@"
  elif [ "$me" = 0 ] && command -v setpriv >/dev/null 2>&1; then setpriv --reuid="$u" --regid=65534 --clear-groups -- timeout 5 "$@"
  else return 1; fi
}
# folders UID FILE: the folders that a process of that user was told to keep its data in.
folders() {
  as_uid "$1" sed -n -E 's/^[[:space:]]*(log\.dirs?|dataDir)[[:space:]]*[=:]//p' "$2" </dev/null 2>/dev/null |
    tr ',' '\n' | sed 's|/*[[:space:]]*$||; s|^[[:space:]]*||; /^$/d'
}
all=$(processes)
holders=$(ports $ports)
tab=$(printf '\t')
mine=
while IFS= read -r row; do
  [ -n "$row" ] || continue
  IFS=$tab read -r pid start uid program config <<END
$(printf '%s\n' "$row" | awk -F'\t' '{ print $1 "\t" $2 "\t" $4 "\t" $11 "\t" $8 }')
END
  # A command line can be forged: what cannot be seen to be java is not ended.
  [ "$program" = java ] || continue
  use=
  printf '%s\n' "$holders" | cut -d' ' -f2 | grep -q -x -e "$pid" && use=yes
  if [ -n "$config" ]; then
    printf '%s\n' "$files" | grep -q -x -F -e "$config" && use=yes
    [ -n "$use" ] || { f=$(folders "$uid" "$config") && [ -n "$f" ] && printf '%s\n' "$dirs" | grep -q -x -F -e "$f" && use=yes; }
  fi
  [ -z "$use" ] || mine="$mine$pid:$start:$uid "
done <<END
$all
END
bad=
while IFS=' ' read -r port pid user command; do
  [ -n "$port" ] || continue
  case " $mine" in *" $pid:"*) ;; *) bad="$bad
port $port is used by pid $pid of $user, which is neither Kafka nor ZooKeeper: $command" ;; esac
done <<END
$holders
END
[ -z "$bad" ] || { echo "nothing was stopped:$bad"; exit 1; }
left_of() { left=; for l in $mine; do s=${l#*:}; alive "${l%%:*}" "${s%%:*}" && left="$left$l "; done; [ -n "$left" ]; }
# each SIGNAL WORDS
each() {
  for l in $left; do
    s=${l#*:}
    signal "$1" "${l%%:*}" "${s%%:*}" "${s#*:}" && echo "$2 pid ${l%%:*} of $(id -nu -- "${s#*:}" 2>/dev/null || echo "uid ${s#*:}")$3"
  done
}
left=$mine
each TERM ended
n=0
while left_of; do n=$((n + 1)); [ $n -gt $((seconds * 10)) ] && break; sleep 0.1; done
each KILL killed ": it had not ended $seconds s after SIGTERM"
n=0
while left_of; do n=$((n + 1)); [ $n -gt 50 ] && break; sleep 0.1; done
[ -z "$left" ] || { echo "these do not end: $left"; exit 1; }
