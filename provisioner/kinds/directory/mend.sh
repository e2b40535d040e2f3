# PATH MODE OWNER: the folder itself, never what is in it.
[ -L "$1" ] && { echo "$1 is a link"; exit 1; }
if [ "$(id -u)" = 0 ]; then own "$1" "$2" "$3"; exit; fi
{ [ "$(stat -c %U:%G -- "$1")" = "$3" ] || chown -h "$3" -- "$1"; } && chmod "$2" -- "$1"
