# PATH
rm -f -- "$1"
