# PATH TARGET: a link, switched by rename; what is there and is not a link is kept beside it.
if [ -e "$1" ] && [ ! -L "$1" ]; then mv -- "$1" "$1.before-provision" || exit 1; echo "kept as $1.before-provision"; fi
ln -s -- "$2" "$1.provision.$$" && mv -f -T -- "$1.provision.$$" "$1"
