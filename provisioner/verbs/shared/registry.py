"""The verbs: each file of ``provisioner/verbs`` that is no package is one, and holds ``VERB``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from provisioner import verbs
from provisioner.verbs.shared.verb import Verb


@cache
def files() -> dict[str, str]:
    """Verb → its file's name, which ends with an underscore where Python reserves the verb's."""
    found = [module.name for module in pkgutil.iter_modules(verbs.__path__) if not module.ispkg]
    return {name.rstrip("_"): name for name in found}


def verb(name: str) -> Verb:
    """One of ``files``. Only its own is imported."""
    value = importlib.import_module(f"{verbs.__name__}.{files()[name]}").VERB
    assert isinstance(value, Verb)
    return value


def every() -> list[Verb]:
    """All of them, in the order in which help lists them."""
    return sorted((verb(name) for name in files()), key=lambda each: each.rank)
