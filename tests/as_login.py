"""Readings, probes and steps of the login itself, for tests that are about something else than who
acts: in the code every one of them names its user."""

from __future__ import annotations

from typing import Any

from provisioner.hosts import actor, observer
from provisioner.kinds import kind
from provisioner.plan import model


def Reading(script: str, args: tuple[str, ...], user: str = "", **more: Any) -> observer.Reading:
    return observer.Reading(script, args, user, **more)


def ShellStep(
    script: str, args: tuple[str, ...], user: str = "", *rest: Any, **more: Any
) -> actor.ShellStep:
    return actor.ShellStep(script, args, user, *rest, **more)


def LockToken(state: str, token: str, owner: str = "") -> actor.LockToken:
    return actor.LockToken(state, token, owner)


def Probe(script: str, ids: Any, args: Any, arity: int, **more: Any) -> kind.Probe:
    return kind.Probe(script, ids, args, arity, more.pop("user", ""), **more)


def Run(function: str, args: tuple[str, ...] = (), user: str = "", **more: Any) -> model.Run:
    return model.Run(function, args, user, **more)


def Put(path: str, content: str, mode: str, user: str = "", **more: Any) -> model.Put:
    return model.Put(path, content, mode, user, **more)
