# PATH OWNER: gives a file that root has just written its former owner and group.
enter "${1%/*}" && own_file "${1##*/}" && chown -h -- "$2" "./${1##*/}"
