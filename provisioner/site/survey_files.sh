# Arguments: properties files. The lines of each, as far as their user may read them.
for f do
  echo =
  if [ -L "$f" ]; then printf 'link=%s\n' "$(readlink -n -- "$f" | tr '\000-\037' '?')"; fi
  if [ -f "$f" ] && [ -r "$f" ]; then sed 's/^/property=/' "$f"; else echo error=; fi
done
