# HOME (or ~/… of the user): of each launch file there a line "=NODE NAME" (the base name of its files), and of
# a controller or a ZooKeeper server the lines of its properties after "|".
h=$1
case $h in '~'|'~/'*)
  u=${HOME-}; [ -n "$u" ] || u=$({ getent passwd "$(id -un)" || grep "^$(id -un):" /etc/passwd; } 2>/dev/null | head -n 1 | cut -d: -f6)
  h=${u%/}${h#'~'} ;;
esac
for f in "$h"/.provision/launch/*.conf; do
  [ -f "$f" ] && [ ! -L "$f" ] || continue
  n=$(sed -n 's/^node=//p' "$f" | head -n 1)
  b=${f##*/}; b=${b%.conf}
  case $n in
    broker-*) printf '=%s %s\n' "$n" "$b" ;;
    controller-*|zookeeper-*)
      p=$h/config/$b.properties
      [ -f "$p" ] && [ ! -L "$p" ] || continue
      printf '=%s %s\n' "$n" "$b"
      sed 's/^/|/' "$p" ;;
  esac
done
exit 0
