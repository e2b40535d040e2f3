# DIRECTORY ID
umask 027
printf '%s\n' "$2" >"$1/.myid.provision" && mv -f -- "$1/.myid.provision" "$1/myid"
