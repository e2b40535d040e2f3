# Arguments: paths. Type, mode, owner; the lines of a regular file, the target of a link. What is
# there costs one stat and one awk for all of it.
nl='
'
one_line() { printf %s "$1" | tr '\n' '?'; }
states= missing= targets=
for p do
  if [ -L "$p" ]; then
    t=$(readlink -n -- "$p")
    case $t in *"$nl"*) t=$(one_line "$t") ;; esac
    states=${states}p targets=$targets$t$nl
  elif [ -e "$p" ]; then states=${states}p
  else
    e=$(stat -- "$p" 2>&1 >/dev/null)
    case $e in
      *': No such file or directory'|*': Not a directory') missing="${missing}absent=$nl" ;;
      *) missing="${missing}error=$(one_line "$e")$nl" ;;
    esac
    states=${states}a
  fi
done
facts=$(stat -c '%04a %U:%G %F' -- "$@" 2>/dev/null)
STATES=$states MISSING=$missing TARGETS=$targets FACTS=$facts awk '
  function show(path, fact,   mode, owner, type, line, got) {
    if (fact == "") { print "error=it changed while it was looked at"; return }
    mode = fact; sub(/ .*/, "", mode); sub(/^[^ ]* /, "", fact)
    owner = fact; sub(/ .*/, "", owner); type = fact; sub(/^[^ ]* /, "", type)
    print "type=" type "\nmode=" mode "\nowner=" owner
    if (type == "symbolic link") print "target=" targets[++t]
    if (type !~ /^regular/) return
    while ((got = (getline line < path)) > 0) print "|" line
    close(path)
    if (got < 0) print "error=it cannot be read"
  }
  BEGIN {
    states = ENVIRON["STATES"]; there = states; gsub(/a/, "", there)
    if (split(ENVIRON["FACTS"], facts, "\n") != length(there)) delete facts
    split(ENVIRON["MISSING"], missing, "\n"); split(ENVIRON["TARGETS"], targets, "\n")
    for (i = 1; i < ARGC; i++) {
      print "="
      if (substr(states, i, 1) == "a") print missing[++m]; else show(ARGV[i], facts[++f])
    }
  }' "$@"
