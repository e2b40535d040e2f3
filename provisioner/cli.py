"""argv → verb → exit code; nothing else. Heavy imports happen in the verbs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from provisioner import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """The command ``provision``. Returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] in (["--version"], ["-V"]):
        print(f"provision {__version__}")
        return 0
    # Imports make objects by the hundred thousand and no garbage: looking for it as often as
    # Python does by default is a tenth of their time.
    gc.set_threshold(100_000, 20, 20)
    from provisioner.verbs.shared.command import run

    return run(arguments)
