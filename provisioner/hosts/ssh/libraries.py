"""fabric and paramiko, without what they bring along and nobody here uses.

invoke, below fabric, loads its own YAML and, for its tests' sake, asyncio (``packages.put_off``).
Whoever wants fabric or paramiko imports it from here, so that this comes first.
"""

from __future__ import annotations

from provisioner.packages import put_off

for package in ("asyncio", "invoke", "invoke.vendor.yaml"):
    put_off(package)

import fabric as fabric  # noqa: E402
import paramiko as paramiko  # noqa: E402
