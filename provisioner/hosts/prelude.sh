# The first lines of every script that goes to a host. POSIX sh; no value of a spec is in here.
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
umask 027
ME=$(id -un)

# known USER: looks a user up for `as`, which runs in a subshell and would forget it.
KNOWN=
known() {
  [ -z "$1" ] || [ "$1" = "$ME" ] || [ "$1" = "$KNOWN" ] && return
  KNOWN=$1 ROOT=$(id -u) GROUP=$(id -g "$1" 2>/dev/null)
  WHERE=$(getent passwd "$1" 2>/dev/null || grep "^$1:" /etc/passwd 2>/dev/null)
  WHERE=${WHERE%:*} WHERE=${WHERE##*:}
  [ -n "$GROUP" ] || KNOWN= # a step may yet make the account
}

# as USER COMMAND...: runs it as that user ('' or the present one: plainly). Another user gets nothing
# of our environment, which he can read: it may hold what is only ours.
as() {
  u=$1; shift
  if [ -z "$u" ] || [ "$u" = "$ME" ]; then "$@"; return; fi
  known "$u"
  if [ "$ROOT" != 0 ]; then echo "cannot act as $u: logged in as $ME, not as root" >&2; return 77; fi
  if [ -z "$GROUP" ]; then echo "no such user: $u" >&2; return 67; fi
  set -- env -i PATH="$PATH" LC_ALL=C HOME="${WHERE:-/}" USER="$u" LOGNAME="$u" SHELL=/bin/sh "$@"
  if command -v setpriv >/dev/null 2>&1; then
    setpriv --reuid="$u" --regid="$GROUP" --init-groups -- "$@"
  elif command -v runuser >/dev/null 2>&1; then
    runuser -u "$u" -- "$@"
  else
    su -s /bin/sh "$u" -c 'exec "$@"' sh "$@"
  fi
}

# reader USER: w is who reads for that user: nobody, as long as there is no such user.
reader() {
  w=$1
  case $w in ''|"$ME") return ;; esac
  known "$w"
  [ -n "$GROUP" ] || { w=nobody; known "$w"; }
}

# frame INDEX STATUS TEXT: one answer, with its length, so that nothing in it can be mistaken.
frame() { printf '\n%s %s %s %s\n%s' "$MARK" "$1" "$2" "${#3}" "$3"; }

# said COMMAND...: runs it; $s is its status, $o what it said, with a dot behind, and no more than MOST
# bytes of that are held here. What a part says beyond it ends the part; with DRAIN it only is lost.
MOST=1048576 DRAIN=
kept() {
  [ -n "$DRAIN" ] || exec head -c $((MOST + 1))
  head -c "$MOST"; cat >/dev/null
}
said() {
  o=$({ s=$({ { "$@" 2>&1 3>&- 4>&-; echo $? >&4; } | kept >&3 4>&-; } 4>&1); } 3>&1; printf .; exit "${s:-125}"); s=$?
  [ ${#o} -le $((MOST + 1)) ] || s=153
}

# part INDEX SECONDS USER SCRIPT ARGS...: runs what SCRIPT reads by its own sh; a hang ends with status
# 124, and what says more than MOST bytes with 153.
part() {
  i=$1 n=$2 t=$4; reader "$3"; shift 4
  said as "$w" timeout -k 2 "$n" sh -c "$t" sh "$@" </dev/null
  frame "$i" "$s" "${o%.}"
}

# check INDEX SECONDS USER DIGEST SCRIPT ARGS...: like part, and ends the whole script when what it
# reads is not what was planned from (lines that begin with ~ are volatile, = are separators).
check() {
  i=$1 n=$2 d=$4 t=$5; reader "$3"; shift 5
  said as "$w" timeout -k 2 "$n" sh -c "$t" sh "$@" </dev/null
  g=$(printf '%s' "${o%.}" | grep -v '^[~=]' | sha256sum); g=${g%% *}
  if [ "$s" = 0 ] && [ "$g" = "$d" ]; then frame "$i" 0 "${o%.}"; else frame "$i" stale "${o%.}"; exit 0; fi
}

# step INDEX SECONDS USER SCRIPT ARGS...: SCRIPT changes something. However much it says, it goes on to
# its end; a failure ends the whole script. Nobody does it for a user who is not there.
step() {
  i=$1 n=$2 w=$3 t=$4; shift 4
  known "$w"
  DRAIN=yes; said as "$w" timeout -k 2 "$n" sh -c "$t" sh "$@" </dev/null; DRAIN=
  frame "$i" "$s" "${o%.}"
  [ "$s" = 0 ] || { after failed; exit 0; }
}

# fed INDEX SECONDS USER INPUT SCRIPT ARGS...: a step whose INPUT goes to its stdin, never to argv.
fed() {
  i=$1 n=$2 w=$3 p=$4 t=$5; shift 5
  known "$w"
  DRAIN=yes; said from "$p" as "$w" timeout -k 2 "$n" sh -c "$t" sh "$@"; DRAIN=
  frame "$i" "$s" "${o%.}"
  [ "$s" = 0 ] || { after failed; exit 0; }
}
from() { p=$1; shift; printf '%s' "$p" | "$@"; }
after() { :; }
