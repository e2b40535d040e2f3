"""The one way to an Actor: with the token of a lock. Planning has no lock, and so no Actor.

Who takes a lock, or ends its holder, gets no more of a host than where that lock is.
"""

from __future__ import annotations

from provisioner.hosts.actor import Actor, LockToken
from provisioner.run.lock import LockFile
from provisioner.run.target import Target


def actor_on(target: Target, host: str, token: str) -> Actor:
    """What may change that host, for as long as the lock with this token is held."""
    places = target.places[host]
    return Actor(target.shells[host], LockToken(places.state, token, places.state_user))


def lock_on(target: Target, host: str) -> LockFile:
    """Where the lock of that host is."""
    places = target.places[host]
    return LockFile(target.shells[host], places.state, places.state_user)
