"""The one way to an Actor: with the token of a lock. Planning has no lock, and so no Actor."""

from __future__ import annotations

from provisioner.hosts.actor import Actor, LockToken
from provisioner.run.target import Target


def actor_on(target: Target, host: str, token: str) -> Actor:
    """What may change that host, for as long as the lock with this token is held."""
    places = target.places[host]
    return Actor(target.shells[host], LockToken(places.state, token, places.state_user))
