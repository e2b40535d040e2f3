# NAME
userdel "$1" 2>/dev/null || deluser "$1"
