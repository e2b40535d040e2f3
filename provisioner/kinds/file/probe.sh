# Arguments: paths. Type, mode, owner; the lines of a regular file, the target of a link.
look() {
  if e=$(stat -c 'type=%F
mode=%04a
owner=%U:%G' -- "$1" 2>&1); then
    printf '%s\n' "$e"
    case $e in
      'type=regular'*)
        if [ -r "$1" ]; then awk '{ print "|" $0 }' "$1" </dev/null; else echo 'error=it cannot be read'; fi ;;
      'type=symbolic link'*) printf 'target=%s\n' "$(readlink -n -- "$1" | tr '\n' '?')" ;;
    esac
  else
    case $e in
      *': No such file or directory'|*': Not a directory') echo absent= ;;
      *) printf 'error=%s\n' "$e" ;;
    esac
  fi
}
for p do echo =; look "$p"; done
