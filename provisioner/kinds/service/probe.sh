# USER HOME STATE, then for each service its name, properties file, ports (a,b) and unit (or nothing).
# What runs and who listens: of the home nothing is read here. STATE is the state folder where that is
# root's (else nothing). The last record, after the services', has the processes of none of them.
owner=$(if [ -n "$1" ]; then id -u -- "$1"; else id -u; fi 2>/dev/null)
home=$2 state=$3; shift 3
tab='	'
services= units=
for a do
  case $((n = (${n:--1} + 1) % 4)) in
    0) name=$a hold=; [ -n "$state" ] && hold=$(held_down "$state" "$name" | tr '\n' '\037') ;;
    1) file=$a ;;
    2) ports=$a ;;
    3) services="$services$name$tab$file$tab$ports$tab$a$tab$hold
"; [ -z "$a" ] || units="$units $a" ;;
  esac
done
# Unit names are of our making and have no blanks.
systemd=; [ -z "$units" ] || systemd=$(systemctl show -p Id,LoadState,UnitFileState,DropInPaths,NeedDaemonReload,ActiveState,SubState,MainPID,NRestarts,Result -- $units 2>&1)
processes=$(processes)
open= inodes= folders= held=
if [ -n "$processes" ]; then
  # PORT:INODE:UID of what listens at ports of ours, and /proc/PID/fd of the processes that may be
  # ours: whether one of these holds one of those is looked up.
  look=$(printf '%s\n' "$processes" | SERVICES=$services SYSTEMD=$systemd OWNER=$owner HOMEDIR=$home awk -F'\t' '
    BEGIN {
      n = split(ENVIRON["SERVICES"], s, /\n/)
      for (i = 1; i < n; i++) {
        split(s[i], f, /\t/); named[f[1]] = given[f[2]] = 1
        m = split(f[3], p, ","); for (j = 1; j <= m; j++) port[sprintf("%04X", p[j])] = p[j]
      }
    }
    NF > 10 {
      if (($4 == ENVIRON["OWNER"] || ENVIRON["SYSTEMD"] != "") && ($8 in given || ($5 in named && $7 == ENVIRON["HOMEDIR"]))) print "/proc/" $1 "/fd"
      next
    }
    { split($0, w, " "); n = split(w[2], a, ":"); if (w[4] == "0A" && a[n] in port) print port[a[n]] ":" w[10] ":" w[8] }
  ' - /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  for l in $look; do
    case $l in /*) folders="$folders $l" ;; *) open="$open$l
"; l=${l#*:}; inodes="$inodes ${l%:*}" ;; esac
  done
  held=$(sockets "$folders" $inodes)
fi
printf '%s\n' "$processes" | SERVICES=$services SYSTEMD=$systemd OPEN=$open HELD=$held OWNER=$owner HOMEDIR=$home awk -F'\t' '
  NF { procs[++count] = $0; used[count] = 0 }
  # drop_ins UNIT: the lines of drop-ins that are not ours, for the person who reads the plan.
  function drop_ins(paths,   n, a, i, l) {
    n = split(paths, a, " ")
    for (i = 1; i <= n; i++) {
      if (a[i] !~ /\.service\.d\//) continue
      while ((getline l < a[i]) > 0) print "|" a[i] ": " l
      close(a[i])
    }
  }
  # block_of UNIT: what systemd says of it, as lines in block[1..blocks].
  function block_of(unit,   n, every, i) {
    n = split(ENVIRON["SYSTEMD"], every, /\n\n/)
    for (i = 1; i <= n; i++)
      if (index("\n" every[i] "\n", "\nId=" unit "\n")) { blocks = split(every[i], block, /\n/); return }
    blocks = 0
  }
  function value_of(key,   j) {
    for (j = 1; j <= blocks; j++) if (index(block[j], key "=") == 1) return substr(block[j], length(key) + 2)
    return ""
  }
  function of_systemd(   j, k) {
    for (j = 1; j <= blocks; j++) {
      k = block[j]; sub(/=.*/, "", k)
      if (k == "Id") continue
      print (k ~ /^(ActiveState|SubState|MainPID|NRestarts|Result|NeedDaemonReload)$/ ? "~" : "") block[j]
    }
    drop_ins(value_of("DropInPaths"))
  }
  # The main process of the unit is the service, whatever it says of itself. Else it has to run as
  # the right user, be java, and be started with this file or by the launcher under this name.
  function belongs(name, file, main) {
    if (main != "" && main != "0" && p[1] == main) return 1
    if (p[4] != ENVIRON["OWNER"] || p[11] == "other") return 0
    return p[8] == file || (p[5] == name && p[7] == ENVIRON["HOMEDIR"])
  }
  # Whether the socket is held by one of these processes; by the user of the socket where it cannot
  # be seen who holds it.
  function held_by(inode, uid, pids,   n, a, i) {
    n = split(pids, a, " ")
    for (i = 1; i <= n; i++) {
      if ((inode, a[i]) in holds) return 1
      if ((!looked || hidden[a[i]]) && uid == uids[a[i]]) return 1
    }
    return 0
  }
  # Since when processes run is told in hundredths of a second since boot, on every Linux.
  function up_for(   l, a) { getline l < "/proc/uptime"; split(l, a, " "); return a[1] }
  END {
    uptime = up_for()
    total = split(ENVIRON["SERVICES"], services, /\n/) - 1
    opened = split(ENVIRON["OPEN"], open, /\n/)
    n = split(ENVIRON["HELD"], h, /\n/); looked = n
    for (i = 1; i <= n; i++) { split(h[i], a, /[ \/]/); holds[a[1], a[4]] = 1 }
    for (i = 1; i <= total; i++) {
      split(services[i], s, /\t/)
      print "="
      n = split(s[5], h, "\037"); for (j = 1; j < n; j++) print h[j]
      blocks = 0; if (s[4] != "") block_of(s[4])
      main = value_of("MainPID"); pids = ""
      for (j = 1; j <= count; j++) {
        split(procs[j], p, /\t/)
        if (!belongs(s[1], s[2], main)) continue
        used[j] = 1; pids = pids p[1] " "; uids[p[1]] = p[4]; hidden[p[1]] = (p[11] == "-")
        print "~age=" int(uptime - p[2] / 100)
        print "~pid=" p[1] "\n~start=" p[2] "\n~state=" p[3] "\n~uid=" p[4]
        print "digest=" (p[6] == "" ? "-" : p[6]) "\nrunning=" p[8] "\ndistribution=" p[10]
      }
      up = ""; n = split(s[3], ports, ",")
      for (j = 1; j <= n; j++)
        for (k = 1; k <= opened; k++) {
          split(open[k], o, ":")
          if (o[1] == ports[j] && held_by(o[2], o[3], pids)) { up = up (up == "" ? "" : ",") ports[j]; break }
        }
      print "~listening=" up
      of_systemd()
    }
    print "="
    for (j = 1; j <= count; j++) {
      split(procs[j], p, /\t/)
      # What the launcher started in another home belongs to another cluster.
      if (!used[j] && !(p[7] != "" && p[7] != ENVIRON["HOMEDIR"] && p[11] != "other"))
        print "~other=" p[1] "\t" p[2] "\t" p[4] "\t" p[8] "\t" p[9] "\t" p[11] "\t" (p[4] == ENVIRON["OWNER"] ? "yes" : "no")
    }
  }'
