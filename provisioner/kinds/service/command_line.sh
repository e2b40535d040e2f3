# command_line PID: what a Java process of Kafka was started with: its program, the first word as it was
# typed, the version and the path of Kafka's own jar on the class path, and the options before the main
# class, a line each. It is what the process says of itself.
command_line() {
  printf 'exe=%s\n' "$(readlink -n -- "/proc/$1/exe" 2>/dev/null | tr '\000-\037' '?')"
  { tr '\000\001\011\012\015' '\012\002\002\002\002' <"/proc/$1/cmdline"; } 2>/dev/null | awk '
    NR == 1 { print "argv0=" $0; next }
    cp { n = split($0, jars, ":"); cp = 0
      for (i = 1; i <= n; i++) if (jars[i] ~ /\/kafka_[0-9.]+-[0-9.]+\.jar$/) {
        print "jar=" jars[i]
        v = jars[i]; sub(/.*\/kafka_[0-9.]+-/, "", v); sub(/\.jar$/, "", v); print "version=" v; break }
      next }
    $0 == "-cp" || $0 == "-classpath" || $0 == "--class-path" { cp = 1; next }
    $0 == "kafka.Kafka" || $0 == "org.apache.zookeeper.server.quorum.QuorumPeerMain" { exit }
    { print "arg=" $0 }'
}
