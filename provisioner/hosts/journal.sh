# STATE LINE: one line to the journal, synced, with the time it is written at for @NOW@ (UTC).
umask 027
[ -d "$1" ] || exit 0
enter "$1" && own_file journal.jsonl || exit 1
line=$2
case $line in *@NOW@*) line=${line%%@NOW@*}$(date -u +%Y-%m-%dT%H:%M:%S.%3N+00:00)${line#*@NOW@} ;; esac
printf '%s\n' "$line" >>journal.jsonl && sync -- journal.jsonl
