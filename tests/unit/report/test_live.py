"""The lines that show what goes on just now."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any, get_args

import pytest
from rich.console import Console

from provisioner.plan.model import Phase, Progress
from provisioner.report import region as drawing
from provisioner.report.live import Live, Rows, moves
from provisioner.report.region import TRANSFERS, WORDS, Region, drawn
from tests.terminal import cursor_shown, screen


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """A terminal's stream."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def seen(rows: Rows, *, width: int = 100, height: int = 24) -> list[str]:
    """The lines as they are drawn."""
    stream = Screen()
    console = Console(file=stream, force_terminal=True, width=width, height=height)
    found, now = rows.now()
    console.print(drawn(found, now, console))
    return screen(stream.getvalue(), width + 1)


def until(what: Callable[[], Any]) -> None:
    limit = time.monotonic() + 60
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.01)


# --- rows ----------------------------------------------------------------------------------------


def test_a_host_that_is_sent_kafka_has_bytes_percent_speed_and_time_left() -> None:
    clock = Clock()
    rows = Rows(clock)
    for done in (0, 30_000_000, 60_000_000):
        rows.take(Progress("send", "kafka-3.9.1", "lab01", done, 120_000_000, "bytes"), "")
        clock.now += 1
    clock.now -= 1
    (line,) = seen(rows)
    assert line.startswith("  lab01: kafka-3.9.1")
    assert "━" in line
    for part in ("50%", "60.0 MB of 120.0 MB", "30.0 MB/s", "2 s left"):
        assert part in line


def test_the_speed_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    rows = Rows(clock)
    for second in range(20):
        done = 1000 * second if second < 10 else 10_000 + 10 * (second - 10)
        rows.take(Progress("send", "kafka", "h", done, 20_000, "bytes"), "")
        clock.now += 1
    clock.now -= 1
    (row,), now = rows.now()
    assert row.speed(now) == 10
    assert row.seconds_left(now) == pytest.approx((20_000 - row.progress.done) / 10)


def test_a_node_has_what_it_does_since_when_and_how_far_it_is() -> None:
    clock = Clock()
    rows = Rows(clock)
    rows.take(Progress("stop", "broker-1", "lab01"), "")
    clock.now += 7
    assert seen(rows) == ["  broker-1 on lab01  stopping  7 s"]
    rows.take(Progress("start", "broker-1", "lab01"), "")
    clock.now += 3
    assert seen(rows) == ["  broker-1 on lab01  starting  3 s"]
    rows.take(Progress("recover", "broker-1", "lab01", 12, 57, "logs"), "")
    assert seen(rows) == ["  broker-1 on lab01  recovering logs  0 s  12 of 57 logs loaded"]
    rows.take(Progress("catch-up", "broker-1", "lab01", 3, 9, "partitions"), "")
    assert seen(rows) == ["  broker-1 on lab01  catching up  0 s  3 of 9 partitions in sync"]


def test_only_the_phase_that_is_over_goes() -> None:
    rows = Rows()
    assert rows.take(Progress("start", "broker-1", "h"), "")
    assert rows.take(Progress("catch-up", "broker-1", "h", over=True), "")
    assert not rows.take(Progress("", "broker-1", "h", over=True), "")
    assert not rows.take(Progress("", "broker-1", "h", over=True), "")
    assert rows.take(Progress("stop", "broker-1", "h"), "")
    assert not rows.take(Progress("stop", "broker-1", "h", over=True), "")


def test_every_phase_has_its_words() -> None:
    assert {phase for phase in get_args(Phase) if phase} == {*WORDS, *TRANSFERS}


def test_what_has_no_room_is_counted() -> None:
    rows = Rows()
    for number in range(30):
        rows.take(Progress("start", "broker-1", f"lab{number:02}"), f"lab{number:02}: ")
    lines = seen(rows, height=17)
    assert len(lines) == 13
    assert lines[0] == "  lab00: broker-1  starting  0 s"
    assert lines[-1] == "  … and 18 more"
    assert len(seen(rows, height=34)) == 30
    assert seen(rows, height=1) == ["  … and 30 more"]


def test_names_are_text_and_neither_markup_nor_control_sequences() -> None:
    rows = Rows()
    rows.take(Progress("start", "[red]:smile:[/red]", "h\x1b[2J\x07\u202e"), "")
    assert seen(rows) == ["  [red]:smile:[/red] on h??  starting  0 s"]


@pytest.mark.parametrize("width", [20, 40, 79, 200])
def test_a_line_is_never_wider_than_the_terminal(width: int) -> None:
    rows = Rows()
    rows.take(Progress("send", "kafka-3.9.1-0123456789", "host" * 20, 5, 9_000_000, "bytes"), "")
    rows.take(Progress("catch-up", "broker-1", "host" * 20, 3, 9, "partitions"), "")
    assert len(seen(rows, width=width)) == 2


def test_an_encoding_that_lacks_a_character_spells_it() -> None:
    rows, stream = Rows(), Screen()
    stream.encoding = "ascii"
    rows.take(Progress("send", "kafka", "höst", 5, 9_000_000, "bytes"), "")
    console = Console(file=stream, force_terminal=True, width=120, height=10)
    found, now = rows.now()
    console.print(drawn(found, now, console))
    assert "h\\xf6st: kafka" in stream.getvalue()
    assert stream.getvalue().isascii()


# --- the region ----------------------------------------------------------------------------------


def shown(live: Live) -> Callable[[], bool]:
    return lambda: live._region is not None


def test_what_is_printed_stands_above_and_is_all_that_stays() -> None:
    stream = Screen()
    live = Live(stream, after=0.0)
    live.update(Progress("start", "broker-1", "h"))
    until(shown(live))
    for line in ("  ✓ one", "  ✓ two"):
        with live.above():
            print(line, file=stream)
        assert shown(live)()
    until(lambda: "starting" in stream.getvalue().rpartition("two")[2])
    live.close()
    assert screen(stream.getvalue()) == ["  ✓ one", "  ✓ two"]
    assert cursor_shown(stream.getvalue())


def test_the_cursor_is_back_as_soon_as_nothing_goes_on() -> None:
    stream = Screen()
    live = Live(stream, after=0.0)
    live.update(Progress("start", "broker-1", "h"))
    until(shown(live))
    assert not cursor_shown(stream.getvalue())
    live.update(Progress("start", "broker-1", "h", over=True))
    assert cursor_shown(stream.getvalue())
    assert screen(stream.getvalue()) == []
    live.update(Progress("stop", "broker-1", "h"))
    until(shown(live))
    live.close()
    assert cursor_shown(stream.getvalue())


def test_what_is_over_soon_is_not_shown() -> None:
    stream = Screen()
    live = Live(stream, after=3600.0)
    live.update(Progress("start", "broker-1", "h"))
    with live.above():
        print("line", file=stream)
    live.update(Progress("start", "broker-1", "h", over=True))
    live.close()
    assert stream.getvalue() == "line\n"


def test_nothing_is_shown_after_the_end() -> None:
    stream = Screen()
    live = Live(stream, after=0.0)
    live.close()
    live.update(Progress("start", "broker-1", "h"))
    with live.above():
        print("line", file=stream)
    assert stream.getvalue() == "line\n"
    assert not live._waits


class Gone(Screen):
    """A terminal that went away."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def closed() -> Screen:
    stream = Screen()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [Gone(), closed()])
def test_a_terminal_that_goes_away_is_no_failure(stream: Screen) -> None:
    live = Live(stream, after=0.0)
    live.update(Progress("start", "broker-1", "h"))
    until(shown(live))
    with live.above():
        pass
    live.close()


def test_what_cannot_be_drawn_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Region) -> None:
        raise RuntimeError

    monkeypatch.setattr(drawing.Region, "start", broken)
    stream = Screen()
    live = Live(stream, after=0.0)
    live.update(Progress("start", "broker-1", "h"))
    until(live._closed.is_set)
    with live.above():
        print("line", file=stream)
    live.close()
    assert screen(stream.getvalue()) == ["line"]


def test_a_signal_while_it_ends_leaves_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Screen()
    live = Live(stream, after=0.0)
    live.update(Progress("start", "broker-1", "h"))
    until(shown(live))
    real = Region.stop
    pressed = [KeyboardInterrupt()]

    def stop(self: Region) -> None:
        if pressed:
            raise pressed.pop()
        real(self)

    monkeypatch.setattr(Region, "stop", stop)
    with pytest.raises(KeyboardInterrupt):
        live.close()
    assert cursor_shown(stream.getvalue())
    assert screen(stream.getvalue()) == []


@pytest.mark.parametrize("term", [None, "", "dumb", "unknown", "xterm"])
def test_where_lines_can_be_drawn_again(term: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if term is None:
        monkeypatch.delenv("TERM", raising=False)
    else:
        monkeypatch.setenv("TERM", term)
    assert moves(Screen()) is (term == "xterm")
    assert not moves(io.StringIO())
    assert not moves(None)
