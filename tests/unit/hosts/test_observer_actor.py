"""What Observer and Actor make of answers: canned ones, whole and broken."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.hosts.actor import Actor, Batch
from provisioner.hosts.observer import Become, Observer, Shell
from provisioner.hosts.transport import TransportError
from tests.as_login import LockToken, Reading, ShellStep
from tests.unit.hosts.scripted import ScriptedTransport

READINGS = [Reading("one", ()), Reading("two", ("a b",)), Reading("three", ())]


def read(**how: Any) -> list[tuple[int | None, str] | None]:
    frames = Observer(Shell(ScriptedTransport(**how))).read(READINGS)
    return [(f.status, f.text) if f else None for f in frames]


THREE: list[Any] = [(0, 0, "a\n"), (1, 124, ""), (2, 3, "c")]


def test_answers_in_order() -> None:
    assert read(answers=THREE) == [(0, "a\n"), (124, ""), (3, "c")]


def test_a_banner_before_the_frames() -> None:
    banner = b"Welcome!\n@deadbeef 0 0 3\nxxx\n\xff\xfe\0"
    assert read(answers=THREE, before=banner) == read(answers=THREE)


def test_words_after_the_frames() -> None:
    assert read(answers=THREE, after=b"logout\n") == read(answers=THREE)


def test_a_part_that_gave_no_answer_is_none_and_not_empty() -> None:
    assert read(answers=[THREE[0], THREE[2]]) == [(0, "a\n"), None, (3, "c")]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_frame_that_is_cut_is_no_answer(cut: int) -> None:
    answers: list[Any] = [(0, 0, "a\n"), (1, 0, "b\n"), (2, 0, "c\n1\n")]
    assert read(answers=answers, cut=cut) == [(0, "a\n"), (0, "b\n"), None]


def test_nothing_at_all_is_an_error_with_the_hosts_words() -> None:
    with pytest.raises(TransportError) as caught:
        read(stderr=b"one\nbash: fork: Cannot allocate memory\n", status=254)
    assert caught.value.code == "connection-lost"
    assert "Cannot allocate memory" in str(caught.value)


def test_no_shell() -> None:
    with pytest.raises(TransportError) as caught:
        read(stderr=b"sh: /bin/sh: not found\n", status=127)
    assert caught.value.code == "shell-missing"


def test_sudo_that_refuses() -> None:
    words = b"Sorry, user kafka may not run sudo on h.\n"
    transport = ScriptedTransport(stderr=words, status=1)
    with pytest.raises(TransportError) as caught:
        Observer(Shell(transport, Become(True, "root", "5ecret"))).read(READINGS)
    assert caught.value.code == "sudo-refused"
    assert "5ecret" not in str(caught.value) + caught.value.hint


def test_a_password_goes_before_the_script_and_never_on_the_command_line() -> None:
    transport = ScriptedTransport(answers=THREE)
    Observer(Shell(transport, Become(True, "root", "5ecret"))).read(READINGS)
    assert transport.sent[0].startswith(b"5ecret\n")
    assert transport.sent[0].count(b"5ecret") == 1
    assert "5ecret" not in transport.commands[0]
    assert "5ecret" not in repr(Become(True, "root")), "and nothing is invented"


def test_the_command_is_a_constant() -> None:
    transport = ScriptedTransport(answers=THREE)
    Observer(Shell(transport)).read([Reading("x", ("$(touch /tmp/x)", "it's"))])
    assert transport.commands == ["exec /bin/sh"]
    assert rb"'$(touch /tmp/x)' 'it'\''s'" in transport.sent[0]


# --- an actor: 0 is the lock's answer, then checks, intent, own, steps, done, what is read again

STEPS = [ShellStep("one", ()), ShellStep("two", (), input="content")]
BATCH = Batch(
    checks=[(Reading("probe", ()), "digest")],
    steps=STEPS,
    reread=[Reading("probe", ())],
    intent="intent",
    done="done",
    broken="broken",
)
# check 1, intent 2, steps 3 and 4, done 5, what is read again 6
WHOLE: list[Any] = [(1, 0, "r"), (2, 0, ""), (3, 0, "x"), (4, 0, ""), (5, 0, ""), (6, 0, "new")]


def act(batch: Batch = BATCH, **how: Any) -> Any:
    return Actor(Shell(ScriptedTransport(**how)), LockToken("/state", "token")).act(batch)


def test_all_went_well() -> None:
    outcome = act(answers=WHOLE)
    assert (outcome.stale, outcome.failed, outcome.lost) == (None, None, False)
    assert outcome.texts == ["x", ""]
    assert outcome.reread[0].text == "new"


def test_lost() -> None:
    assert act(answers=[(0, 0, "lost")]).lost


def test_stale() -> None:
    outcome = act(answers=[(1, "stale", "somebody's")])
    assert (outcome.stale, outcome.failed, outcome.texts) == (0, None, ["somebody's"])


def test_failed() -> None:
    outcome = act(answers=[*WHOLE[:2], (3, 7, "because\n"), (999999, 0, "")])
    assert (outcome.stale, outcome.failed) == (None, 0)
    assert outcome.texts == ["because\n"]


def test_a_second_step_that_failed() -> None:
    outcome = act(answers=[*WHOLE[:3], (4, 1, "disk full"), (999999, 0, "")])
    assert outcome.failed == 1
    assert outcome.texts[-1] == "disk full"


def test_timed_out() -> None:
    assert act(answers=[*WHOLE[:2], (3, 124, "")]).texts == ["it did not finish in time"]


@pytest.mark.parametrize("count", range(1, len(WHOLE)))
def test_an_answer_that_ends_in_the_middle_is_never_taken_for_done(count: int) -> None:
    with pytest.raises(TransportError) as caught:
        act(answers=WHOLE[:count])
    assert caught.value.code == "connection-lost"


def test_neither_is_one_without_anything_to_read_again() -> None:
    with pytest.raises(TransportError):
        act(Batch(steps=STEPS), answers=[(1, 0, "x")])


def test_the_script_checks_before_it_does_and_reads_after() -> None:
    transport = ScriptedTransport(answers=WHOLE)
    Actor(Shell(transport), LockToken("/st'ate", "token")).act(BATCH)
    body = transport.sent[0].decode().rpartition("\nMARK=")[2]
    words = [line.split(" ")[0] for line in body.splitlines()]
    order = [w for w in words if w in ("as", "check", "part", "step", "fed")]
    assert order[:2] == ["as", "check"]
    assert [w for w in order if w in ("step", "fed")] == ["step", "fed"]
    assert order.index("check") < order.index("step")
    assert order[-1] == "part"
    assert "as '' timeout -k 2 20 sh -c " in body, "who keeps it looks, and not for ever"
    assert " sh '/st'\\''ate' token >/dev/null 2>&1 </dev/null || {" in body
