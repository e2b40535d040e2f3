# MANIFEST (+ or -) ENTRY...: what was made by us, before it is made, with the folders above it that
# are made along with it; or what is gone: what is still there stays ours.
manifest=$1 sign=$2; shift 2
[ -d "${manifest%/*}" ] || exit 0
umask 027
enter "${manifest%/*}" && own_file manifest && touch -- manifest && rm -f -- manifest.new || exit 1
entries() {
  for e do
    case $sign$e in
      '-'*'	/'*) n=${e#*	}; if [ -e "$n" ] || [ -L "$n" ]; then continue; fi ;;
      '+directory	'*) missing "${e#*	}" ;;
    esac
    printf '%s\n' "$e"
  done
}
# An empty line first: without any line awk would take the manifest for what is given.
{ echo; entries "$@"; } | SIGN=$sign awk '
  NR == FNR { given[$0] = 1; next }
  !($0 in given) { print }
  END { if (ENVIRON["SIGN"] == "+") for (e in given) if (e != "") print e }' - manifest | sort >manifest.new &&
  sync -- manifest.new && mv -f -- manifest.new manifest && sync -- .
