"""fabric and paramiko, without what they bring along and nobody here uses.

invoke, below fabric, is a whole program for running tasks, with a YAML library of its own, and
loads asyncio for its users' tests (see ``packages.put_off``).
Whoever wants fabric or paramiko imports it from here, so that this comes first.
"""

from __future__ import annotations

from provisioner.packages import put_off

put_off("asyncio", iscoroutinefunction="coroutines")
put_off("invoke", Context="context", Runner="runners", Result="runners", pty_size="terminals")
put_off("invoke.vendor.yaml")
put_off("fabric", Config="config", Connection="connection")

import fabric as fabric  # noqa: E402
import paramiko as paramiko  # noqa: E402
