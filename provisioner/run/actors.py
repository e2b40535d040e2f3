"""The only way to get an Actor: with the token of a lock. Planning has no lock, and so no Actor.

Taking a lock, or ending its holder, gives access only to the place of that lock.
"""

from __future__ import annotations

from provisioner.hosts.actor import Actor, LockToken
from provisioner.run.lock import LockFile
from provisioner.run.target import Target


def actor_on(target: Target, host: str, token: str) -> Actor:
    """The Actor of that host, for as long as the lock with this token is held."""
    places = target.places[host]
    return Actor(target.shells[host], LockToken(places.state, token, places.state_user))


def lock_on(target: Target, host: str) -> LockFile:
    """The place of that host's lock."""
    places = target.places[host]
    return LockFile(target.shells[host], places.state, places.state_user)
