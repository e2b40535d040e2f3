"""What a person sees of what was sent to a terminal, as far as our lines need one."""

from __future__ import annotations

import re

PART = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|([^\x1b])", re.DOTALL)


def screen(sent: str, width: int = 80) -> list[str]:
    """Its lines at the end, scrollback included, without colours and trailing blanks."""
    lines, row, column = [""], 0, 0
    for match in PART.finditer(sent):
        args, command, character = match.groups()
        if command == "A":
            row = max(0, row - int(args or 1))
        elif command == "K":
            assert args == "2", f"not known: {match[0]!r}"
            lines[row] = ""
        elif command is not None:
            assert command == "m" or args == "?25", f"not known: {match[0]!r}"
        elif character == "\r":
            column = 0
        elif character == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        else:
            assert column < width, f"a line is wider than the terminal: {lines[row]!r}"
            lines[row] = lines[row].ljust(column)[:column] + character + lines[row][column + 1 :]
            column += 1
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.rstrip() for line in lines]


def cursor_shown(sent: str) -> bool:
    """Whether the cursor is to be seen at the end."""
    found: list[str] = re.findall(r"\x1b\[\?25([lh])", sent)
    return not found or found[-1] == "h"
