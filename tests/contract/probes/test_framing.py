"""One exec, many parts: every answer comes back whole, whatever it holds and whatever hangs."""

from __future__ import annotations

import dataclasses
import re
import shlex
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.hosts.observer import Observer, Shell
from provisioner.hosts.shell import CUT, Script, fingerprint, quote
from tests.as_login import Reading
from tests.contract.probes.shells import SHELLS, ShellConnection


@pytest.fixture(params=SHELLS)
def observer(request: pytest.FixtureRequest, tmp_path: Path) -> Observer:
    return Observer(Shell(ShellConnection(request.param, tmp_path)))


def answers(observer: Observer, *readings: Reading) -> list[tuple[int | None, str]]:
    found = observer.read(list(readings))
    return [(f.status, f.text) if f else (None, "no answer") for f in found]


MOST = 1 << 20
ECHO = 'printf %s "$1"'


def test_statuses_and_both_streams(observer: Observer) -> None:
    assert answers(
        observer,
        Reading("echo one", ()),
        Reading("echo two; echo three >&2; exit 7", ()),
        Reading("", ()),
        Reading("exit 255", ()),
    ) == [(0, "one\n"), (7, "two\nthree\n"), (0, ""), (255, "")]


def test_a_part_that_is_killed(observer: Observer) -> None:
    ((status, _), after) = answers(observer, Reading("kill -9 $$", ()), Reading("echo b", ()))
    assert status == 137
    assert after == (0, "b\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n\n",
        "no end of line",
        "end\n\n",
        "\n@0123456789abcdef 0 0 5\nhello",
        "=\n=\nabsent=\n",
        "é√𝄞\n",
        "\\n \\0 \\c %s %d\n",
        "-n",
        "'\"`$(touch x)`\n",
    ],
)
def test_text_comes_back_as_it_was(observer: Observer, text: str) -> None:
    middle = Reading(ECHO, (text,))
    assert answers(observer, Reading("echo a", ()), middle, Reading("echo b", ())) == [
        (0, "a\n"),
        (0, text),
        (0, "b\n"),
    ]


def test_the_marker_itself_in_an_answer(observer: Observer) -> None:
    """What a part prints is passed over by its length, were it the very marker of the run."""
    text = "\n$MARK 0 0 3\nxxx\n$MARK 1 0 999999\n"
    parts = [
        Reading('printf "\\n%s 0 0 3\\nxxx\\n%s 2 0 5\\nhello\\n" "$MARK" "$MARK"', ()),
        Reading(ECHO, (text,)),
        Reading("echo last", ()),
    ]
    found = answers(observer, *parts)
    assert found[1:] == [(0, text), (0, "last\n")]


def test_the_marker_of_the_run_is_passed_over() -> None:
    script = Script()
    for _ in range(2):
        script.add("part", 1, "", "")
    evil = f"\n{script.marker} 0 0 4\nevil".encode()
    output = b"banner\n\n%s 0 0 4\ngood\n%s 1 0 %d\n%s" % (
        script.marker.encode(),
        script.marker.encode(),
        len(evil),
        evil,
    )
    assert {n: f.text for n, f in script.read(output).items()} == {0: "good", 1: evil.decode()}


def test_a_megabyte_and_bytes_that_are_no_text(observer: Observer) -> None:
    found = answers(
        observer,
        Reading("head -c 1048576 /dev/zero | tr '\\0' x", ()),
        Reading("printf 'a\\377\\376b\\n'", ()),
        Reading("echo last", ()),
    )
    assert found == [(0, "x" * 1048576), (0, "a\udcff\udcfeb\n"), (0, "last\n")]


@pytest.mark.parametrize(
    "script",
    [
        "exec yes",
        "yes; exit 7",
        "yes >&2",
        "tr '\\0' x </dev/zero",
        "trap '' PIPE; yes 2>/dev/null; exit 0",
    ],
)
def test_a_part_that_says_too_much_costs_only_itself(observer: Observer, script: str) -> None:
    found = answers(observer, Reading("echo a", ()), Reading(script, ()), Reading("echo b", ()))
    assert (found[0], found[2]) == ((0, "a\n"), (0, "b\n"))
    status, text = found[1]
    assert status == CUT
    assert len(text) == MOST + 1


def test_just_not_too_much(observer: Observer) -> None:
    enough = "head -c %d /dev/zero | tr '\\0' x"
    found = answers(observer, Reading(enough % MOST, ()), Reading(enough % (MOST + 1), ()))
    assert found[0] == (0, "x" * MOST)
    assert found[1][0] == CUT


def test_a_step_that_says_too_much_goes_on_to_its_end(observer: Observer, tmp_path: Path) -> None:
    """What is lost are its words: it is not ended half way, and its status is its own."""
    talk = "head -c 5000000 /dev/zero | tr '\\0' x; echo done >\"$1\"; exit %d"
    for number, status in enumerate((0, 3)):
        for function, words in (("step", ()), ("fed", ("input",))):
            mark = tmp_path / f"{function}-{number}"
            script = Script()
            script.add(function, 20, "", *words, talk % status, str(mark))
            script.add("part", 10, "", "echo after")
            frames = observer._shell.run(script)
            assert (frames[0].status, frames[0].text) == (status, "x" * MOST)
            assert mark.read_text() == "done\n"
            assert (1 in frames) is (status == 0)


def test_a_step_reads_its_input_whole(observer: Observer) -> None:
    script = Script()
    script.add("fed", 20, "", "a'b\n" * 20_000, "wc -c; exit 4")
    frames = observer._shell.run(script)
    assert (frames[0].status, frames[0].text.strip()) == (4, str(4 * 20_000))


def test_a_check_of_what_says_too_much_does_not_hold(observer: Observer) -> None:
    script = Script()
    script.add("check", 10, "", fingerprint("y\n" * 10), "exec yes")
    script.add("part", 10, "", "echo never")
    frames = observer._shell.run(script)
    assert frames[0].status is None
    assert 1 not in frames


def test_nul_bytes_do_not_shift_what_follows(observer: Observer) -> None:
    found = answers(observer, Reading("printf 'a\\0b\\0\\0c\\n'", ()), Reading("echo last", ()))
    assert found[1] == (0, "last\n")
    assert found[0][0] == 0
    assert re.sub("[^abc]", "", found[0][1]) == "abc" or found[0][1].startswith("a")


def test_a_part_that_hangs_costs_only_itself(observer: Observer, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "fifo")
    began = time.monotonic()
    found = answers(
        observer,
        Reading("echo a", ()),
        Reading('echo begun; cat "$1"', (str(tmp_path / "fifo"),), seconds=1),
        Reading("echo b", ()),
    )
    assert (found[0], found[2]) == ((0, "a\n"), (0, "b\n"))
    assert found[1][0] in (124, 143)  # busybox before 1.36 gives the signal's
    assert time.monotonic() - began < 120


def test_a_part_that_ignores_signals_is_killed(observer: Observer) -> None:
    began = time.monotonic()
    hanging = Reading("trap '' TERM; while :; do sleep 0.2; done", (), seconds=1)
    found = answers(observer, hanging, Reading("echo b", ()))
    assert found[0][0] in (124, 137, 143)
    assert found[1] == (0, "b\n")
    assert time.monotonic() - began < 120


def test_a_part_reads_nothing_of_the_script(observer: Observer) -> None:
    found = answers(observer, Reading("cat; echo x", ()), Reading("echo b", ()))
    assert found == [(0, "x\n"), (0, "b\n")]


def test_a_part_reads_nothing_of_what_comes_after_the_script(observer: Observer) -> None:
    script = Script()
    script.add("part", 10, "", "cat; echo x")
    data = script.render() + b"more\n"
    result = observer._shell.connection.execute("exec /bin/sh", data, seconds=20)
    assert script.read(result.stdout)[0].text == "x\n"


def test_parts_share_no_variables_and_no_folder(observer: Observer) -> None:
    found = answers(
        observer, Reading("a=1; cd /; exec >&2; exit 3", ()), Reading('echo "${a-none}"', ())
    )
    assert found[1] == (0, "none\n")


def test_another_user_that_is_not_there(observer: Observer) -> None:
    """Nobody reads for a user who is not there yet; nobody changes anything for him."""
    ((status, text),) = answers(observer, Reading("id -un", (), user="no-such-user"))
    assert (status, text) in [(0, "nobody\n"), (77, text)]
    script = Script()
    script.add("step", 10, "no-such-user", "echo x")
    assert observer._shell.run(script)[0].status in (67, 77)


def test_many_parts_in_one_exec(observer: Observer) -> None:
    found = answers(observer, *(Reading(ECHO, (str(n),)) for n in range(40)))
    assert found == [(0, str(n)) for n in range(40)]


WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
SLOW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SLOW
@given(words=st.lists(WORDS, max_size=4))
def test_words_arrive_as_they_are(observer: Observer, words: list[str]) -> None:
    reading = Reading('for a do printf "%s|" "$a"; done', tuple(words))
    assert answers(observer, reading) == [(0, "".join(w + "|" for w in words))]


@given(words=st.lists(WORDS, max_size=4))
def test_quoting_is_what_shlex_reads(words: list[str]) -> None:
    assert shlex.split(" ".join(map(quote, words))) == words


@SLOW
@given(
    text=st.lists(st.sampled_from(["=", "~a=1", "a=b", "|x", " ", "é", "~", "-"]), max_size=8).map(
        "\n".join
    )
)
def test_the_fingerprint_is_what_the_host_computes(observer: Observer, text: str) -> None:
    script = Script()
    script.add("check", 10, "", fingerprint(text), ECHO, text)
    script.add("part", 10, "", "echo after")
    frames = observer._shell.run(script)
    assert (frames[0].status, frames[1].text) == (0, "after\n")
    script = Script()
    script.add("check", 10, "", fingerprint(text + "\nmore"), ECHO, text)
    script.add("part", 10, "", "echo after")
    frames = observer._shell.run(script)
    assert frames[0].status is None
    assert 1 not in frames


def test_the_fingerprint_of_a_blank_line(observer: Observer) -> None:
    script = Script()
    script.add("check", 10, "", fingerprint("a\n\n=\n"), ECHO, "a\n\n=\n")
    assert observer._shell.run(script)[0].status == 0
    script = Script()
    script.add("check", 10, "", fingerprint("a\n\n="), ECHO, "a\n\n=")
    assert observer._shell.run(script)[0].status == 0


def constant_parts(script: Script) -> str:
    """What is left of a script when every quoted word is taken out."""
    text = script.render().decode().replace(script.marker, "@")
    return re.sub(r"'(?:[^']|'\\'')*'", "''", text)


def test_no_spec_can_change_a_script() -> None:
    from provisioner.site.look import probes_of, reading
    from tests.unit.plan.model_cluster import ModelCluster, spec_of

    spec = spec_of("lab")
    evil = '/srv/it\'s; $(touch /tmp/x) `id` \n& \\ "q" |>'
    other = dataclasses.replace(
        spec,
        home=evil,
        nodes=tuple(
            dataclasses.replace(
                node,
                properties=f"{evil}/config/{node.name}'.properties",
                log_dirs=tuple(
                    dataclasses.replace(d, path=f"{evil}/{node.name}/{n}")
                    for n, d in enumerate(node.log_dirs)
                ),
            )
            for node in spec.nodes
        ),
    )

    def calls(which: object) -> list[str]:
        found = []
        for places in ModelCluster(which).site.places.values():  # type: ignore[arg-type]
            for probe in probes_of(places):
                script = Script()
                r = reading(probe)
                script.add("part", r.seconds, r.user, r.script, *("'" for _ in r.args))
                found.append(constant_parts(script))
                real = Script()
                real.add("part", r.seconds, r.user, r.script, *r.args)
                words = shlex.split(real.lines[0], comments=False)
                assert words == ["part", "0", str(r.seconds), r.user, r.script, *r.args]
                assert r.script in {p.script for p in probes_of(places)}
        return found

    assert calls(spec) == calls(other)
    texts = [
        {p.script for pl in ModelCluster(s).site.places.values() for p in probes_of(pl)}
        for s in (spec, other)
    ]
    assert texts[0] == texts[1]
