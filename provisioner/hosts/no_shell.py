"""Telling a missing shell from a script that missed something."""

from __future__ import annotations

import re

from provisioner.hosts.transport import Result

_SAID = 4096  # bytes of an output in which a shell's complaint is looked for
_NOLOGIN = b"This account is currently not available"


def no_shell(command: str, result: Result) -> str:
    """Why no shell took our script, in the words of the one that should have; empty if one did.

    ``command`` ends in the program (``exec /bin/sh``). A script's own "not found" differs: there
    the shell's name is followed by a line number and the name of what was not found.
    """
    if result.status == 1 and _NOLOGIN in result.stdout[:_SAID] + result.stderr[:_SAID]:
        return "the login shell is nologin: " + _NOLOGIN.decode()
    if result.status not in (126, 127) or result.stdout:
        return ""
    program = re.escape(command.split()[-1].encode())
    reasons = rb"(?:command )?not found|[Nn]o such file or directory|[Pp]ermission denied"
    pattern = (
        rb"(?<![\w/])" + program + rb"'?: (?:" + reasons + rb"|cannot execute)"
        rb"|(?:" + reasons + rb"|Unknown command|unable to execute)[:,]? '?" + program
    )
    for line in result.stderr[-_SAID:].splitlines():
        if re.search(pattern, line):
            return "no shell: " + line.decode(errors="replace").strip()
    return ""
