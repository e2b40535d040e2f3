# Arguments: distribution folders. Compares each with its own list of digests. What was verified
# once is compared by size, times and owner with the stamp made then; only if that differs, by content.
listing() { (cd "$1" && find . -mindepth 1 ! -name .stamp -printf '%P %y %s %m %U %T@ %C@ %l\n' | sort | sha256sum); }
for d do
  echo =
  if [ ! -e "$d" ] && [ ! -L "$d" ]; then
    up=$d; while up=$(dirname "$up"); [ ! -e "$up" ]; do [ "$up" = / ] && break; done
    if [ -x "$up" ]; then echo absent=; else printf 'error=%s cannot be entered\n' "$up"; fi
    continue
  fi
  if [ ! -r "$d/SHA256SUMS" ]; then echo digest=; echo 'missing=SHA256SUMS'; continue; fi
  read -r stamp sum 2>/dev/null <"$d/.stamp" || stamp=
  now=$(listing "$d" 2>/dev/null); now=${now%% *}
  # The stamp ends with the digest of the list, which its first part vouches for.
  [ "$now" = "$stamp" ] && [ -n "$sum" ] || { sum=$(sha256sum <"$d/SHA256SUMS"); sum=${sum%% *}; }
  echo "digest=$sum"
  [ "$now" = "$stamp" ] && continue
  find "$d" -maxdepth 0 -printf '' 2>/dev/null || { echo 'error=find on this host has no -printf: GNU findutils are needed'; continue; }
  (cd "$d" && sha256sum -c SHA256SUMS 2>/dev/null) | sed -n 's/: FAILED open or read$//; t m; s/: FAILED$//; t c; d; :m; s/^/missing=/p; d; :c; s/^/changed=/p'
  (cd "$d" && find . -type f ! -name .stamp ! -name SHA256SUMS -printf '%P\n' | awk '
    NR == FNR { known[substr($0, 67)] = 1; next } !($0 in known) { print "extra=" $0 }' SHA256SUMS - | sort)
done
