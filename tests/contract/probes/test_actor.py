"""The scripts that change a machine, for real, in temporary folders."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.hosts.actor import JOURNAL, OWN, PUT, Actor, Batch
from provisioner.hosts.observer import Shell
from provisioner.hosts.shell import fingerprint
from provisioner.hosts.transport import TransportError
from tests.as_login import LockToken, Reading, ShellStep
from tests.contract.probes.shells import ShellConnection, tree

TOKEN = "0123456789abcdef"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "lock.token").write_text(TOKEN + "\n")
    (folder / "manifest").write_text("directory\t/a\n")
    return folder


@pytest.fixture(params=["dash", "bash"])
def actor(request: pytest.FixtureRequest, state: Path, tmp_path: Path) -> Actor:
    shell = Shell(ShellConnection(request.param, tmp_path / "shell"))
    return Actor(shell, LockToken(str(state), TOKEN))


def put(path: Path, content: str, mode: str = "0640", *, keep: bool = False) -> ShellStep:
    return ShellStep(PUT, (str(path), mode), "", 30, content, f"file\t{path}" if keep else "")


def journal(state: Path) -> list[str]:
    path = state / "journal.jsonl"
    return path.read_text().splitlines() if path.exists() else []


# --- put ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", ["", "a=1\n", "no end", "a\\n\\0%s$(touch x)'\"\n\n\n", "é\n" * 20_000]
)
def test_put_writes_what_it_was_given(actor: Actor, tmp_path: Path, content: str) -> None:
    path = tmp_path / "it's a $(file).properties"
    outcome = actor.act(Batch(steps=[put(path, content)]))
    assert (outcome.failed, outcome.stale, outcome.lost) == (None, None, False)
    assert path.read_bytes() == content.encode()
    assert path.stat().st_mode & 0o7777 == 0o640
    assert {p.name for p in tmp_path.iterdir()} == {path.name, "state", "shell"}


def test_put_replaces_whole_and_by_rename(actor: Actor, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    with path.open() as old:
        actor.act(Batch(steps=[put(path, "new", "0400")]))
        assert old.read() == "old"
    assert (path.read_text(), path.stat().st_mode & 0o7777) == ("new", 0o400)


def test_put_follows_no_link(actor: Actor, tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "f"
    victim.write_text("untouched")
    path.symlink_to(victim)
    (tmp_path / ".f.provision").symlink_to(victim)
    actor.act(Batch(steps=[put(path, "new")]))
    assert victim.read_text() == "untouched"
    assert (path.is_symlink(), path.read_text()) == (False, "new")


def test_put_keeps_what_is_not_ours_once(actor: Actor, tmp_path: Path) -> None:
    path = tmp_path / "f"
    kept = tmp_path / "f.before-provision"
    path.write_text("theirs")
    outcome = actor.act(Batch(steps=[put(path, "one", keep=True)]))
    assert kept.read_text() == "theirs"
    assert "kept as" in outcome.texts[0]
    actor.act(Batch(steps=[put(path, "two", keep=True)]))
    assert (path.read_text(), kept.read_text()) == ("two", "theirs")


def test_put_keeps_nothing_of_ours(actor: Actor, state: Path, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("ours")
    batch = Batch(steps=[put(path, "one", keep=True)])
    with (state / "manifest").open("a") as manifest:
        manifest.write(f"file\t{path}\n")
    actor.act(batch)
    assert not (tmp_path / "f.before-provision").exists()


def test_put_keeps_nothing_of_ours_where_its_user_may_not_read_the_manifest(
    actor: Actor, state: Path
) -> None:
    """As under systemd: the state folder is root's, the file is the user's (asked of root only)."""
    user = "nobody" if os.getuid() == 0 else ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "f")
        path.write_text("ours")
        (state / "manifest").write_text(f"file\t{path}\n")
        if user:
            for each in (folder, path):
                shutil.chown(each, user)
        outcome = actor.act(Batch(steps=[replace(put(path, "one", keep=True), user=user)]))
        assert (outcome.failed, path.read_text()) == (None, "one")
        assert [found.name for found in Path(folder).iterdir()] == ["f"]


def test_put_over_a_folder_fails_and_leaves_it(actor: Actor, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.mkdir()
    (path / "inside").touch()
    outcome = actor.act(Batch(steps=[put(path, "new")]))
    assert outcome.failed == 0
    assert (path / "inside").exists()


def test_put_that_is_killed_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    process = subprocess.Popen(
        ["sh", "-c", PUT, "sh", str(path), "0640"],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin
    process.stdin.write(b"half of the new")
    process.stdin.flush()
    temporary = tmp_path / ".f.provision"
    wait_for(lambda: temporary.exists() and temporary.stat().st_size > 0)
    assert temporary.stat().st_mode & 0o077 == 0, "nobody reads it before it has its mode"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdin.close()
    assert path.read_text() == "old"
    done = subprocess.run(["sh", "-c", PUT, "sh", str(path), "0640"], input=b"new")
    assert done.returncode == 0
    assert path.read_text() == "new"
    assert not temporary.exists()


def wait_for(ready: object, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


# --- a batch ------------------------------------------------------------------------------------


def test_a_stale_check_does_nothing(actor: Actor, state: Path, tmp_path: Path) -> None:
    before = tree(tmp_path / "state") | {"": ()}
    reading = Reading('cat "$1"', (str(state / "manifest"),))
    outcome = actor.act(
        Batch(
            checks=[(reading, fingerprint("something else\n"))],
            steps=[put(tmp_path / "f", "x")],
            own=("file\t/f",),
            intent="intent",
            done="done",
        )
    )
    assert outcome.stale == 0
    assert not (tmp_path / "f").exists()
    assert not journal(state)
    after = tree(tmp_path / "state") | {"": ()}
    changed = {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
    assert changed <= {str(state), str(state / "lock.sessions")}


def test_a_check_that_holds_lets_it_happen(actor: Actor, state: Path, tmp_path: Path) -> None:
    reading = Reading('cat "$1"; echo "~volatile=$$"; echo =', (str(state / "manifest"),))
    outcome = actor.act(
        Batch(
            checks=[(reading, fingerprint("directory\t/a\n~volatile=1\n=\n"))],
            steps=[put(tmp_path / "f", "x")],
            reread=[Reading('cat "$1"', (str(tmp_path / "f"),))],
            own=("file\t/f",),
            intent='{"outcome": "intent"}',
            done='{"outcome": "done"}',
            broken='{"outcome": "failed"}',
        )
    )
    assert outcome.reread[0] is not None
    assert outcome.reread[0].text == "x"
    assert [json.loads(line)["outcome"] for line in journal(state)] == ["intent", "done"]
    assert (state / "manifest").read_text() == "directory\t/a\nfile\t/f\n"


def test_a_step_that_fails_ends_the_rest_and_is_journalled(
    actor: Actor, state: Path, tmp_path: Path
) -> None:
    outcome = actor.act(
        Batch(
            steps=[
                put(tmp_path / "one", "x"),
                ShellStep('echo "because of $1"; exit 3', ("it's so",)),
                put(tmp_path / "two", "x"),
            ],
            intent="intent",
            done="done",
            broken="it's broken $(x)",
        )
    )
    assert outcome.failed == 1
    assert outcome.texts[-1] == "because of it's so\n"
    assert (tmp_path / "one").exists()
    assert not (tmp_path / "two").exists()
    assert journal(state) == ["intent", "it's broken $(x)"]


def test_a_step_that_hangs_fails(actor: Actor) -> None:
    outcome = actor.act(Batch(steps=[ShellStep("sleep 600", (), seconds=1), ShellStep("echo", ())]))
    assert outcome.failed == 0
    assert outcome.texts[-1] == "it did not finish in time"


@pytest.mark.parametrize("token", ["another\n", "", None])
def test_a_lock_that_is_no_longer_ours(
    actor: Actor, state: Path, tmp_path: Path, token: str | None
) -> None:
    (state / "lock.token").unlink() if token is None else (state / "lock.token").write_text(token)
    outcome = actor.act(Batch(steps=[put(tmp_path / "f", "x")], intent="intent"))
    assert outcome.lost
    assert not (tmp_path / "f").exists()
    assert not journal(state)
    with pytest.raises(TransportError) as caught:
        actor.unpack(str(tmp_path / "d"), "", [archive({"a": b"1"})])
    assert caught.value.code == "lock-lost"


def test_a_script_that_is_killed_is_not_taken_for_done(actor: Actor, tmp_path: Path) -> None:
    with pytest.raises(TransportError):
        actor.act(
            Batch(
                steps=[
                    put(tmp_path / "one", "x"),
                    ShellStep(KILL_SESSION, ()),
                    put(tmp_path / "two", "x"),
                ]
            )
        )
    assert not (tmp_path / "two").exists()


KILL_SESSION = """s=$(sed 's/^[0-9]* (.*) //' /proc/$$/stat | cut -d' ' -f4)
kill -9 "$s"; sleep 5"""


def test_the_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "it's a state" / "manifest"
    manifest.parent.mkdir()

    def own(sign: str, *entries: str) -> str:
        words = ["sh", "-c", OWN, "sh", str(manifest), sign, *entries]
        assert subprocess.run(words).returncode == 0
        return manifest.read_text()

    assert own("+", "file\t/a b", "file\t/$(x)") == "file\t/$(x)\nfile\t/a b\n"
    assert own("+", "file\t/a b", "file\t/\\n") == "file\t/$(x)\nfile\t/\\n\nfile\t/a b\n"
    assert own("-", "file\t/a b", "file\t/none") == "file\t/$(x)\nfile\t/\\n\n"
    assert own("-", f"file\t{manifest}") == "file\t/$(x)\nfile\t/\\n\n"
    assert own("-", "file\t/\\n", "file\t/$(x)") == ""
    assert own("+", "file\t/z") == "file\t/z\n"


def test_the_manifest_has_what_is_made_along_with_a_folder(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest"
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    entries = [f"directory\t{tmp_path}/{name}" for name in ("there/a b/c/d", "e", "link/f/g")]
    words = ["sh", "-c", OWN, "sh", str(manifest), "+", *entries, f"file\t{tmp_path}/h/i"]
    assert subprocess.run(words).returncode == 0
    noted = [line.replace(f"{tmp_path}/", "") for line in manifest.read_text().splitlines()]
    assert noted == [
        "directory\te",
        "directory\tlink/f/g",
        "directory\tthere/a b",
        "directory\tthere/a b/c",
        "directory\tthere/a b/c/d",
        "file\th/i",
    ]


def test_what_is_still_there_stays_in_the_manifest(tmp_path: Path) -> None:
    manifest, folder = tmp_path / "manifest", tmp_path / "it's"
    folder.mkdir()
    entry = f"directory\t{folder}\n"
    manifest.write_text(f"{entry}file\t/gone\n")
    words = ["sh", "-c", OWN, "sh", str(manifest), "-", entry.strip(), "file\t/gone"]
    assert subprocess.run(words).returncode == 0
    assert manifest.read_text() == entry
    folder.rmdir()
    assert subprocess.run(words).returncode == 0
    assert manifest.read_text() == ""


def test_nothing_is_made_that_cannot_be_noted(actor: Actor, state: Path, tmp_path: Path) -> None:
    (state / "manifest").unlink()
    (state / "manifest").mkdir()
    (state / "manifest.new").mkdir()
    step = put(tmp_path / "f", "x")
    outcome = actor.act(Batch(steps=[step], own=("file\t/f",), intent="i", broken="broken"))
    assert outcome.failed == 0
    assert "the manifest cannot be written" in outcome.texts[-1]
    assert not (tmp_path / "f").exists()
    assert journal(state) == ["i", "broken"]


def test_the_journal_takes_any_line(state: Path) -> None:
    for line in ('{"a": "é $(x) \\n"}', "-n", "%s"):
        assert subprocess.run(["sh", "-c", JOURNAL, "sh", str(state), line]).returncode == 0
    assert journal(state) == ['{"a": "é $(x) \\n"}', "-n", "%s"]
    assert (state / "journal.jsonl").stat().st_mode & 0o7777 == 0o640


# --- unpack ------------------------------------------------------------------------------------


def archive(files: dict[str, bytes], lie: bool = False) -> bytes:
    """A distribution as it is sent: files and their list of digests."""
    sums = "".join(f"{hashlib.sha256(d).hexdigest()}  {n}\n" for n, d in sorted(files.items()))
    if lie:
        files = {name: data[:-1] + b"!" for name, data in files.items()}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in {**files, "SHA256SUMS": sums.encode()}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o644
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


FILES = {"libs/a b.jar": os.urandom(200_000), "bin/it's": b"#!/bin/sh\n"}


def chunked(data: bytes, size: int = 10_000) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def test_unpack(actor: Actor, tmp_path: Path) -> None:
    path = tmp_path / "dist" / "it's kafka $(x)"
    path.parent.mkdir()
    sent: list[int] = []
    actor.unpack(str(path), "", chunked(archive(FILES)), sent.append)
    assert (path / "libs/a b.jar").read_bytes() == FILES["libs/a b.jar"]
    assert (path / ".stamp").read_text().strip()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert sent[-1] > 200_000


@pytest.mark.parametrize("there", [False, True], ids=["new", "over another"])
def test_an_interrupted_stream_leaves_nothing_in_the_way(
    actor: Actor, tmp_path: Path, there: bool
) -> None:
    path = tmp_path / "dist" / "kafka"
    path.parent.mkdir()
    if there:
        actor.unpack(str(path), "", [archive({"old": b"1"})])
    with pytest.raises(TransportError) as caught:
        actor.unpack(str(path), "", chunked(archive(FILES)[:-50_000]))
    assert caught.value.code == "step-failed"
    assert [p.name for p in path.parent.iterdir()] == (["kafka"] if there else [])
    actor.unpack(str(path), "", chunked(archive(FILES)))
    assert not (path / "old").exists()


def test_a_stream_whose_source_breaks(actor: Actor, tmp_path: Path) -> None:
    path = tmp_path / "dist" / "kafka"
    path.parent.mkdir()

    def breaks() -> Iterator[bytes]:
        yield archive(FILES)[:50_000]
        raise OSError("the cache is gone")

    with pytest.raises(OSError, match="the cache is gone"):
        actor.unpack(str(path), "", breaks())
    assert not path.exists()
    actor.unpack(str(path), "", chunked(archive(FILES)))
    assert [p.name for p in path.parent.iterdir()] == ["kafka"]


def test_bytes_that_are_not_those_that_were_sent(actor: Actor, tmp_path: Path) -> None:
    path = tmp_path / "kafka"
    with pytest.raises(TransportError) as caught:
        actor.unpack(str(path), "", chunked(archive(FILES, lie=True)))
    assert "not those that were sent" in str(caught.value)
    assert not list(tmp_path.glob("kafka*"))


def test_a_broken_folder_is_replaced(actor: Actor, tmp_path: Path) -> None:
    path = tmp_path / "kafka"
    actor.unpack(str(path), "", chunked(archive(FILES)))
    (path / "libs" / "a b.jar").write_bytes(b"broken")
    (path / "libs" / "evil.jar").touch()
    (tmp_path / "kafka.broken").mkdir()
    (tmp_path / "kafka.incoming").mkdir()
    actor.unpack(str(path), "", chunked(archive(FILES)))
    assert (path / "libs" / "a b.jar").read_bytes() == FILES["libs/a b.jar"]
    assert not (path / "libs" / "evil.jar").exists()
    assert [p.name for p in tmp_path.glob("kafka*")] == ["kafka"]
