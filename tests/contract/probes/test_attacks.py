"""What root does in the reach of other local users: nothing. As root, with two real users.

``nobody`` is Kafka's user and owns the folder that leads to everything; ``daemon`` is another user.
Deterministic where a race would be: the swap is made in the middle of a script, by one of its own
commands.
"""

from __future__ import annotations

import dataclasses
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.hosts.actor import (
    HELD,
    JOURNAL,
    OWN,
    PUT,
    WHOSE,
    Actor,
    Batch,
    LockToken,
    ShellStep,
)
from provisioner.hosts.local import LocalConnection
from provisioner.hosts.observer import Observer, Shell
from provisioner.hosts.shell import ENTER
from provisioner.hosts.transport import TransportError
from provisioner.kinds.layout import Facts, HostLayout
from provisioner.run import lock
from provisioner.run.journal import journal_lines
from provisioner.run.look import probes_of, reading
from provisioner.run.steps import text_of
from provisioner.run.sweep import SWEEP_UNITS
from provisioner.run.target import _gather_facts
from tests.contract.probes.test_probes import places_at
from tests.unit.plan.model_cluster import spec_of

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root")
KAFKA, OTHER = "nobody", "daemon"
SECRET = "TOPSECRET"
SWAP = 'cd "$1" && mv dev away && ln -s "$2" dev'
# What a script calls between a look at a path and its use.
MOMENTS = ("id", "stat", "mkdir", "chown", "chmod", "rm", "rmdir", "mv", "touch", "grep", "awk",
           "sort", "sync", "cat", "wc", "sed")  # fmt: skip


@dataclass
class Stage:
    """``folder`` (root's) holds ``user`` (Kafka's user's) with ``dev/kafka`` in it, and ``theirs``,
    which looks alike and is root's or another user's."""

    folder: Path

    @property
    def user(self) -> Path:
        return self.folder / "user"

    @property
    def home(self) -> Path:
        return self.user / "dev" / "kafka"

    @property
    def theirs(self) -> Path:
        return self.folder / "theirs"

    def furnish(self, at: Path, owner: str) -> None:
        """A home with a bit of everything; its files hold the secret."""
        for below in ("config", "logs/broker-1", ".provision/dist/kafka-1", "data"):
            (at / below).mkdir(parents=True)
        files = ("manifest", "journal.jsonl", "lock.token", "lock.pid", "lock.holder", "lock",
                 "lock.sessions", "hold.broker-1", "key", "cluster.properties")  # fmt: skip
        for name in files:
            (at / ".provision" / name).write_text(f"{SECRET}\tx\ty\tz\n")
        (at / "config" / "server-1.properties").write_text(SECRET)
        (at / "data" / "meta.properties").write_text(SECRET)
        (at / "data" / "myid").write_text(SECRET)
        (at / "empty").mkdir()
        for path in [at, *at.rglob("*")]:
            shutil.chown(path, *of(owner))
            path.chmod(0o700 if path.is_dir() else 0o600)

    def swap(self) -> None:
        """As Kafka's user: what was ``dev`` is now another's folder."""
        words = ["sh", "-c", SWAP, "sh", str(self.user), str(self.theirs)]
        subprocess.run(["setpriv", *as_user(KAFKA), "--", *words], check=True)

    def seen(self) -> dict[str, tuple[object, ...]]:
        """All that is not Kafka's user's own, with contents."""
        found: dict[str, tuple[object, ...]] = {}
        top = self.folder.lstat()
        found["top"] = (top.st_mode, top.st_uid, sorted(p.name for p in self.folder.iterdir()))
        for path in [self.theirs, *sorted(self.theirs.rglob("*"))]:
            s = path.lstat()
            text = path.read_text() if stat.S_ISREG(s.st_mode) else ""
            found[str(path)] = (s.st_mode, s.st_uid, s.st_gid, s.st_ino, s.st_mtime_ns, text)
        return found

    def by_root(self) -> list[str]:
        """What is root's below the folder of Kafka's user."""
        return [str(p) for p in self.user.rglob("*") if p.lstat().st_uid == 0]


def of(user: str) -> tuple[int, int]:
    found = pwd.getpwnam(user)
    return found.pw_uid, found.pw_gid


def as_user(user: str) -> list[str]:
    uid, gid = of(user)
    return [f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]


@pytest.fixture(params=["root"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="a stage ", dir="/tmp"))
    folder.chmod(0o755)
    found = Stage(folder)
    found.home.mkdir(parents=True)
    found.furnish(found.home, KAFKA)
    found.furnish(found.theirs / "kafka", request.param)
    for path in (found.user, found.user / "dev"):
        shutil.chown(path, *of(KAFKA))
    shutil.chown(found.theirs, request.param)
    try:
        yield found
    finally:
        shutil.rmtree(folder)


LOCK = lock._script()
DESTROY = text_of("directory/destroy")
FILE = "{h}/config/server-1.properties"
SCRIPTS: dict[str, tuple[str, tuple[str, ...]]] = {
    # {h}: the home, {s}: its .provision
    "make a folder": (text_of("directory/make"), ("{h}/new/a", "0755", "nobody:nogroup")),
    "give a folder away": (text_of("directory/mend"), ("{h}", "0755", "nobody:nogroup")),
    "make our own folder": (text_of("directory/make"), ("{h}/a/b", "0755", "root:root")),
    "mend our own folder": (text_of("directory/mend"), ("{h}", "0755", "root:root")),
    "remove a unit": (DESTROY, ("{s}", "unit", FILE)),
    "remove a folder": (DESTROY, ("{s}", "directory", "{h}/empty", "{h}/config")),
    "record a storage": (text_of("storage/record"), ("{s}/manifest", "broker", "{h}/data")),
    "forget a storage": (text_of("storage/forget"), ("{s}/manifest",)),
    "hold a service": (text_of("service/hold"), ("{s}", "broker-1", "why")),
    "free a service": (text_of("service/hold"), ("{s}", "broker-1", "")),
    "put a unit": (PUT, (FILE, "0644", "theirs")),
    "is the lock held": (HELD, ("{s}", SECRET)),
    "a line in the journal": (JOURNAL, ("{s}", "@NOW@ a line")),
    "a line in the manifest": (OWN, ("{s}/manifest", "+", "file\t/x")),
    "a line off the manifest": (OWN, ("{s}/manifest", "-", f"{SECRET}\tx")),
    "whose is it": (WHOSE, ("{s}/manifest", SECRET)),
    "take the lock": (LOCK, ("{s}", "token", "who", "1")),
    "show the lock": (lock.showing(), ("{s}",)),
    "break the lock": (ENTER + lock._text("lock_break.sh"), ("{s}", "TOP")),
    "the journal": (journal_lines(), ("{s}", "10", "1000")),
    "the manifest": (text_of("directory/manifest"), ("{s}/manifest",)),
    "sweep units": (SWEEP_UNITS, ("{h}/config", FILE)),
}


def run(stage: Stage, text: str, args: tuple[str, ...], moment: str = "") -> str:
    """The script as root; at its first call of ``moment`` Kafka's user swaps the folder."""
    tools = stage.folder / "tools"
    tools.mkdir(mode=0o755)
    if moment:
        found = shutil.which(moment)
        assert found
        as_kafka = " ".join(as_user(KAFKA))
        (tools / moment).write_text(f"""#!/bin/sh
            if [ ! -e "{tools}/done" ]; then
              : >"{tools}/done"
              setpriv {as_kafka} -- sh -c '{SWAP}' sh "{stage.user}" "{stage.theirs}"
            fi
            exec {found} "$@"\n""")
        (tools / moment).chmod(0o755)
    words = [a.format(h=stage.home, s=stage.home / ".provision") for a in args]
    done = subprocess.run(
        ["sh", "-c", text, "sh", *words],
        env={"PATH": f"{tools}:{os.environ['PATH']}"},
        input="content",
        capture_output=True,
        text=True,
        timeout=60,
    )
    shutil.rmtree(tools)
    return done.stdout + done.stderr


CASES = [
    (name, moment)
    for name, (text, _) in SCRIPTS.items()
    for moment in MOMENTS
    if re.search(rf"(^|[^\w-]){moment} ", text, re.M)
]


@pytest.mark.parametrize(("name", "moment"), CASES)
def test_root_does_nothing_through_a_path_that_another_user_can_swap(
    stage: Stage, name: str, moment: str
) -> None:
    before, own = stage.seen(), stage.by_root()
    text, args = SCRIPTS[name]
    said = run(stage, text, args, moment)
    assert {k: v for k, v in stage.seen().items() if before[k] != v} == {}
    assert set(stage.seen()) == set(before)
    assert stage.by_root() == own, "root left something in a folder that is not root's"
    assert SECRET not in said


@pytest.mark.parametrize("stage", ["root", OTHER], indirect=True)
@pytest.mark.parametrize("name", SCRIPTS)
def test_nor_through_a_link_that_stands_there_already(stage: Stage, name: str) -> None:
    stage.swap()
    before, own = stage.seen(), stage.by_root()
    text, args = SCRIPTS[name]
    said = run(stage, text, args)
    assert stage.seen() == before
    assert stage.by_root() == own
    assert SECRET not in said


BY_NAME = {
    "give": ('[ -L "$1" ] || { stat "$1" >/dev/null; chown -h "$2" -- "$1"; }', ("{h}", "nobody")),
    "write": ('stat / >/dev/null; echo x >>"$1/journal.jsonl"', ("{s}",)),
    "remove": ('stat / >/dev/null; rm -rf -- "$1"', ("{s}",)),
}


@pytest.mark.parametrize("name", BY_NAME)
def test_the_swap_would_be_seen(stage: Stage, name: str) -> None:
    """A script that checks a path by name and then uses the name does fall for it."""
    before = stage.seen()
    run(stage, *BY_NAME[name], "stat")
    assert stage.seen() != before


# --- lock, manifest and journal in Kafka's user's own folder, the whole way ----------------------


def actor(stage: Stage) -> Actor:
    state = stage.home / ".provision"
    (state / "lock.token").write_text("token\n")
    token = LockToken(str(state), "token", KAFKA)
    return Actor(Shell(LocalConnection("h")), token)


def traps(kind: str, path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target) if kind == "link" else os.mkfifo(path, 0o666)
    os.chown(path, *of(KAFKA), follow_symlinks=False)


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("name", ["lock.token", "lock.sessions", "manifest", "journal.jsonl"])
def test_a_trap_in_the_state_folder_ends_the_batch(stage: Stage, name: str, kind: str) -> None:
    acting = actor(stage)
    made = stage.folder / "created-by-root"
    traps(kind, stage.home / ".provision" / name, made)
    before = stage.seen()
    step = ShellStep("echo did", (), KAFKA)
    outcome = acting.act(
        Batch(steps=[step], own=("file\t/x",), disown=("file\t/y",), intent="i", done="d")
    )
    assert not made.exists()
    assert stage.seen() == before
    assert stage.by_root() == []
    if name in ("lock.token", "lock.sessions"):
        assert outcome.lost
    if name == "manifest":
        assert outcome.failed == 0
        assert "was not made by provision: remove it" in outcome.texts[-1]


def test_the_session_is_noted_by_who_owns_the_state_folder(stage: Stage) -> None:
    (stage.home / ".provision" / "lock.sessions").unlink()
    outcome = actor(stage).act(Batch(steps=[ShellStep("id -un", (), KAFKA)], own=("file\t/x",)))
    assert (outcome.failed, outcome.texts) == (None, [f"{KAFKA}\n"])
    assert (stage.home / ".provision" / "lock.sessions").owner() == KAFKA
    assert (stage.home / ".provision" / "manifest").owner() == KAFKA


# --- what is read


def kafkas(stage: Stage) -> HostLayout:
    places = places_at(stage.home)
    group = pwd.getpwnam(KAFKA).pw_gid
    return dataclasses.replace(places, user=KAFKA, group=str(group), root=True)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_no_probe_reads_what_kafkas_user_may_not(stage: Stage, kind: str) -> None:
    """Every file of the home is a link to another's, or a pipe that nobody writes to."""
    places = kafkas(stage)
    secret = stage.theirs / "kafka" / "config" / "server-1.properties"
    probes = probes_of(places)
    files = {a for p in probes for a in p.args if a.startswith(str(stage.home) + "/")}
    data = [d.path for node in places.nodes for d in node.log_dirs]
    for path in map(Path, sorted(files - {str(stage.home)})):
        if str(path) in data:
            path.mkdir(parents=True, exist_ok=True)
            os.chown(path, *of(KAFKA))
            for name in ("meta.properties", "myid"):
                traps(kind, path / name, secret)
        elif not any(other.startswith(f"{path}/") for other in files):
            shutil.rmtree(path, ignore_errors=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            traps(kind, path, secret)
    for name in ("manifest", "hold.broker-1", "lock.holder"):
        traps(kind, stage.home / ".provision" / name, secret)
    frames = Observer(Shell(LocalConnection("h"))).read([reading(p) for p in probes])
    assert len(frames) > 4
    for frame in frames:
        assert frame is not None
        assert frame.status != 124, "it waited for a pipe"
        assert SECRET not in frame.text


# --- root as Kafka's user ------------------------------------------------------------------------


def opened(stage: Stage, home: str) -> Facts:
    spec = dataclasses.replace(spec_of("lab"), user=None, home=home)
    return _gather_facts(spec, Shell(LocalConnection("h")))


@pytest.mark.parametrize("below", ["", "/new", "/new/deeper"])
def test_root_is_kafkas_user_only_where_nobody_else_can_change_the_home(
    stage: Stage, below: str
) -> None:
    """As root, with no ``kafka.user``: what is in the home would be run as root."""
    with pytest.raises(TransportError) as caught:
        opened(stage, f"{stage.home}{below}")
    assert caught.value.code == "not-permitted"
    assert "can be changed by others than root" in str(caught.value)
    assert "kafka.user" in caught.value.hint


def test_nor_where_a_link_leads_there(stage: Stage) -> None:
    (stage.folder / "link").symlink_to(stage.user)
    with pytest.raises(TransportError) as caught:
        opened(stage, f"{stage.folder}/link/dev")
    assert caught.value.code == "not-permitted"


def test_a_home_of_roots_is_one(stage: Stage) -> None:
    assert opened(stage, f"{stage.folder}/new/kafka").unsafe_home == ""
    assert opened(stage, "~/kafka").unsafe_home == ""
