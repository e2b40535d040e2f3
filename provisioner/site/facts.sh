# USER HOME: who we are here, and where that user is at home. Where Kafka's user is root: whether
# somebody else could change the way to Kafka's home.
me=$(id -un)
echo "login=$me"; echo "uid=$(id -u)"; echo "hostname=$(uname -n)"
u=${1:-$me}
echo "user=$u"
if g=$(id -gn "$u" 2>/dev/null); then
  echo exists=true; echo "group=$g"
  h=
  [ "$u" = "$me" ] && h=${HOME-}
  l=; [ -n "$h" ] || l=$(getent passwd "$u" 2>/dev/null || grep "^$u:" /etc/passwd 2>/dev/null)
  [ -n "$h" ] || h=$(printf '%s\n' "$l" | head -n 1 | cut -d: -f6)
  echo "home=$h"
else
  echo exists=false; echo "group=$u"; echo "home=/nonexistent"
fi
m=$(uname -sm)
echo "arch=${m##* }"; echo "system=${m%% *}"
for f in /lib/ld-musl-*; do [ -e "$f" ] && echo libc=musl; done
if [ "$u" = "$me" ] && [ "$(id -u)" = 0 ]; then
  case $2 in '~'*) k=$h${2#'~'} ;; *) k=$2 ;; esac
  a=$k; while [ -n "$a" ] && [ ! -e "$a" ] && [ ! -L "$a" ]; do a=${a%/*}; done
  [ "$a" = "$k" ] && may=no || may=yes
  (cd -P -- "${a:-/}" && open=$(sealed "${a:-/}" $may) || echo "open=$open")
fi
exit 0
