# MANIFEST ROLE LOG_DIR...: notes that these were formatted, and on which filesystem.
manifest=$1 role=$2; shift 2
umask 027
enter "${manifest%/*}" && own_file manifest && rm -f -- manifest.new || exit 1
for p do
  [ "$role" = zookeeper ] || [ -f "$p/meta.properties" ] || continue
  f=$(filesystem "$p")
  if [ -f manifest ]; then P=$p awk -F'\t' '!($1 == "storage" && $2 == ENVIRON["P"])' manifest >manifest.new || exit 1; else : >manifest.new; fi
  printf 'storage\t%s\t%s\t%s\n' "$p" "${f:--}" "$role" >>manifest.new && sync -- manifest.new && mv -f -- manifest.new manifest || exit 1
done
