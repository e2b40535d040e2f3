# Arguments: the manifest, then the path of each storage. What was noted when it was formatted.
manifest=$1; shift
mine=; [ -f "$manifest" ] && [ ! -L "$manifest" ] && [ -r "$manifest" ] && mine=yes
for p do
  echo =
  [ -z "$mine" ] || P=$p awk -F'\t' '$1 == "storage" && $2 == ENVIRON["P"] { print "recorded=" $3; print "role=" $4 }' "$manifest"
done
