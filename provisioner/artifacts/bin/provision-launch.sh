#!/bin/sh
# The launcher: every Kafka and ZooKeeper process in this home is started by it, by hand or not.
#   provision-launch.sh run CLASS [-daemon] FILE [--override key=value]...
#   provision-launch.sh digest FILE...   what each would be started with now, a line each
# It reads FILE and the launch file that belongs to it, puts a digest of both on the command line
# (keyed with this host's key, so that it tells nothing to who can read /proc), and becomes java.
LC_ALL=C; export LC_ALL
unset CDPATH
self=$(dirname "$0")
# The parent of bin by name, not by target: bin is a link into .provision/dist.
home=${PROVISION_HOME:-$(cd "$self/.." && pwd -L)}
own=$home/.provision

fail() { echo "provision-launch: $*" >&2; exit 1; }

# setting FILE KEY: puts the value of a launch file's key into $value, or nothing; the last of equal
# keys counts. Launch files are written by provision only.
setting() {
  value=
  [ -r "$1" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do case $line in "$2="*) value=${line#*=} ;; esac; done <"$1"
}

launch_file() {
  name=${1##*/}; name=${name%.properties}
  launch=$own/launch/$name.conf
  known=yes
  # A file of the user's own, as the lab sheet makes: it runs with the defaults.
  [ -f "$launch" ] || { launch=$own/launch/default.conf; known=; }
}

# unit_files LAUNCH: the unit this node runs by and its drop-ins, where systemd keeps it. Their
# names have no blanks: unit names are of our making.
unit_files() {
  setting "$1" unit; u=$value
  [ -n "$u" ] || return 0
  for f in "/etc/systemd/system/$u" "/etc/systemd/system/$u.d"/*.conf "/run/systemd/system/$u.d"/*.conf; do
    [ -f "$f" ] && case $f in *[!A-Za-z0-9@%+=:,./_-]*) ;; *) printf '%s\n' "$f" ;; esac
  done
}

canonical() { awk -f "$self/provision-canonical.awk" "$@"; }

# with_overrides OVERRIDE... -- FILE...
with_overrides() {
  while [ "$1" != -- ]; do printf 'override:%s\n' "$1"; shift; done
  shift; canonical "$@"
}

digest() {
  launch_file "$1"; shift_file=$1
  setting "$launch" logging; logging=$value
  [ -f "$logging" ] || logging=/dev/null
  key=
  [ -f "$own/key" ] && [ -r "$own/key" ] && read -r key <"$own/key"
  shift
  d=$({ printf '%s\n' "$key"
        set -- "$@" -- "$shift_file" "$launch" "$logging" $(unit_files "$launch")
        if [ "$1" = -- ]; then shift; canonical "$@"; else with_overrides "$@" | sort; fi
        printf '%s\n' "$key"; } | sha256sum)
  printf '%.32s\n' "$d"
}

# run CLASS FILE...: becomes java.
run() {
  class=$1; shift
  daemon=
  [ "${1-}" = -daemon ] && { daemon=yes; PROVISION_CONSOLE=OFF; shift; }
  [ $# -ge 1 ] || fail "usage: $(basename "$0") [-daemon] FILE [--override key=value]..."
  [ -r "$1" ] || fail "cannot read $1"
  file=$(cd "$(dirname "$1")" && pwd)/${1##*/}; shift
  launch_file "$file"
  [ -r "$launch" ] || fail "$launch is missing: run 'provision apply' first"
  # Without the host's key the digest could be guessed back from /proc.
  [ -s "$own/key" ] && [ -r "$own/key" ] || fail "$own/key is missing: run 'provision apply' first"
  given=$(for o do [ "$o" = --override ] || printf '%s\n' "$o"; done)
  sum=$(digest "$file" $given)
  for k in java dist node heap logs logging archive jmx jmx_address; do
    case $k in archive) setting "$launch" hint.archive ;; jmx) setting "$launch" jmx.port ;;
      jmx_address) setting "$launch" jmx.address ;; *) setting "$launch" $k ;; esac
    eval "$k=\$value"
  done
  [ -n "$known" ] || { node=$(basename "$file" .properties); logs=$home/logs/$node; heap=${heap:-512m}; }
  case $java in
    system) if [ -n "${JAVA_HOME-}" ]; then java=$JAVA_HOME/bin/java; else java=$(command -v java) || fail "no java on the PATH"; fi ;;
    *) java=$java/bin/java ;;
  esac
  [ -x "$java" ] || fail "$java is missing or cannot be run: run 'provision apply'"
  path=
  for j in "$dist"/libs/*.jar; do path=${path:+$path:}$j; done
  [ -f "${j-}" ] || fail "no jars in $dist/libs: run 'provision apply'"
  mkdir -p "$logs" || fail "cannot make $logs"
  set -- "$class" "$file" "$@"
  set -- "-Dprovision.digest=$sum" "-Dprovision.node=$node" "-Dprovision.home=$home" \
    "-Dkafka.logs.dir=$logs" "-Dprovision.console=${PROVISION_CONSOLE:-INFO}" -cp "$path" "$@"
  case $logging in
    *log4j2*) set -- "-Dlog4j2.configurationFile=$logging" "$@" ;;
    ?*) set -- "-Dlog4j.configuration=file:$logging" "$@" ;;
  esac
  # Who reaches JMX may run anything as this user: without an address it is for this machine only.
  [ -z "$jmx" ] || set -- -Dcom.sun.management.jmxremote "-Dcom.sun.management.jmxremote.port=$jmx" \
    "-Dcom.sun.management.jmxremote.rmi.port=$jmx" -Dcom.sun.management.jmxremote.authenticate=false \
    -Dcom.sun.management.jmxremote.ssl=false "-Dcom.sun.management.jmxremote.host=${jmx_address:-127.0.0.1}" \
    "-Djava.rmi.server.hostname=${jmx_address:-127.0.0.1}" "$@"
  if [ -n "$archive" ] && [ -f "$archive/kafka.jsa" ]; then
    set -- "-XX:SharedArchiveFile=$archive/base.jsa:$archive/kafka.jsa" -Xlog:cds=off -Xlog:cds+dynamic=off "$@"
  fi
  # Options in their order: from the last to the first, each put in front.
  opts=$(awk '/^opt\.[0-9]+=/ { k = substr($0, 1, index($0, "=") - 1); if (!(k in v)) o[++c] = k; v[k] = substr($0, length(k) + 2) }
    END { for (i = c; i >= 1; i--) print v[o[i]] }' "$launch")
  saved=$IFS; IFS='
'
  set -f
  for o in $opts; do set -- "$o" "$@"; done
  set +f; IFS=$saved
  [ -z "$heap" ] || set -- "-Xms$heap" "-Xmx$heap" "$@"
  # By sh, since env would take a path with = in it for a variable.
  set -- /bin/sh -c 'exec "$@"' sh "$java" "$@"
  # The node's environment, by env: a variable called like one of ours does nothing to us.
  saved=$IFS; IFS='
'
  set -f
  for o in $(sed -n 's/^env\.\([A-Za-z_]\)/\1/p' "$launch"); do set -- "$o" "$@"; done
  set +f; IFS=$saved
  # Of the environment that we were started in, which may hold passwords, options of Java that no
  # digest sees, and another time zone, nothing else goes on.
  set -- -i "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" LC_ALL=C \
    ${HOME+"HOME=$HOME"} ${USER+"USER=$USER"} ${LOGNAME+"LOGNAME=$LOGNAME"} "$@"
  cd "$home" || fail "cannot go to $home"
  if [ -n "$daemon" ]; then
    setsid env "$@" >>"$logs/kafkaServer.out" 2>&1 </dev/null &
    exit 0
  fi
  exec env "$@"
}

case ${1-} in
  run) shift; run "$@" ;;
  digest) shift; for f do if [ -f "$f" ] && [ -r "$f" ]; then digest "$f"; else echo -; fi; done ;;
  *) fail "usage: provision-launch.sh run|digest" ;;
esac
