# USER HOME STATE, then for each service its name and properties file: what a process that no launcher of ours
# started runs with, read as Kafka's user. Of its command line the options before the main class; of its
# properties whether they are older than it is: "since=older" when nothing of the file was changed (its
# inode's time, which no copy or touch sets back) after the process began, else "newer".
# STATE is the state folder where that is Kafka's user's (else nothing).
owner=$1 home=$2 state=$3; shift 3
hertz=$(getconf CLK_TCK 2>/dev/null); [ -n "$hertz" ] || hertz=100
# changed FILE: puts the latest change of the file and of a link to it into $changed, in seconds.
changed() {
  changed=$(stat -c %.3Z -- "$1" 2>/dev/null) && c=$(stat -L -c %.3Z -- "$1" 2>/dev/null) || { changed=; return; }
  changed=$(printf '%s\n%s\n' "$changed" "$c" | sort -n | tail -n 1)
}
while [ $# -ge 2 ]; do
  echo =
  [ "$owner" = "$(id -un)" ] || { shift 2; continue; }
  [ -z "$state" ] || held_down "$state" "$1"
  changed "$2"
  [ ! -f "$2" ] || [ ! -r "$2" ] || sed 's/^/~property=/' "$2"
  ours "$owner" "$home" "$1" "$2" | while read -r pid start uid; do
    now=$(date +%s.%N); case $now in *N*) now=$(date +%s) ;; esac
    read -r up rest </proc/uptime
    # 0.02 s for the roundings of the clocks; before a JVM can read a file it takes longer than that.
    [ -n "$changed" ] && awk -v n="$now" -v u="$up" -v s="$start" -v h="$hertz" -v c="$changed" \
      'BEGIN { exit !(c <= n - u + s / h + 0.02) }' && echo since=older || echo since=newer
    command_line "$pid"
    break
  done
  shift 2
done
