# FOLDER FILE...: removes the half-made units that killed runs left in the folder.
enter "$1" || exit 1
shift
for f do [ -f "./${f##*/}" ] && rm -f -- "./${f##*/}" && echo "removed $f, left by an earlier run"; done
exit 0
