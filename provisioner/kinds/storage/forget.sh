# MANIFEST [PATH]: what was recorded as formatted (there, or anywhere) is no longer.
[ -f "$1" ] || exit 0
P=${2-} awk -F'\t' '!($1 == "storage" && NF > 2 && (ENVIRON["P"] == "" || $2 == ENVIRON["P"]))' "$1" >"$1.new" && sync -- "$1.new" && mv -f -- "$1.new" "$1"
