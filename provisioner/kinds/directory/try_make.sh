# PATH MODE: Kafka's user makes the folder where he may; where he may not, it is root's to make.
umask 022
[ -e "$1" ] || [ -L "$1" ] || { mkdir -p -- "$1" && chmod "$2" -- "$1"; } 2>/dev/null
exit 0
