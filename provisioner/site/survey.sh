# What of Kafka and ZooKeeper runs here: a record for each process. The last record is of the machine.
# It is what processes say of themselves; of the files they name nothing is read here.
# unit_of PID: the systemd service whose main process it is, and the unit's file.
unit_of() {
  u=$(sed -n 's|^[0-9]*:[^:]*:.*/\([^/]*\.service\)\(/.*\)*$|\1|p' "/proc/$1/cgroup" 2>/dev/null | head -n 1)
  case $u in ''|*[!A-Za-z0-9:_.@\\-]*) return ;; esac
  command -v systemctl >/dev/null 2>&1 || return
  [ "$(systemctl show -p MainPID --value -- "$u" 2>/dev/null)" = "$1" ] || return
  printf 'unit=%s\nunit_path=%s\n' "$u" "$(systemctl show -p FragmentPath --value -- "$u" 2>/dev/null)"
}
tab=$(printf '\t')
processes | while IFS= read -r row; do
  IFS=$tab read -r pid start uid ours config class program <<END
$(printf '%s\n' "$row" | awk -F'\t' -v OFS='\t' '{ print $1, $2, $4, ($7 == "" ? "-" : $7), ($8 == "" ? "-" : $8), $9, $11 }')
END
  [ "$program" != other ] || continue
  echo =
  printf 'pid=%s\nuser=%s\nours=%s\nconfig=%s\nclass=%s\n' "$pid" "$(id -nu -- "$uid" 2>/dev/null || echo "uid $uid")" "$ours" "$config" "$class"
  printf 'cwd=%s\n' "$(readlink -n -- "/proc/$pid/cwd" 2>/dev/null | tr '\000-\037' '?')"
  unit_of "$pid"
  command_line "$pid"
done
echo =
echo "hostname=$(uname -n)"; echo "login=$(id -un)"; echo "uid=$(id -u)"
