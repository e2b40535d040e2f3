"""A home that belongs to an attacker: every file a trap, every path a link outwards, pipes that
hang. Whatever verb is run over it, as root or through sudo: nothing of it is run by root, nothing
outside is read out, changed, owned or removed."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.hosts.options import DEPLOY, User
from tests.real_hosts.clusters import Place, on, one_node
from tests.soak import SOAK

OWNER = User("secstud", 4242)
NEIGHBOUR = User("othstud", 4243)
HOMES = {"process": "/home/secstud/dev/kafka", "systemd": "/opt/kafka"}
SECRET = "hash-that-only-root-may-read"

OUTSIDE = f"""
mkdir -p /srv/outside/kafka/.provision /home/othstud/dev/kafka/.provision /srv/trap
printf '{SECRET}\\n' >/srv/outside/shadow; chmod 600 /srv/outside/shadow
printf '[Service]\\nExecStart=/bin/true\\n' >/etc/systemd/system/victim.service
cp /srv/outside/shadow /srv/outside/kafka/.provision/manifest
printf 'mine\\n' >/home/othstud/dev/kafka/.provision/manifest
chown -R othstud:othstud /home/othstud; chmod 700 /srv/outside /srv/outside/kafka
chmod 1777 /srv/trap
"""
TREE = """
find /srv/outside /home/othstud /etc/systemd/system /etc/passwd /etc/shadow -printf '%p %y %u %g %m %l\\n'
find /srv/outside /home/othstud /etc/systemd/system -type f -exec sha256sum {} +
"""
TRAPS = """
home=$1; shift
trap='#!/bin/sh
id -u >>/srv/trap/ran'
# Whatever can be run or sourced is a trap; what is read is a link outwards, or a pipe.
find "$home" -type f \\( -perm /111 -o -name '*.sh' -o -name '*.awk' \\) ! -path '*/java-*/bin/java' | while IFS= read -r f; do
  rm -f "$f"; printf '%s\\n' "$trap" >"$f"; chmod 755 "$f"
done
for f in key cluster.properties hold.broker-1; do
  rm -f "$home/.provision/$f"; ln -s /srv/outside/shadow "$home/.provision/$f"
done
for f in lock.token lock.sessions lock.holder journal.jsonl; do
  [ -d "$home/.provision" ] && { rm -f "$home/.provision/$f"; ln -s /srv/outside/created-by-root "$home/.provision/$f"; }
done
for d in "$home"/data; do
  [ -d "$d" ] && { rm -f "$d/meta.properties"; ln -s /srv/outside/shadow "$d/meta.properties"; rm -f "$d/myid"; mkfifo "$d/myid"; }
done
rm -f "$home/logs/broker-1/server.log"; ln -s /srv/outside/shadow "$home/logs/broker-1/server.log"
m=$home/.provision/manifest
[ -f "$m" ] && printf '%s\\t%s\\n' file /etc/systemd/system/victim.service file /etc/systemd/system/../../../srv/outside/shadow \\
  kafka /srv/outside java /home/othstud/dev/kafka/.provision/dist/x directory /srv/outside/kafka account root account othstud >>"$m"
exit 0
"""
SWAP = """
home=$1
[ -L "${home%/kafka}" ] || { mv "${home%/kafka}" "${home%/kafka}.away" && ln -s "$2" "${home%/kafka}"; }
"""
VERBS = (
    ("plan",), ("drift",), ("status",), ("verify",), ("validate", "--hosts"), ("log",), ("lock",),
    ("stop",), ("start",), ("restart",), ("apply",), ("apply", "--rebuild"),
    ("apply", "--allow", "data-loss", "--allow", "format-controller"),
    ("destroy", "--confirm", "one", "--allow", "wipe-log-dir"),
)  # fmt: skip


LOGINS = ("root", "deploy")
USUAL = [("systemd", "root"), ("process", "deploy")]
"""In `make test`; `make soak` has every supervisor with every login."""
EVERY = [(supervisor, login) for supervisor in HOMES for login in LOGINS]


@pytest.fixture(params=EVERY if SOAK else USUAL, ids="-".join)
def place(
    request: pytest.FixtureRequest, machines: MachineFactory, tmp_path: Path
) -> tuple[Place, Machine, str]:
    """A cluster that runs as its owner, and what is outside of it."""
    (host,) = machines(users=(DEPLOY, OWNER, NEIGHBOUR))
    supervisor, login = request.param
    home = HOMES[supervisor]
    found = Place(tmp_path, [host], user=login)
    more = f"  supervisor: {supervisor}\n  user: secstud\n  home: {home}\n"
    found.write(one_node(host.name, more=more))
    on(host, OUTSIDE)
    found.ok("apply")
    return found, host, home


def as_owner(host: Machine, script: str, *words: str) -> None:
    on(host, 'runuser -u secstud -- sh -c "$@"', script, "sh", *words)


def seen(host: Machine) -> str:
    """What is outside: names, owners, modes, content. Our own unit comes and goes."""
    lines = on(host, TREE).splitlines()
    return "\n".join(sorted(line for line in lines if "kafka-one-" not in line))


def nothing_happened(host: Machine, before: str, answer: str, verb: object) -> None:
    ran = on(host, "cat /srv/trap/ran 2>/dev/null; true").split()
    assert "0" not in ran, f"{verb}: root ran a file of the owner's"
    after = seen(host)
    assert after == before, f"{verb}: something outside changed"
    assert SECRET not in answer, f"{verb}: what only root may read was shown"


def test_every_verb_over_a_home_full_of_traps(place: tuple[Place, Machine, str]) -> None:
    mine, host, home = place
    before = seen(host)
    for words in VERBS:
        as_owner(host, TRAPS, home) if home.startswith("/home") else on(
            host, 'runuser -u secstud -- sh -c "$@"', TRAPS, "sh", home
        )
        answer = mine.run(*words)
        told = answer.text + answer.progress
        nothing_happened(host, before, told, words)
        assert "Traceback" not in told


OUTWARDS = ["/srv/outside", "/home/othstud/dev"]


@pytest.mark.parametrize(
    ("login", "outwards"),
    list(itertools.product(LOGINS, OUTWARDS)) if SOAK else [("deploy", OUTWARDS[1])],
)
def test_every_verb_while_the_folder_above_leads_elsewhere(
    machines: MachineFactory, tmp_path: Path, login: str, outwards: str
) -> None:
    """``dev`` is renamed, and a link to somebody else's folder put in its place."""
    (host,) = machines(users=(DEPLOY, OWNER, NEIGHBOUR))
    home = HOMES["process"]
    mine = Place(tmp_path, [host], user=login)
    mine.write(
        one_node(host.name, more=f"  supervisor: process\n  user: secstud\n  home: {home}\n")
    )
    on(host, OUTSIDE)
    mine.ok("apply")
    as_owner(host, SWAP, home, outwards)
    before = seen(host)
    for words in VERBS:
        answer = mine.run(*words)
        nothing_happened(host, before, answer.text + answer.progress, words)


@pytest.mark.parametrize("login", LOGINS)
def test_root_hands_no_folder_over_that_somebody_could_swap(
    machines: MachineFactory, tmp_path: Path, login: str
) -> None:
    """A wrong owner below a folder of the owner's is refused in words; it was mended by root."""
    (host,) = machines(users=(DEPLOY, OWNER, NEIGHBOUR))
    home = HOMES["process"]
    mine = Place(tmp_path, [host], user=login)
    mine.write(
        one_node(host.name, more=f"  supervisor: process\n  user: secstud\n  home: {home}\n")
    )
    on(host, OUTSIDE)
    mine.ok("apply")
    on(host, f"chown root:root {home}")
    answer = mine.run("apply", "--json")
    assert answer.code == 2
    told = json.dumps(answer.document)
    assert "chown" in told or "changed by others" in told
    assert on(host, f"stat -c %U {home}").strip() == "root"
