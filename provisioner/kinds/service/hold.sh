# STATE NAME WHY: with WHY, apply leaves the service alone; without, it may start it again.
if [ -n "$3" ]; then printf '%s\n' "$3" >"$1/hold.$2"; else rm -f -- "$1/hold.$2"; fi
