# processes: a line for each process of this machine that says it is Kafka or ZooKeeper, fields
# separated by tabs:
#   pid start-time state uid node digest home config-file class distribution program
# A process is known by pid and start time, never by a pid alone. One in state Z has ended. What
# runs in a pid namespace of its own (a container) is not this machine's. All but pid, start time,
# state, uid and program is what the process says of itself. Program is `java`, `other`, or `-` where
# we may not look.
# The brackets keep the pattern from matching the command lines that carry it.
processes() {
  set -- $(grep -l -a -E '[k]afka\.Kafka|[Q]uorumPeerMain' /proc/[0-9]*/cmdline 2>/dev/null)
  [ $# != 0 ] || return 0
  programs=$(programs "$@")
  for f do
    p=${f#/proc/}; p=${p%/cmdline}
    case $programs in *"java /proc/$p/"*) program=java ;; *"other /proc/$p/"*) program=other ;; *) program=- ;; esac
    # A line of ours begins with a byte that tr leaves in none of theirs.
    printf '\001%s %s\n' "$p" "$program"
    { tr '\000\001\011\012\015' '\012\002\002\002\002' <"$f"; } 2>/dev/null
    echo
  done | awk '
    function stat_of(pid,   f, l, t, n, a) {
      f = "/proc/" pid "/stat"; t = ""
      while ((getline l < f) > 0) t = t l " "
      close(f)
      # The name in brackets may hold anything, also brackets and line breaks; nothing after it does.
      while ((n = index(t, ") ")) > 0) t = substr(t, n + 2)
      n = split(t, a, " ")
      state = a[1]; start = a[20]
      f = "/proc/" pid "/status"; uid = ""; outside = 0
      while ((getline l < f) > 0) {
        if (l ~ /^Uid:/) { split(l, a, /[ \t]+/); uid = a[2] }
        if (l ~ /^NSpid:/ && split(l, a, /[ \t]+/) > 2) outside = 1
      }
      close(f)
      return n > 19 && state != "Z" && !outside
    }
    # A file that was named relatively, as on the lab sheet, is relative to where it was started.
    function located(pid, name,   c, d) {
      if (name == "" || name ~ /^\//) return name
      sub(/^\.\//, "", name)
      c = "readlink /proc/" pid "/cwd 2>/dev/null"; d = ""
      c | getline d; close(c)
      gsub(/[\001-\037]/, "\002", d)
      return d "/" name
    }
    function finish() {
      if (class && stat_of(pid))
        print pid "\t" start "\t" state "\t" uid "\t" node "\t" digest "\t" home "\t" located(pid, config) "\t" class "\t" dist "\t" program
    }
    /^\001/ { finish(); pid = substr($1, 2); program = $2; first = 1; node = digest = home = config = class = dist = ""; cp = java = 0; next }
    first { first = 0; java = /(^|\/)java$/; next }
    !java { next }
    cp { split($0, jars, ":"); dist = jars[1]; sub(/\/libs\/[^\/]*$/, "", dist); cp = 0; next }
    $0 == "-cp" || $0 == "-classpath" || $0 == "--class-path" { cp = 1; next }
    /^-Dprovision\.node=/ { node = substr($0, 18) }
    /^-Dprovision\.digest=/ { digest = substr($0, 20) }
    /^-Dprovision\.home=/ { home = substr($0, 18) }
    class && !config { config = $0 }
    $0 == "kafka.Kafka" || $0 == "org.apache.zookeeper.server.quorum.QuorumPeerMain" { class = $0 }
    END { finish() }'
}
# programs /proc/PID/cmdline...: the same of several, as "java /proc/PID/exe" or "other /proc/PID/exe".
programs() {
  c=$#
  for f do set -- "$@" "${f%cmdline}exe"; done
  shift "$c"
  find "$@" -maxdepth 0 \( -lname '*/java' -o -lname '*/java (deleted)' \) -printf 'java %p\n' \
    -o -lname '?*' -printf 'other %p\n' 2>/dev/null && return
  # Another find than GNU's, or one of them has gone.
  for f do f=${f%/exe}; program "${f#/proc/}"; [ "$program" = - ] || printf '%s %s/exe\n' "$program" "$f"; done
}
# program PID: puts into $program what it runs, whatever it calls itself.
program() {
  program=$(readlink "/proc/$1/exe" 2>/dev/null) || { program=-; return; }
  case $program in */java|*/java' (deleted)') program=java ;; *) program=other ;; esac
}
# ours USER HOME NAME FILE: of those lines the ones of this service, as "pid start uid": it runs as
# USER ('' for ourselves), it is java, and it was started with this file or by the launcher as NAME of
# HOME. Command lines can be forged by anybody, the user cannot; a program that we may not look at is
# believed to be java only then.
ours() {
  u=$(if [ -n "$1" ]; then id -u -- "$1"; else id -u; fi 2>/dev/null) || u=none
  processes | OWNER=$u HOMEDIR=$2 NAME=$3 FILE=$4 awk -F'\t' '
    $4 == ENVIRON["OWNER"] && $11 != "other" &&
      ($8 == ENVIRON["FILE"] || ($5 == ENVIRON["NAME"] && $7 == ENVIRON["HOMEDIR"])) { print $1 " " $2 " " $4 }'
}
# alive PID START: whether that very process still runs. The name in its stat may hold anything.
alive() {
  stat_line=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  stat_line=${stat_line##*) }
  case $stat_line in Z*|X*|'') return 1 ;; esac
  set -- "$2" $stat_line; [ "${21}" = "$1" ]
}
# signal NAME PID START UID: sends it to that very process, if it still is what it was found to be.
signal() {
  alive "$2" "$3" || return 1
  [ "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\)[[:space:]].*/\1/p' "/proc/$2/status" 2>/dev/null)" = "$4" ] || return 1
  program "$2"
  [ "$program" != other ] && alive "$2" "$3" && kill -s "$1" "$2"
}
