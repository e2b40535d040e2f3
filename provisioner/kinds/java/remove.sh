# PATH: a distribution folder of ours.
case $1 in */.provision/dist/*) ;; *) echo "$1 is not a distribution"; exit 1 ;; esac
rm -rf -- "$1"
