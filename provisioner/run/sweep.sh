# HOME FOLDERS KEEP [FILE...]: removes what killed runs left half made (temporary files, also these
# FILEs, and incoming streams), and our distributions that nothing uses any more: not wanted (KEEP, a
# name a line), and in no process's command line.
home=$1 folders=$2 keep=$3; shift 3
for f do [ -f "$f" ] && rm -f -- "$f" && echo "removed $f, left by an earlier run"; done
[ -d "$home/.provision" ] || exit 0
for d in "$home/.provision/dist"/*.incoming "$home/.provision/dist"/*.broken; do
  [ -d "$d" ] && rm -rf -- "$d" && echo "removed $d, left by an earlier run"
done
printf '%s\n' "$folders" | while IFS= read -r d; do
  for f in "$d"/.*.provision "$d"/.*.provision.* "$d"/*.provision.[0-9]*; do
    [ -f "$f" ] || [ -L "$f" ] || continue
    rm -f -- "$f" && echo "removed $f, left by an earlier run"
  done
done
[ -n "$keep" ] || exit 0
used=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | D=$home/.provision/dist/ awk '
  { while ((i = index($0, ENVIRON["D"])) > 0) {
      $0 = substr($0, i + length(ENVIRON["D"])); s = $0; sub(/[\/:].*/, "", s); print s } }' | sort -u)
for d in "$home/.provision/dist"/*; do
  [ -d "$d" ] && [ ! -L "$d" ] || continue
  printf '%s\n' "$keep" | grep -q -x -F -e "${d##*/}" && continue
  case ${d##*/} in kafka-*-????????|java-*-????????|scripts-*-????????|cds-*-????????) ;; *) continue ;; esac
  printf '%s\n' "$used" | grep -q -x -F -e "${d##*/}" && continue
  rm -rf -- "$d" && echo "removed ${d##*/}, which nothing uses"
done
exit 0
