# Arguments: Kafka's folders. The version of each by the names of its jars.
for d do
  echo =
  echo installed=
  [ ! -e "$d/libs" ] || [ -r "$d/libs" ] || { printf 'error=%s/libs cannot be read\n' "$d"; continue; }
  for f in "$d"/libs/kafka_*.jar; do
    [ -f "$f" ] || continue
    v=${f##*/kafka_}; v=${v%.jar}; v=${v#*-}
    case $v in *[!0-9.]*|'') ;; *) printf 'installed=%s\n' "$v" ;; esac
  done
done
