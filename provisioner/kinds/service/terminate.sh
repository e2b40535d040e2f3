# USER HOME NAME PROPERTIES: SIGTERM to every process of this service; its end is waited for later,
# when all that go together have been told. (The last of three KRaft nodes that end one after another
# waits five minutes for a quorum that is gone.)
ours "$@" | while read -r pid start uid; do signal TERM "$pid" "$start" "$uid"; done
exit 0
