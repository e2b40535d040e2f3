# processes: a line for each Kafka or ZooKeeper process of this machine, fields separated by tabs:
#   pid start-time state uid node digest home config-file class distribution
# A process is known by pid and start time, never by a pid alone. One in state Z has ended. What
# runs in a pid namespace of its own (a container) is not this machine's.
# The brackets keep the pattern from matching the command lines that carry it.
processes() {
  set -- $(grep -l -a -E '[k]afka\.Kafka|[Q]uorumPeerMain' /proc/[0-9]*/cmdline 2>/dev/null)
  [ $# = 0 ] || head -v -c 1048576 -- "$@" 2>/dev/null | tr '\0' '\n' | awk '
    function stat_of(pid,   f, l, n, a) {
      f = "/proc/" pid "/stat"; l = ""
      getline l < f; close(f)
      if (!match(l, /^[0-9]+ \(.*\) /)) return 0
      n = split(substr(l, RLENGTH + 1), a, " ")
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
      if (name ~ /^\//) return name
      sub(/^\.\//, "", name)
      c = "readlink /proc/" pid "/cwd"; d = ""
      c | getline d; close(c)
      return d "/" name
    }
    function finish() {
      if (class && stat_of(pid))
        print pid "\t" start "\t" state "\t" uid "\t" node "\t" digest "\t" home "\t" located(pid, config) "\t" class "\t" dist
    }
    /^==> \/proc\/[0-9]+\/cmdline <==$/ { finish(); pid = $2; gsub(/[^0-9]/, "", pid); first = 1; node = digest = home = config = class = dist = ""; cp = java = 0; next }
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
