"""A controller is made a voter of the quorum (KIP-853)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from provisioner.kafka.port import ClusterView, KafkaRefused
from provisioner.kafka.requests.request import Message, Request
from provisioner.uuids import raw


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
        """Only when the new one has joined is the old one taken out: without it, a voter is
        missing."""
        if view.quorum is not None and (self.id, self.directory) in view.quorum.observers:
            return None
        who = f"controller {self.id} with directory {self.directory}"
        return KafkaRefused("NOT_JOINED", f"{who} does not replicate the metadata log")

    @property
    def messages(self) -> tuple[Message, ...]:
        added = Message("AddRaftVoter", self._added(), fine=("DUPLICATE_VOTER",))
        if not self.replaces:
            return (added,)
        gone = self._voter(self.replaces)
        return (Message("RemoveRaftVoter", gone, fine=("VOTER_NOT_FOUND",)), added)

    def _added(self) -> dict[str, object]:
        """The answer comes when the new set of voters is committed."""
        name, host, port = self.endpoint
        listeners = [{"name": name, "host": host, "port": port}]
        return {**self._voter(self.directory), "listeners": listeners, "ack_when_committed": True}

    def _voter(self, directory: str) -> dict[str, object]:
        return {"voter_id": self.id, "voter_directory_id": UUID(bytes=raw(directory))}
