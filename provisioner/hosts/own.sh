# MANIFEST (+ or -) ENTRY...: what was made by us, before it is made.
manifest=$1 sign=$2; shift 2
[ -d "$(dirname "$manifest")" ] || exit 0
umask 027
touch -- "$manifest" || exit 1
for e do printf '%s\n' "$e"; done | SIGN=$sign awk '
  NR == FNR { given[$0] = 1; next }
  !($0 in given) { print }
  END { if (ENVIRON["SIGN"] == "+") for (e in given) print e }' - "$manifest" | sort >"$manifest.new" &&
  sync -- "$manifest.new" && mv -f -- "$manifest.new" "$manifest"
