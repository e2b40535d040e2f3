# UNIT: it no longer starts at boot.
systemctl disable --quiet -- "$1"
