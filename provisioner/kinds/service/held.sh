# first_line FILE: puts it into $line. Regular files only: no link leads us elsewhere, no pipe hangs us.
first_line() { line=; [ -f "$1" ] && [ ! -L "$1" ] && [ -r "$1" ] && IFS= read -r line <"$1"; [ -n "$line" ]; }
# held_down STATE NAME: why `stop --hold` keeps a service down, if it does.
held_down() { first_line "$1/hold.$2" && printf 'hold=%s\n' "$line"; return 0; }
nl='
'
