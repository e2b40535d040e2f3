# processes: a line for each Kafka or ZooKeeper process of this machine, fields separated by tabs:
#   pid start-time state uid node digest home config-file class distribution
# A process is known by pid and start time, never by a pid alone. One in state Z has ended.
# The brackets keep the pattern from matching the command lines that carry it.
processes() {
  for f in $(grep -l -a -E '[k]afka\.Kafka|[Q]uorumPeerMain' /proc/[0-9]*/cmdline 2>/dev/null); do
    d=${f%/cmdline}
    # A process of a container (its own pid namespace) is not this machine's.
    n=$(sed -n 's/^NSpid:[ \t]*//p' "$d/status" 2>/dev/null); case $n in *[!0-9]*) continue ;; esac
    s=$(sed -n 's/^[0-9]* (.*) //p' "$d/stat" 2>/dev/null) || continue
    [ -n "$s" ] || continue
    state=${s%% *}
    [ "$state" = Z ] && continue
    start=$(printf '%s\n' "$s" | cut -d' ' -f20)
    uid=$(sed -n 's/^Uid:[ \t]*\([0-9]*\).*/\1/p' "$d/status" 2>/dev/null)
    cwd=$(readlink "$d/cwd" 2>/dev/null)
    tr '\0' '\n' <"$f" 2>/dev/null | P="${d#/proc/}	$start	$state	$uid" CWD=$cwd awk '
      NR == 1 && $0 !~ /(^|\/)java$/ { exit }
      cp { split($0, jars, ":"); dist = jars[1]; sub(/\/libs\/[^\/]*$/, "", dist); cp = 0; next }
      $0 == "-cp" || $0 == "-classpath" || $0 == "--class-path" { cp = 1; next }
      /^-Dprovision\.node=/ { node = substr($0, 18) }
      /^-Dprovision\.digest=/ { digest = substr($0, 20) }
      /^-Dprovision\.home=/ { home = substr($0, 18) }
      class && !config { config = $0; if (config !~ /^\//) { sub(/^\.\//, "", config); config = ENVIRON["CWD"] "/" config } }
      $0 == "kafka.Kafka" || $0 == "org.apache.zookeeper.server.quorum.QuorumPeerMain" { class = $0 }
      END { if (class) print ENVIRON["P"] "\t" node "\t" digest "\t" home "\t" config "\t" class "\t" dist }'
  done
}
