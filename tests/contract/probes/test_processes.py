"""Which processes are ours: what other users of the machine forge is neither counted nor makes us
end anything else. Kafka's user is ``nobody``, the attacker ``daemon``, and there is a victim."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.hosts.local import LocalConnection
from provisioner.hosts.observer import Observer, Reading, Shell
from provisioner.kinds.ids import service_id
from provisioner.kinds.service.desired import desired
from provisioner.kinds.service.kind import OTHERS
from provisioner.kinds.service.steps import stop_steps, tell_step
from provisioner.plan.model import Id, Present, Run
from provisioner.run.steps import shell_step
from provisioner.site.look import look
from provisioner.site.scripts import text_of
from provisioner.site.site import Options, Site
from tests.contract.probes.test_probes import places_at
from tests.lookalike import broker_words, made_java, running

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")

KAFKA, ATTACKER = "nobody", "daemon"
PERL = "/usr/bin/perl"
DIGEST = "0123456789abcdef0123456789abcdef"
Process = subprocess.Popen[bytes]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    path = Path(tempfile.mkdtemp(prefix="kafka-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


class Lab:
    """The lab of one machine, run by Kafka's user; nothing of it is installed."""

    def __init__(self, folder: Path):
        found = places_at(folder / "home")
        self.places = dataclasses.replace(found, user=KAFKA, root=True)
        self.java = made_java(folder / "jre")
        self.home = Path(self.places.home)
        self.home.mkdir()
        shutil.chown(self.home, KAFKA)
        self.node = next(n for n in self.places.nodes if n.name == "broker-1")
        self.id = service_id(self.node)
        self.words = broker_words(self.home, self.node.name, self.node.properties, DIGEST)
        self.shell = Shell(LocalConnection("localhost"))
        spec = dataclasses.replace(_spec(), nodes=self.places.nodes)
        self.state = desired(spec, self.places)[self.id]
        self.site = Site(
            spec, Options(), shells={"localhost": self.shell}, places={"localhost": self.places}
        )

    def broker(self) -> contextlib.AbstractContextManager[Process]:
        return running(self.java, self.words, KAFKA)

    def seen(self) -> Present:
        found = look(self.site, "localhost", [self.id])[self.id]
        assert isinstance(found, Present), found
        return found

    def others(self) -> tuple[str, ...]:
        found = look(self.site, "localhost")[Id("localhost", "service", OTHERS)]
        assert isinstance(found, Present)
        return tuple(found.volatile["others"])

    def run(self, step: Run) -> tuple[int | None, str]:
        plain = shell_step(step)
        reading = Reading(plain.script, plain.args, plain.user, plain.seconds)
        (frame,) = Observer(self.shell).read([reading])
        assert frame is not None
        return frame.status, frame.text

    def stop(self) -> tuple[int | None, str]:
        (step,) = [s for s in stop_steps(self.id, self.state) if isinstance(s, Run)]
        return self.run(step)

    def rebuild(self, *ports: int) -> tuple[int | None, str]:
        words = ("20", " ".join(map(str, ports)), "\n".join(self.dirs), self.node.properties)
        reading = Reading(text_of("service/stop_foreign"), words, "", 60)
        (frame,) = Observer(self.shell).read([reading])
        assert frame is not None
        return frame.status, frame.text

    @property
    def dirs(self) -> list[str]:
        return [d.path for d in self.node.log_dirs]


def _spec() -> object:
    from tests.unit.plan.model_cluster import spec_of

    return spec_of("lab")


@pytest.fixture
def lab(folder: Path) -> Lab:
    return Lab(folder)


@pytest.fixture
def victims() -> Iterator[list[Process]]:
    """A process of root, and one of Kafka's user, that have nothing to do with Kafka."""
    with running(PERL, ["victim"]) as root, running(PERL, ["victim"], KAFKA) as same:
        yield [root, same]


def forged(lab: Lab, victims: list[Process]) -> list[tuple[str | Path, list[str], str]]:
    """(program, words, who runs it): what a local user may start."""
    found: list[tuple[str | Path, list[str], str]] = [(lab.java, lab.words, ATTACKER)]
    for victim in victims:
        pid = victim.pid
        for header in (f"==> /proc/{pid}/cmdline <==", f"\x01{pid} java", f"pid {pid}"):
            found.append((PERL, [header, "java", *lab.words], ATTACKER))
            lines = "\n".join(["x", header, "java", *lab.words])
            found.append((lab.java, [lines, *lab.words], ATTACKER))
            found.append((PERL, [header, "java", *lab.words], KAFKA))
    return found


@contextlib.contextmanager
def attack(lab: Lab, victims: list[Process]) -> Iterator[list[Process]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(running(program, words, user, name="java"))
            for program, words, user in forged(lab, victims)
        ]


def alive(processes: list[Process]) -> list[bool]:
    return [process.poll() is None for process in processes]


def test_a_forged_broker_does_not_run_and_is_reported(lab: Lab, victims: list[Process]) -> None:
    with attack(lab, victims):
        seen = lab.seen()
        assert seen.fields["running"] is False
        assert seen.fields["running_digest"] is None
        found = {line.split("\t")[0]: line.split("\t")[2] for line in lab.others()}
        assert str(pwd.getpwnam(ATTACKER).pw_uid) in found.values()
        assert not {str(victim.pid) for victim in victims} & set(found)


def test_forged_ones_beside_a_broker_are_not_started_again(
    lab: Lab, victims: list[Process]
) -> None:
    with attack(lab, victims), lab.broker() as broker:
        seen = lab.seen()
        assert seen.fields["processes"] == 1
        assert seen.volatile["pid"] == str(broker.pid)
        assert seen.volatile["age"] in range(300)
        assert seen.fields["running_digest"] == DIGEST


def test_stop_ends_ours_alone(lab: Lab, victims: list[Process]) -> None:
    with attack(lab, victims) as forgeries, lab.broker() as broker:
        assert lab.stop() == (0, "")
        assert broker.wait(20) == -15
        assert all(alive(victims))
        assert all(alive(forgeries))
        assert lab.stop() == (0, ""), "with nothing of ours there is nothing to wait for"


def test_to_tell_ends_ours_alone(lab: Lab, victims: list[Process]) -> None:
    with attack(lab, victims) as forgeries, lab.broker() as broker:
        assert lab.run(tell_step(lab.id, lab.state))[0] == 0
        assert broker.wait(20) == -15
        assert all(alive([*victims, *forgeries]))


def test_rebuild_ends_only_what_is_java_and_names_its_user(
    lab: Lab, victims: list[Process]
) -> None:
    with attack(lab, victims) as forgeries, lab.broker() as broker:
        status, text = lab.rebuild()
        assert status == 0, text
        assert broker.wait(20) == -15
        assert f"ended pid {broker.pid} of {KAFKA}" in text
        assert all(alive(victims))
        perls = [
            p
            for p, (program, *_) in zip(forgeries, forged(lab, victims), strict=True)
            if program == PERL
        ]
        assert all(alive(perls))


def test_rebuild_refuses_another_program_on_a_port_and_names_its_user(
    lab: Lab, folder: Path
) -> None:
    code = (
        "use IO::Socket::INET; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');"
        "$| = 1; print $s->sockport, qq(\\n); sleep 1000"
    )
    entry = pwd.getpwnam(ATTACKER)
    words = ["java", "-e", code, "--", "java", *lab.words]
    with subprocess.Popen(
        words, executable=PERL, user=entry.pw_uid, stdout=subprocess.PIPE, cwd="/"
    ) as server:
        assert server.stdout
        port = int(server.stdout.readline())
        with lab.broker() as broker:
            status, text = lab.rebuild(port)
            assert status == 1
            assert f"port {port} is used by pid {server.pid} of {ATTACKER}" in text
            assert "nothing was stopped" in text
            assert alive([server, broker]) == [True, True]
            seen = lab.seen()
            assert seen.volatile["listening"] == ()
        server.kill()


def test_a_port_counts_as_open_only_for_who_holds_it(lab: Lab, folder: Path) -> None:
    """Another process of the same user has it: the broker is not up."""
    code = (
        "use IO::Socket::INET; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');"
        "$| = 1; print $s->sockport, qq(\\n); sleep 1000"
    )
    entry = pwd.getpwnam(KAFKA)

    def on(port: int) -> Lab:
        listener = dataclasses.replace(lab.node.listeners[0], port=port)
        node = dataclasses.replace(lab.node, listeners=(listener,))
        lab.places = dataclasses.replace(lab.places, nodes=(node,))
        lab.site.places["localhost"] = lab.places
        return lab

    perl = folder / "jre" / "other" / "java"
    perl.parent.mkdir()
    shutil.copy(PERL, perl)
    for words, open_ in ([["plain"], False], [lab.words, True]):
        with subprocess.Popen(
            ["java", "-e", code, "--", *words],
            executable=perl, user=entry.pw_uid, stdout=subprocess.PIPE, cwd="/",
        ) as server:  # fmt: skip
            assert server.stdout
            port = int(server.stdout.readline())
            with contextlib.nullcontext() if open_ else lab.broker():
                seen = on(port).seen()
                assert seen.fields["running"] is True
                assert seen.volatile["listening"] == ((port,) if open_ else ())
            server.kill()


# --- what Kafka's user keeps ---------------------------------------------------------------------


def trap(lab: Lab) -> Path:
    """A launcher that tells who ran it."""
    told = lab.home / "told"
    launcher = lab.home / "bin" / "provision-launch.sh"
    launcher.parent.mkdir()
    launcher.write_text(f"#!/bin/sh\nid -u >>'{told}'\nfor f do echo d; done\n")
    launcher.chmod(0o755)
    for path in (launcher, launcher.parent):
        shutil.chown(path, KAFKA)
    return told


def test_the_launcher_of_a_home_is_never_run_by_root(lab: Lab) -> None:
    told = trap(lab)
    assert lab.seen().fields["files_digest"] == "d"
    assert told.read_text().split() == [str(pwd.getpwnam(KAFKA).pw_uid)]
    told.unlink()
    lab.site.places["localhost"] = dataclasses.replace(
        lab.places, user="not-yet-made", user_exists=False
    )
    assert lab.seen().fields["files_digest"] == "-"
    assert not told.exists()


def test_holds_and_the_key_are_read_by_their_owner_and_lead_nowhere(lab: Lab, folder: Path) -> None:
    secret = folder / "secret"
    secret.write_text("TOP-SECRET\n")
    secret.chmod(0o600)
    own = lab.home / ".provision"
    own.mkdir()
    hold, key = own / "hold.broker-1", own / "key"
    for path in (hold, key):
        path.symlink_to(secret)
    seen = lab.seen()
    assert (seen.fields["hold"], seen.volatile["key"]) == (None, "")
    for path in (hold, key):
        path.unlink()
        os.mkfifo(path)
    seen = lab.seen()
    assert (seen.fields["hold"], seen.volatile["key"]) == (None, "")
    hold.unlink()
    hold.write_text("the disk is being replaced\n")
    hold.chmod(0o600)
    assert lab.seen().fields["hold"] is None, "root's file: Kafka's user may not read it"
    shutil.chown(hold, KAFKA)
    assert lab.seen().fields["hold"] == "the disk is being replaced"
    assert "hold_from" not in lab.seen().fields
    hold.write_text("disk swap\nspec\n")
    os.utime(hold, (time.time() - 4000, time.time() - 4000))
    seen = lab.seen()
    assert (seen.fields["hold"], seen.fields["hold_from"]) == ("disk swap", "spec")
    assert 4000 <= seen.volatile["hold_age"] < 4600
