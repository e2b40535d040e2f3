# Arguments: paths. Type, mode and owner of each.
look() {
  if e=$(stat -c 'type=%F
mode=%04a
owner=%U:%G' -- "$1" 2>&1); then
    printf '%s\n' "$e"
  else
    case $e in
      *': No such file or directory'|*': Not a directory') echo absent= ;;
      *) printf 'error=%s\n' "$e" ;;
    esac
  fi
}
# The usual case, everything there, costs one process.
if a=$(stat -c '=
type=%F
mode=%04a
owner=%U:%G' -- "$@" 2>/dev/null); then printf '%s\n' "$a"; else for p do echo =; look "$p"; done; fi
