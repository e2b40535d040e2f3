"""The constant texts of the kinds' own scripts."""

from __future__ import annotations

from functools import cache
from importlib import resources

from provisioner.hosts.shell import ENTER

ENTERING = (
    "directory/destroy",
    "directory/make",
    "directory/manifest",
    "directory/mend",
    "file/give",
    "service/hold",
    "service/systemd",
    "storage/forget",
    "storage/leave",
    "storage/record",
)
"""What works in the folder that it enters: everything that root does to a path."""
LIBRARIES = {
    "service/start": ("service/until_java",),
    "service/own_launch": ("service/until_java",),
    "service/stop": ("service/processes",),
    "service/terminate": ("service/processes",),
    "storage/record": ("storage/filesystem",),
    "service/ports": ("service/listening",),
    "service/stop_foreign": ("service/processes", "service/listening", "service/ports"),
}
"""Shell functions that a step's script shares with a probe."""


@cache
def text_of(function: str) -> str:
    """The constant text of ``kind/name``: the file ``kinds/kind/name.sh``, after what it uses."""
    parts = (*LIBRARIES.get(function, ()), function)
    folder = resources.files("provisioner.kinds")
    texts = [folder.joinpath(f"{part}.sh").read_text() for part in parts]
    return "\n".join([ENTER, *texts] if function in ENTERING else texts)
