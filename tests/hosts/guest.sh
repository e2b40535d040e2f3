#!/bin/sh
# guest.sh WIRE BRIDGE GROUPS COMMAND... - keep one guest running until it powers off.
#
# WIRE    a second network interface to put on BRIDGE, or nothing
# GROUPS  control groups the guest runs in, one a line
# COMMAND systemd-nspawn with its arguments
#
# A guest that reboots itself ends nspawn with status 133, there being no machine manager to
# start it again; this loop does. It stays out of the guest's groups: nspawn wants them empty.
set -u
wire=$1 bridge=$2 groups=$3
shift 3

# TERM goes to the whole process group: nspawn powers the guest off, and we only must not restart
stopping=
trap 'stopping=1' TERM

attach() {
    ip link delete "$wire" 2>/dev/null # of the boot before, if the kernel is still at it
    tries=0
    until ip link set "$wire" master "$bridge" up 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 250 ] || return 1
        sleep 0.02
    done
}

while :; do
    if [ -n "$wire" ]; then attach & fi
    # shellcheck disable=SC2016  # expanded by the inner shell, whose pid it is
    sh -c '
        IFS="
"
        for group in $1; do
            mkdir -p "$group" && echo $$ >"$group/cgroup.procs" || exit 1
        done
        shift
        exec "$@"' sh "$groups" "$@"
    status=$?
    if [ "$status" -ne 133 ] || [ -n "$stopping" ]; then exit "$status"; fi
done
