"""Draws the lines of ``live`` with rich: the only module that imports it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.filesize import decimal
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from provisioner.cleaning import clean
from provisioner.plan.model import Progress
from provisioner.report.live import Row, Rows

REDRAWN = 8
"""Times a second."""
SPARE = 4
"""Lines of the terminal that are left for what is printed."""
WIDE = 90
"""Columns from which there is room for bars."""
TRANSFERS = ("fetch", "send")
WORDS = {
    "wait": "waiting until it may stop",
    "stop": "stopping",
    "start": "starting",
    "recover": "recovering logs",
    "register": "registering",
    "catch-up": "catching up",
}
MEASURES = {"logs": "logs loaded", "partitions": "partitions in sync"}


class Region:
    """The lines on a stream from ``start`` to ``stop``, drawn by a thread of the library's."""

    def __init__(self, stream: Any, rows: Rows):
        self._rows = rows
        self._console = Console(
            file=Forgiving(stream),  # type: ignore[arg-type]
            force_terminal=True,
            force_jupyter=False,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
        )
        self._live = Live(
            console=self._console,
            get_renderable=self._drawn,
            refresh_per_second=REDRAWN,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def start(self) -> None:
        self._live.start(refresh=True)

    def stop(self) -> None:
        """The lines are erased and the cursor is shown, even where the first fails."""
        try:
            self._live.stop()
        finally:
            self._console.show_cursor(True)

    def _drawn(self) -> RenderableType:
        rows, now = self._rows.now()
        return drawn(rows, now, self._console)


class Forgiving:
    """A stream whose end is no error: a terminal may go away while the run goes on."""

    def __init__(self, stream: Any):
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        return True


def drawn(rows: list[Row], now: float, console: Console) -> RenderableType:
    """A line each, transfers first; what there is no room for is counted."""
    transfers = [row for row in rows if row.progress.phase in TRANSFERS]
    nodes = [row for row in rows if row.progress.phase not in TRANSFERS]
    room = max(1, console.height - SPARE)
    more = len(rows) - room
    if more > 0:
        more += 1  # the line that counts them takes room too
    shown = (transfers + nodes)[: len(rows) - max(0, more)]
    first, second = Table.grid(padding=(0, 2, 0, 0)), Table.grid(padding=(0, 2, 0, 0))
    for row in shown:
        if row.progress.phase in TRANSFERS:
            first.add_row(*_transfer(row, now, console))
        else:
            second.add_row(*_node(row, now, console))
    parts: list[RenderableType] = [table for table in (first, second) if table.row_count]
    if more > 0:
        parts.append(_cell(f"  … and {more} more", console, "dim"))
    return Group(*parts)


def _transfer(row: Row, now: float, console: Console) -> list[RenderableType]:
    """Name, bar, percent, bytes, speed, time left; of what has no known size, name and bytes."""
    progress, seconds = row.progress, f"{now - row.began:.0f} s"
    cells: list[RenderableType] = [_cell(f"  {_name(row)}", console)]
    if progress.unit != "bytes" or progress.total <= 1:
        amount = decimal(progress.done) if progress.done > 1 else ""
        bar: list[RenderableType] = [Text("")] if console.width >= WIDE else []
        return [*cells, *bar, *(_cell(text, console) for text in ("", amount, "", seconds))]
    if console.width >= WIDE:
        cells.append(ProgressBar(progress.total, progress.done, width=20))
    percent = f"{min(100, 100 * progress.done // progress.total)}%"
    amount = f"{decimal(progress.done)} of {decimal(progress.total)}"
    speed, left = row.speed(now), row.seconds_left(now)
    words = [
        percent,
        amount,
        f"{decimal(int(speed))}/s" if speed > 0 else "",
        seconds if left is None else f"{left:.0f} s left",
    ]
    return [*cells, *(_cell(word, console) for word in words)]


def _node(row: Row, now: float, console: Console) -> list[RenderableType]:
    """Name, what it does, for how long, and how far it is."""
    progress = row.progress
    far = ""
    if progress.total:
        far = f"{progress.done} of {progress.total} {MEASURES.get(progress.unit, progress.unit)}"
    words = [WORDS[progress.phase], f"{now - row.began:.0f} s", far]
    return [_cell(f"  {_name(row)}", console), *(_cell(word, console) for word in words)]


def _name(row: Row) -> str:
    """As the plain lines have it: cluster, then ``host: distribution`` or ``node on host``."""
    progress: Progress = row.progress
    subject, host = clean(progress.subject), clean(progress.host)
    if progress.phase in TRANSFERS:
        return clean(row.prefix) + (f"{host}: {subject}" if host else subject)
    known = not host or row.prefix == f"{progress.host}: "
    return clean(row.prefix) + (subject if known else f"{subject} on {host}")


def _cell(text: str, console: Console, style: str = "") -> Text:
    """Never markup, and never wider than it looks: what the terminal's encoding has not is spelled
    as everywhere."""
    plain = text.encode(console.encoding, "backslashreplace").decode(console.encoding)
    return Text(plain, style=style, no_wrap=True, overflow="ellipsis")
