"""A kind that the product does not have: see kind.py."""

from tests.unit.toy.level.kind import KIND

__all__ = ["KIND"]
