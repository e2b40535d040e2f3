# HOME SCRIPT PROPERTIES OUT NAME=VALUE...: starts one process of a Kafka that we did not install, by its own
# script, with the given environment and nothing of ours besides. It outlives us and holds nothing of ours.
home=$1 script=$2 file=$3 out=$4; shift 4
umask 027
mkdir -p -- "${out%/*}" || exit 1
: >>"$out" || exit 1
cd "$home" || exit 1
# What says which Java is the system's.
case " $* " in *" JAVA_HOME="*) ;; *) set -- ${JAVA_HOME:+"JAVA_HOME=$JAVA_HOME"} "$@" ;; esac
set -- -i "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" LC_ALL=C \
  ${HOME+"HOME=$HOME"} ${USER+"USER=$USER"} ${LOGNAME+"LOGNAME=$LOGNAME"} "$@"
# By sh, since env would take a path with = in it for a variable.
setsid env "$@" sh -c 'exec "$@"' sh "$home/bin/$script" "$file" >>"$out" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
until_java $!
