# HOME NAME PROPERTIES: SIGTERM to every process of this service; its end is waited for later, when
# all that go together have been told. (The last of three KRaft nodes that end one after another
# waits five minutes for a quorum that is gone.)
home=$1 name=$2 file=$3
processes | FILE=$file NAME=$name HOMEDIR=$home awk -F'\t' '
  NF && ($8 == ENVIRON["FILE"] || ($5 == ENVIRON["NAME"] && $7 == ENVIRON["HOMEDIR"])) { print $1, $2 }' |
  while read -r pid start; do
    s=$(sed -n 's/^[0-9]* (.*) //p' "/proc/$pid/stat" 2>/dev/null)
    [ -n "$s" ] && [ "$(printf '%s\n' "$s" | cut -d' ' -f20)" = "$start" ] && kill -TERM "$pid"
  done
exit 0
