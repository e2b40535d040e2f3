# enter FOLDER: makes it the working directory, for work on . and ./NAME. This is root's only way to a
# path: none of its parts may be a link, and nobody but root may be able to change one. It is checked
# where we stand (. and the folders above it), not by a name that somebody could swap meanwhile.
enter() {
  cd -P -- "$1" 2>/dev/null || { echo "$1 cannot be entered"; return 1; }
  [ "$(id -u)" != 0 ] || sealed "$1" no
}
# sealed FOLDER STICKY: root stands in FOLDER itself, and nobody else can change an entry on the way to
# it, nor (unless STICKY is yes) put one into it. The sticky bit keeps what is root's in a folder of all.
sealed() (
  path=$1 sticky=$2 here=$(pwd -P)
  [ "$here" = "$path" ] || { echo "$path goes through a link to $here: root does not follow it"; exit 1; }
  set -- . ; up=..; rest=${path%/}
  while rest=${rest%/*}; [ -n "$rest" ]; do set -- "$@" "$up"; up=$up/..; done
  set -- "$@" /; parts=$#
  set -- $(stat -c '%u %a' -- "$@" 2>/dev/null)
  [ $# = $((2 * parts)) ] || { echo "$path cannot be looked at"; exit 1; }
  at=$path
  while [ $# -gt 0 ]; do
    open=no
    case $2 in *[2367]?|*[2367]) open=yes ;; esac
    case $2 in [1357]???) [ "$at" = "$path" ] && [ "$sticky" = no ] || open=no ;; esac
    [ "$1" = 0 ] && [ $open = no ] || { echo "${at:-/} can be changed by others than root: root does nothing below it"; exit 1; }
    at=${at%/*}; shift 2
  done
)
# make FOLDER: makes it, with what is missing above it, and enters it. Each is made in the one before.
# What somebody else has just made there is entered only where root would enter it.
make() {
  there=$1
  while [ -n "$there" ] && [ ! -e "$there" ] && [ ! -L "$there" ]; do there=${there%/*}; done
  [ "$there" != "$1" ] || { enter "$1"; return; }
  cd -P -- "${there:-/}" 2>/dev/null || { echo "${there:-/} cannot be entered"; return 1; }
  [ "$(id -u)" != 0 ] || sealed "${there:-/}" yes || return 1
  left=${1#"$there"/} reached=$there
  while [ -n "$left" ]; do
    next=${left%%/*}
    case $left in */*) left=${left#*/} ;; *) left= ;; esac
    reached=$reached/$next
    if mkdir -- "./$next" 2>/dev/null; then
      cd -P -- "./$next" || return 1
    else
      [ -d "./$next" ] && [ ! -L "./$next" ] || { mkdir -- "./$next"; return 1; }
      cd -P -- "./$next" || return 1
      [ "$(id -u)" != 0 ] || sealed "$reached" no || return 1
    fi
  done
}
# own_file NAME: NAME in the working directory is a file, or is not there: no link, and no pipe, which
# would be waited for without end.
own_file() {
  [ -L "./$1" ] || { [ -e "./$1" ] && [ ! -f "./$1" ]; } || return 0
  echo "$(pwd -P)/$1 was not made by provision: remove it"; return 1
}
# own FOLDER MODE OWNER [make]: root gives FOLDER to OWNER, standing in it: its parent is root's alone, so
# that nobody can put another in its place meanwhile.
own() {
  above=${1%/*} name=${1##*/}
  if [ -n "${4-}" ]; then make "${above:-/}" || return 1; else enter "${above:-/}" || return 1; fi
  [ ! -L "./$name" ] || { echo "$1 is a link"; return 1; }
  [ -d "./$name" ] || mkdir -- "./$name" || return 1
  cd -P -- "./$name" && chown -- "$3" . && chmod -- "$2" .
}
