# first_line FILE: puts it into $line. Regular files only: no link leads us elsewhere, no pipe hangs us.
first_line() { line=; [ -f "$1" ] && [ ! -L "$1" ] && [ -r "$1" ] && IFS= read -r line <"$1"; [ -n "$line" ]; }
# held_down STATE NAME: why a service is left alone, if it is, whether the spec says so, and for how long.
held_down() {
  first_line "$1/hold.$2" || return 0
  printf 'hold=%s\n' "$line"
  ! { IFS= read -r from && IFS= read -r from && [ "$from" = spec ]; } <"$1/hold.$2" || echo hold_from=spec
  since=$(stat -c %Y -- "$1/hold.$2" 2>/dev/null) && [ -n "$since" ] && echo "~hold_age=$(($(date +%s) - since))"
  return 0
}
nl='
'
