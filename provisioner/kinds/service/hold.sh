# STATE NAME WHY: with WHY, apply leaves the service alone; without, it may start it again.
enter "$1" && own_file "hold.$2" || exit 1
if [ -n "$3" ]; then printf '%s\n' "$3" >"hold.$2"; else rm -f -- "hold.$2"; fi
