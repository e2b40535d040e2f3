# NAME HOME: a system account without a login.
if command -v useradd >/dev/null 2>&1; then
  useradd --system --user-group --no-create-home --home-dir "$2" --shell /usr/sbin/nologin "$1"
else
  adduser -S -D -H -h "$2" -s /sbin/nologin "$1"
fi
