# STATE LINE: one line to the journal, synced.
umask 027
[ -d "$1" ] || exit 0
printf '%s\n' "$2" >>"$1/journal.jsonl" && sync -- "$1/journal.jsonl"
