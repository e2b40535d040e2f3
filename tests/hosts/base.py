"""The base image: one Debian root file system, the read-only lower layer of every host."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
from pathlib import Path

from tests.hosts.shell import HarnessError, run

# What this machine needs: the program we call, and the Debian package that brings it.
TOOLS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ssh": "openssh-client",
    "ip": "iproute2",
    "nft": "nftables",
    "openssl": "openssl",
    "mkfs.ext4": "e2fsprogs",
}
# An Ubuntu machine cannot check Debian's signatures without it.
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
KEYRING_PACKAGE = "debian-archive-keyring"

_SUITE = "bookworm"
# No Python, curl or nc: a host may have none, and what we do there must not count on them.
# Others make an image of its own with more: bench/ compares with tools that need Python there.
_PACKAGES = ",".join(
    (
        "systemd,systemd-sysv,openssh-server,sudo,iproute2,dbus,procps,fish",
        *os.environ.get("PROVISION_TEST_PACKAGES", "").split(),
    )
)
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")
_ARGUMENTS = (
    "--variant=minbase",
    f"--include={_PACKAGES}",
    *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
    _SUITE,
)
_BUILD_SECONDS = 900  # it took 50 on two busy cores


def cache_dir() -> Path:
    """Where images and worlds live: $PROVISION_TEST_CACHE, else ~/.cache/provision-tests.

    It must be a file system that an overlay can write to: not itself an overlay.
    """
    given = os.environ.get("PROVISION_TEST_CACHE")
    return Path(given).resolve() if given else Path.home() / ".cache/provision-tests"


def image() -> Path:
    """The base image's directory. Its name changes with what is in it, so it is never stale."""
    digest = hashlib.sha256("\n".join(_ARGUMENTS).encode()).hexdigest()[:12]
    return cache_dir() / f"base-{digest}"


def ensure() -> Path:
    """The base image, built now if there is none. Needs root, and the network if it builds.

    Raises HarnessError.
    """
    if os.geteuid() != 0 or os.uname().sysname != "Linux":
        raise HarnessError("test hosts need root on Linux")
    install_packages()
    path = image()
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / ".base-lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs that start together build one image
        if not path.is_dir():
            _build(path)
    return path


def _build(path: Path) -> None:
    print(f"test hosts: building {path}, once", file=sys.stderr)
    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    run("mmdebstrap", "--quiet", *_ARGUMENTS, partial, timeout=_BUILD_SECONDS)
    partial.rename(path)


def missing_packages() -> list[str]:
    """The Debian packages this machine still lacks, sorted."""
    lacking = {package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    if not KEYRING.exists():
        lacking.add(KEYRING_PACKAGE)
    return sorted(lacking)


def install_packages() -> None:
    """Install what is missing. Raises HarnessError when this machine has no apt or apt fails."""
    packages = missing_packages()
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise HarnessError(f"install these first: {' '.join(packages)}")
    print(f"test hosts: installing {' '.join(packages)}", file=sys.stderr)
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y")
    run(*apt, "update", timeout=_BUILD_SECONDS)
    run(*apt, "install", "--no-install-recommends", *packages, timeout=_BUILD_SECONDS)
