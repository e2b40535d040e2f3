"""``ScriptedTransport``: a machine of canned answers that remembers what it was sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from provisioner.hosts.transport import Result, Stream

Answer = tuple[int, "int | str", str]


@dataclass
class ScriptedTransport:
    """``answers`` are (index, status, text); ``before`` and ``after`` stand around the frames;
    ``cut`` drops that many bytes from the end."""

    answers: list[Answer] = field(default_factory=list)
    before: bytes = b""
    after: bytes = b""
    cut: int = 0
    stderr: bytes = b""
    status: int = 0
    name: str = "scripted"
    notes: tuple[str, ...] = ()
    sent: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def execute(
        self,
        command: str,
        stdin: bytes | Iterable[bytes] = b"",
        *,
        seconds: float,
        progress: Callable[[int], None] | None = None,
    ) -> Result:
        data = stdin if isinstance(stdin, bytes) else b"".join(stdin)
        self.commands.append(command)
        self.sent.append(data)
        found = re.search(rb"^MARK=(\S+)$", data, re.M)
        assert found, "a script has its marker"
        out = self.before
        for index, status, text in self.answers:
            body = text.encode("utf-8", "surrogateescape")
            out += b"\n%s %d %s %d\n%s" % (
                found.group(1),
                index,
                str(status).encode(),
                len(body),
                body,
            )
        out += self.after
        return Result(out[: len(out) - self.cut], self.stderr, self.status)

    def stream(self, command: str, stdin: bytes = b"") -> Stream:
        raise NotImplementedError

    def dial(self, host: str, port: int, seconds: float) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""
