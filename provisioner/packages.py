"""Packages of libraries whose start waits until it is needed.

``import kafka`` loads the whole library, its clients and every message, though a look at a cluster
needs six messages. A package that is put off here is there, with its place, so that its modules
can be imported; its own code runs when a name that it makes is first asked for. So nothing is
replaced or left out: only the order changes.
"""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_LOCK = threading.RLock()


def put_off(name: str, **homes: str) -> None:
    """``homes``: names that the package only passes on, and the module of it that each comes from:
    asking for one of these starts nothing else. Does nothing for a package that was already
    imported, or is not there."""
    spec = None if name in sys.modules else find_spec(name)
    loader = spec.loader if spec else None
    if spec is None or loader is None:
        return
    package = module_from_spec(spec)
    begun = False

    def started(attribute: str) -> Any:
        """The value of a name that the package does not have yet (PEP 562)."""
        nonlocal begun
        with _LOCK:
            if attribute in homes:
                return getattr(import_module(f"{name}.{homes[attribute]}"), attribute)
            if not begun:
                begun = True
                try:
                    loader.exec_module(package)
                except BaseException:
                    begun = False
                    raise
            return _value(package, attribute)

    package.__dict__["__getattr__"] = started
    sys.modules[name] = package
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, package)


def _value(package: ModuleType, attribute: str) -> Any:
    try:
        return package.__dict__[attribute]
    except KeyError:
        text = f"module {package.__name__!r} has no attribute {attribute!r}"
        raise AttributeError(text, name=attribute, obj=package) from None
