"""A controller is made a voter of the quorum, or votes no more (KIP-853); one that is gone is
unregistered (KIP-1312).

Kafka changes one voter at a time and commits that with a majority of the new set, so that majority
has to be there before it is asked: without it the quorum stands still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from provisioner.kafka.port import ClusterView, KafkaRefused
from provisioner.kafka.requests.request import Message, Request
from provisioner.kinds.safety_view import safety_view
from provisioner.plan.safety import CAUGHT_UP, may_remove_voter
from provisioner.uuids import raw

BUSY = "REQUEST_TIMED_OUT"
"""Kafka's word while another change of the voters is not committed yet; nothing was done."""


@dataclass(frozen=True)
class AddVoter(Request):
    """Makes a controller that reads along a voter. ``endpoint`` is its listener: name, host, port;
    ``replaces`` the directory with which it voted before, which is gone."""

    id: int
    directory: str
    endpoint: tuple[str, str, int]
    replaces: str | None = None
    looks: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return f"voter {self.id}"

    def ready(self, view: ClusterView) -> KafkaRefused | None:
        """Only when the new one has all that the leader has is the old one taken out: without it, a
        voter is missing."""
        quorum, who = view.quorum, f"controller {self.id} with directory {self.directory}"
        me = (self.id, self.directory)
        if quorum is None or me not in quorum.observers:
            return KafkaRefused("NOT_JOINED", f"{who} does not replicate the metadata log")
        if (late := quorum.reading.get(me, 0)) > CAUGHT_UP:
            text = f"{who} is {late} records behind the quorum's leader"
            return KafkaRefused("NOT_CAUGHT_UP", text)
        return _alone(view, self.id) if self.replaces else None

    def passes(self, error: KafkaRefused) -> bool:
        return error.code == BUSY

    @property
    def messages(self) -> tuple[Message, ...]:
        added = Message("AddRaftVoter", self._added(), fine=("DUPLICATE_VOTER",))
        if not self.replaces:
            return (added,)
        return (_removed(self.id, self.replaces), added)

    def _added(self) -> dict[str, object]:
        """The answer comes when the new set of voters is committed."""
        name, host, port = self.endpoint
        listeners = [{"name": name, "host": host, "port": port}]
        more = {"listeners": listeners, "ack_when_committed": True}
        return {**_voter(self.id, self.directory), **more}


@dataclass(frozen=True)
class RemoveVoter(Request):
    """A controller votes no more. It reads along until it is stopped; one that leads hands over."""

    id: int
    directory: str
    looks: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return f"voter {self.id}"

    def ready(self, view: ClusterView) -> KafkaRefused | None:
        return _alone(view, self.id)

    def passes(self, error: KafkaRefused) -> bool:
        return error.code == BUSY

    @property
    def messages(self) -> tuple[Message, ...]:
        return (_removed(self.id, self.directory),)


@dataclass(frozen=True)
class UnregisterController(Request):
    """From metadata.version 4.4 on. One that is not registered any more is no error."""

    id: int

    @property
    def what(self) -> str:
        return f"controller {self.id}"

    @property
    def messages(self) -> tuple[Message, ...]:
        fine = ("CONTROLLER_ID_NOT_REGISTERED",)
        return (Message("UnregisterController", {"controller_id": self.id}, fine=fine),)


def _alone(view: ClusterView, voter: int) -> KafkaRefused | None:
    """Why the quorum would stand still without this one."""
    found = may_remove_voter(safety_view(view), voter)
    return None if found.allowed else KafkaRefused("NO_MAJORITY", found.reason)


def _removed(id: int, directory: str) -> Message:
    return Message("RemoveRaftVoter", _voter(id, directory), fine=("VOTER_NOT_FOUND",))


def _voter(id: int, directory: str) -> dict[str, object]:
    return {"voter_id": id, "voter_directory_id": UUID(bytes=raw(directory))}
