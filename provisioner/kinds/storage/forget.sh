# MANIFEST [PATH]: what was recorded as formatted (there, or anywhere) is no longer.
[ -d "${1%/*}" ] || exit 0
enter "${1%/*}" && own_file manifest || exit 1
[ -f manifest ] || exit 0
rm -f -- manifest.new
P=${2-} awk -F'\t' '!($1 == "storage" && NF > 2 && (ENVIRON["P"] == "" || $2 == ENVIRON["P"]))' manifest >manifest.new && sync -- manifest.new && mv -f -- manifest.new manifest
