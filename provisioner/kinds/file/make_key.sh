# PATH: 256 random bits that digests on this host are keyed with.
umask 277
key=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n') && [ ${#key} = 64 ] || { echo "cannot read /dev/urandom"; exit 1; }
if [ -s "$1" ]; then chmod 400 -- "$1"; exit; fi
rm -f -- "$1.provision"
printf '%s\n' "$key" >"$1.provision" && sync -- "$1.provision" && mv -f -- "$1.provision" "$1"
