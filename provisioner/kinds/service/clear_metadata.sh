# LOG_DIR...: removes the log of KRaft's metadata that a broker kept while it was in KRaft mode.
for p do
  d=$p/__cluster_metadata-0
  [ -d "$d" ] && [ ! -L "$d" ] || continue
  rm -rf -- "$d" || exit 1
done
