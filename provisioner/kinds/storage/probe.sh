# Arguments: the path of each storage. What the folder was formatted as, whether it is a mount of its
# own, and which filesystem it is on.
nl='
'
# folders PATH: those that Kafka takes for no partition (TOPIC-N, TOPIC-N.ID-delete), a few of them.
folders() {
  partitions= count=0
  for f in "$1"/* "$1"/.[!.]*; do
    [ -d "$f" ] || continue
    n=${f##*/}
    case $n in
      lost+found) echo lost_and_found=true; continue ;;
      remote-log-index-cache|version-2|.snapshot) continue ;;
    esac
    m=$n
    case $m in *-delete|*-future|*-stray) m=${m%-*}; m=${m%.*} ;; esac
    case $m in
      ?*-*) case ${m##*-} in ''|*[!0-9]*) ;; *) partitions=true; continue ;; esac ;;
    esac
    count=$((count + 1))
    [ $count -gt 3 ] || { printf 'stray='; printf %s "$n" | tr '\n' '?'; echo; }
  done
  [ -z "$partitions" ] || echo partitions=true
}
# read_only PATH: whether it is on a disk that is mounted read-only. (A wrong owner is the folder's matter.)
read_only() {
  set -- $(df -Pk -- "$1" 2>/dev/null | tail -n 1)
  [ $# -gt 5 ] && shift 5 || return 1
  m=$(printf %s "$*" | sed 's/ /\\040/g')
  case ,$(M=$m awk '$2 == ENVIRON["M"] { o = $4 } END { print o }' /proc/mounts), in *,ro,*) return 0 ;; esac
  return 1
}
for p do
  echo =
  up=$p
  # One call for the folder and the one above it, whose device tells a mount.
  if e=$(stat -c %d -- "$p" "$p/.." 2>/dev/null); then device=${e%%[!0-9]*} above=${e##*[!0-9]}
  elif e=$(stat -c %d -- "$p" 2>&1); then device=$e above=
  else
    case $e in
      *': No such file or directory') echo absent= ;;
      *) printf 'error=%s\n' "$e"; continue ;;
    esac
    while up=$(dirname "$up"); [ ! -e "$up" ]; do :; done
    device=
  fi
  if [ -n "$device" ]; then
    if [ ! -r "$p" ] || [ ! -x "$p" ]; then printf 'error=%s cannot be read\n' "$p"; continue; fi
    [ "$device" = "$above" ] && echo mounted=false || echo mounted=true
    empty=true
    for f in "$p"/* "$p"/.[!.]*; do
      case ${f##*/} in '*'|'.[!.]*'|lost+found|.snapshot) ;; *) [ -e "$f" ] && { empty=false; break; } ;; esac
    done
    echo "empty=$empty"
    if [ -f "$p/meta.properties" ] && [ ! -L "$p/meta.properties" ]; then
      [ -r "$p/meta.properties" ] || { printf 'error=%s/meta.properties cannot be read\n' "$p"; continue; }
      echo meta=present
      while IFS= read -r l || [ -n "$l" ]; do printf '|%s\n' "$l"; done <"$p/meta.properties"
    fi
    folders "$p"
    # Formatting makes neither of them: Kafka itself does, when it first starts.
    { [ -e "$p/__cluster_metadata-0/quorum-state" ] || [ -e "$p/recovery-point-offset-checkpoint" ]; } &&
      echo '~ran=true'
    f=$p/__cluster_metadata-0/partition.metadata
    [ -f "$f" ] && echo "~metadata_since=$(stat -c %Y -- "$f")"
    if [ -f "$p/myid" ] && [ ! -L "$p/myid" ]; then read -r l <"$p/myid"; printf 'myid=%s\n' "$l"; fi
    if [ -d "$p/version-2" ]; then
      for f in "$p"/version-2/*; do
        [ -f "$f" ] && [ ! -L "$f" ] || continue
        echo data=true
        c=$(head -c 4194304 "$f" | tr -d '\0' | grep -a -o -m 1 '"version":"1","id":"[A-Za-z0-9_-]*"')
        c=${c%%"$nl"*}
        [ -n "$c" ] && { c=${c%\"}; echo "zookeeper_cluster_id=${c##*\"}"; break; }
      done
    fi
    [ -w "$p" ] || ! read_only "$p" || echo writable=false
  fi
  printf 'filesystem='; filesystem "$up"
done
