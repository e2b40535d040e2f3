# STATE COUNT BYTES: how many lines the journal has, then the last COUNT of them, as far as BYTES go.
state=$1 count=$2 bytes=$3
[ -e "$state" ] || { echo 0; exit 0; }
[ -r "$state" ] && [ -x "$state" ] || { echo "$state cannot be read by $(id -un)"; exit 1; }
enter "$state" && own_file journal.jsonl || exit 1
file=journal.jsonl
[ -e "$file" ] || { echo 0; exit 0; }
wc -l <"$file" || exit 1
if [ "$(wc -c <"$file")" -le "$bytes" ]; then
  tail -n "$count" -- "$file"
else
  tail -c "$bytes" -- "$file" | sed 1d | tail -n "$count"
fi
