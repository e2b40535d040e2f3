"""Files → ``Spec``.

    load(path, inventory=…, env=…, each_host=…) -> Spec

Raises ``ProvisionError`` with all problems at once, each with file, line, column and the source
line. Nothing is asked of any host, and no secret is read but what the inventory itself holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from provisioner.errors import Problem, ProvisionError
from provisioner.spec.build import build
from provisioner.spec.scalars import Dialect
from provisioner.spec.shape import understand
from provisioner.spec.types import Host, Spec
from provisioner.spec.yamlfile import read


def load(
    path: Path,
    *,
    inventory: Path | None = None,
    env: Mapping[str, str] | None = None,
    each_host: str | None = None,
) -> Spec:
    document = read(path, Dialect.STRICT, "invalid-spec")
    shape, rest, problems = understand(document)
    problems = [*document.problems, *problems]
    if shape is None or problems:
        raise ProvisionError(in_order(problems))
    return build(rest, shape, {"localhost": Host("localhost")}).spec


def in_order(problems: list[Problem]) -> list[Problem]:
    """By place in the file; one problem for each place, the first that was found."""
    first: dict[tuple[str, int, int], Problem] = {}
    for problem in problems:
        first.setdefault((problem.file or "", problem.line or 0, problem.column or 0), problem)
    return [first[key] for key in sorted(first)]
