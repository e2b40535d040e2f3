# LOG: the lines of errors since the last start that this log tells of; at most 50.
[ -f "$1" ] && [ -r "$1" ] || { echo "no such file: $1"; exit 1; }
tail -n 20000 -- "$1" | awk '
  /Log4jController|Reading configuration from/ { n = 0 }
  /^\[[^]]*\] (ERROR|FATAL) / { if (n < 50) said[n++] = substr($0, 1, 400) }
  END { for (i = 0; i < n; i++) print said[i] }'
