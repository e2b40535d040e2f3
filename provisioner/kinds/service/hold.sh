# STATE NAME WHY [FROM]: with WHY, the service is left alone; without, it may be started again. FROM says
# who holds it: the spec, or nobody but whoever stopped it.
enter "$1" && own_file "hold.$2" || exit 1
if [ -n "$3" ]; then printf '%s\n%s\n' "$3" "$4" >"hold.$2"; else rm -f -- "hold.$2"; fi
