#!/usr/bin/env bash
# What the real test hosts (tests/hosts) need from the machine. As root on Debian or Ubuntu it
# installs what is missing; elsewhere it says what is. Exit 0: the host tests can run here.
set -euo pipefail

packages=(systemd-container mmdebstrap openssh-client iproute2 nftables openssl e2fsprogs)
commands=(systemd-nspawn mmdebstrap ssh ip nft openssl mkfs.ext4)

# Not every user has the folders of the administrator's commands in PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

missing() {
    local name
    for name in "${commands[@]}"; do
        command -v "$name" >/dev/null || echo "$name"
    done
}

if [ "$(uname -s)" != Linux ]; then
    echo "real test hosts need Linux" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "real test hosts need root" >&2
    exit 1
fi
[ -n "$(missing)" ] || exit 0
if command -v apt-get >/dev/null; then
    echo "installing ${packages[*]}" >&2
    {
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 \
            --no-install-recommends --no-upgrade "${packages[@]}"
    } </dev/null >&2
fi
left=$(missing | paste -s -d ' ' -)
if [ -n "$left" ]; then
    echo "real test hosts need these commands, which are missing: $left" >&2
    exit 1
fi
