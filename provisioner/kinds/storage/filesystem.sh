# filesystem PATH: what names the filesystem of a path across boots, or nothing.
filesystem() {
  f=$(stat -f -c '%T:%i' -- "$1" 2>/dev/null) || f=
  case $f in
    # These derive their id from the device's number, which another boot may change.
    xfs:*|btrfs:*|ext2/ext3:*|zfs:*)
      n=$(stat -c '%Hd:%Ld' -- "$1")
      for u in /dev/disk/by-uuid/*; do
        [ -e "$u" ] || break
        [ "$(stat -L -c '%Hr:%Lr' -- "$u" 2>/dev/null)" = "$n" ] && { echo "uuid:${u##*/}"; return; }
      done
      case $f in xfs:*) echo; return ;; esac ;;
  esac
  echo "$f"
}
