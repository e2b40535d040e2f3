# FILE...: the first is a properties file, of which the lines with listeners and log dirs are printed;
# the others are log dirs, of each a line "=" with its path, and the node that it says it belongs to.
[ ! -f "$1" ] || [ -L "$1" ] || grep -E '^[[:space:]]*(log\.dirs?|(advertised\.)?listeners)[[:space:]]*[=:]' "$1"
shift
for p do
  [ -f "$p/meta.properties" ] && [ ! -L "$p/meta.properties" ] || continue
  printf '=%s\n' "$p"
  grep -E '^(node|broker)\.id=' "$p/meta.properties"
done
exit 0
