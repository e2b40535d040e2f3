# listeners: "PORT INODE UID" of each socket that listens here.
listeners() {
  awk '$4 == "0A" { n = split($2, a, ":"); print a[n], $10, $8 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    while read -r p i u; do echo "$((0x$p)) $i $u"; done
}
# sockets FOLDERS INODE...: "INODE /proc/PID/fd" for each of these sockets that a process holds. FOLDERS are
# /proc/PID/fd, separated by blanks. Where a descriptor leads to is its owner's words: it is compared
# as a whole and never printed, nor followed (a dead NFS would hang us). Nothing for what we may not
# look at; a line "looked" tells that this find (GNU's) can do it at all.
sockets() {
  folders=$1; shift
  [ -n "$folders" ] && [ $# -gt 0 ] || return 0
  c=$#
  set -- "$@" -name fd -printf 'looked\n'
  for n do [ "$n" != -name ] || break; set -- "$@" -o -lname "socket:\\[$n\\]" -printf "$n %h\n"; done
  shift "$c"
  find $folders -maxdepth 1 "$@" 2>/dev/null
}
