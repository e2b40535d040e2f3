# start_of PID: when that process started, in ticks since the boot: with its pid, its name.
start_of() { sed 's/^[0-9]* (.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
