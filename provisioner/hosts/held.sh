# STATE TOKEN: whether the lock is still this run's, which is asked before anything is changed. Notes
# this session, so that a holder that lets go ends what still works for it.
[ -n "$2" ] || [ -d "$1" ] || exit 0
enter "$1" && own_file lock.token && own_file lock.sessions || exit 1
t=
if [ -n "$2" ]; then read -r t 2>/dev/null <lock.token && [ "$t" = "$2" ] || exit 1; fi
read -r l </proc/$$/stat && set -- ${l##*) } && { echo "$4" >>lock.sessions; } 2>/dev/null
exit 0
