"""Voters of a dynamic KRaft quorum."""

from provisioner.kinds.voter.kind import KIND

__all__ = ["KIND"]
