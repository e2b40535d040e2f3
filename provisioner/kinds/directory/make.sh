# PATH MODE OWNER: the folder and what is missing above it (both are in the manifest by now).
umask 022
mkdir -p -- "$1" && chmod "$2" -- "$1" && { [ "$(stat -c %U:%G -- "$1")" = "$3" ] || chown -h "$3" -- "$1"; }
