# Arguments: HOME KEY_FILE STATE, then for each service its name, properties file, ports (a,b) and
# unit (or nothing). What runs, what would be started with now, who listens. The last record, after
# the services', has the processes that belong to none of them.
home=$1 key=$2 state=$3; shift 3
secret=; [ -r "$key" ] && read -r secret <"$key"
tab=$(printf '\t')
services= units= files=
for a do
  case $((n = (${n:--1} + 1) % 4)) in
    0) name=$a hold=; [ -r "$state/hold.$name" ] && read -r hold <"$state/hold.$name" ;;
    1) file=$a ;;
    2) ports=$a ;;
    3) services="$services$name$tab$file$tab$ports$tab$a$tab$hold
"; [ -z "$a" ] || units="$units $a" ;;
  esac
done
files_digest=
if [ -x "$home/bin/provision-launch.sh" ]; then
  files_digest=$(printf '%s' "$services" | cut -f 2 | {
    set --; while IFS= read -r f; do set -- "$@" "$f"; done
    PROVISION_HOME=$home "$home/bin/provision-launch.sh" digest "$@" 2>/dev/null; })
fi
# Unit names are of our making and have no blanks.
systemd=; [ -z "$units" ] || systemd=$(systemctl show -p Id,LoadState,UnitFileState,DropInPaths,NeedDaemonReload,ActiveState,SubState,MainPID,NRestarts,Result -- $units 2>&1)
listening=$(awk '$4 == "0A" { n = split($2, a, ":"); print a[n] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
processes | SERVICES=$services FILES_DIGEST=$files_digest SYSTEMD=$systemd LISTENING=$listening KEY=$secret HOMEDIR=$home awk -F'\t' '
  { procs[++count] = $0; used[count] = 0 }
  # drop_ins UNIT: the lines of drop-ins that are not ours, for the person who reads the plan.
  function drop_ins(paths,   n, a, i, l) {
    n = split(paths, a, " ")
    for (i = 1; i <= n; i++) {
      if (a[i] !~ /\.service\.d\//) continue
      while ((getline l < a[i]) > 0) print "|" a[i] ": " l
      close(a[i])
    }
  }
  function of_systemd(unit,   n, blocks, i, m, lines, j, k, mine, paths) {
    n = split(ENVIRON["SYSTEMD"], blocks, /\n\n/)
    for (i = 1; i <= n; i++) {
      if (index("\n" blocks[i] "\n", "\nId=" unit "\n") == 0) continue
      m = split(blocks[i], lines, /\n/)
      for (j = 1; j <= m; j++) {
        k = lines[j]; sub(/=.*/, "", k)
        if (k == "Id") continue
        if (k == "DropInPaths") paths = substr(lines[j], 13)
        print (k ~ /^(ActiveState|SubState|MainPID|NRestarts|Result|NeedDaemonReload)$/ ? "~" : "") lines[j]
      }
      drop_ins(paths)
    }
  }
  END {
    total = split(ENVIRON["SERVICES"], services, /\n/) - 1
    split(ENVIRON["FILES_DIGEST"], files_digest, /\n/)
    n = split(ENVIRON["LISTENING"], l, /\n/)
    for (i = 1; i <= n; i++) open[l[i]] = 1
    for (i = 1; i <= total; i++) {
      split(services[i], s, /\t/)
      print "="
      print "~files_digest=" (files_digest[i] == "" ? "-" : files_digest[i])
      print "~key=" ENVIRON["KEY"]
      if (s[5] != "") print "hold=" s[5]
      for (j = 1; j <= count; j++) {
        split(procs[j], p, /\t/)
        if (p[8] != s[2] && !(p[5] == s[1] && p[7] == ENVIRON["HOMEDIR"])) continue
        used[j] = 1
        print "~pid=" p[1] "\n~start=" p[2] "\n~state=" p[3] "\n~uid=" p[4]
        print "digest=" (p[6] == "" ? "-" : p[6]) "\nrunning=" p[8] "\ndistribution=" p[10]
      }
      up = ""; n = split(s[3], ports, ",")
      for (j = 1; j <= n; j++) if (sprintf("%04X", ports[j]) in open) up = up (up == "" ? "" : ",") ports[j]
      print "~listening=" up
      if (s[4] != "") of_systemd(s[4])
    }
    print "="
    for (j = 1; j <= count; j++) {
      split(procs[j], p, /\t/)
      # What the launcher started in another home belongs to another cluster.
      if (!used[j] && !(p[7] != "" && p[7] != ENVIRON["HOMEDIR"]))
        print "~other=" p[1] "\t" p[2] "\t" p[4] "\t" p[8] "\t" p[9]
    }
  }'
