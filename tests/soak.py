"""What `make soak` runs beyond `make test`: more modes of Kafka, more moments of a kill.

`make test` runs in less than half an hour, so a module there is run in the mode in which it is most
easily broken, and the modes are spread over the modules.
"""

from __future__ import annotations

import os

SOAK = os.environ.get("PROVISION_SOAK") == "yes"


def modes(*usual: str, soak: tuple[str, ...]) -> list[str]:
    """Parameters of a fixture: ``usual`` in `make test`, ``soak`` too in `make soak`."""
    return [*usual, *(soak if SOAK else ())]
