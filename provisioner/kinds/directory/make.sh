# PATH MODE OWNER: the folder and what is missing above it (both are in the manifest by now).
umask 022
if [ "$(id -u)" != 0 ]; then
  mkdir -p -- "$1" && chmod "$2" -- "$1" && { [ "$(stat -c %U:%G -- "$1")" = "$3" ] || chown -h "$3" -- "$1"; }
  exit
fi
[ ! -L "$1" ] && [ "$(stat -c %U:%G:%04a -- "$1" 2>/dev/null)" = "$3:$2" ] && exit 0
own "$1" "$2" "$3" make
