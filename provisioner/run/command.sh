# WORD…: a command of the user, as whoever runs this.
exec "$@" 2>&1
