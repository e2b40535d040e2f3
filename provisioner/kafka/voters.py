"""Requests that change who votes in a KRaft quorum (KIP-853), and what they need to be told.

The Kafka library does not have them; it makes them from ``schemas/``. Import this module late.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from kafka.protocol.api_message import ApiMessage

from provisioner.kafka import schemas
from provisioner.uuids import raw

ALREADY, GONE = "DUPLICATE_VOTER", "VOTER_NOT_FOUND"


class AddRaftVoterRequest(ApiMessage, load_json=schemas):  # type: ignore[misc, call-arg]
    pass


class AddRaftVoterResponse(ApiMessage, load_json=schemas):  # type: ignore[misc, call-arg]
    pass


class RemoveRaftVoterRequest(ApiMessage, load_json=schemas):  # type: ignore[misc, call-arg]
    pass


class RemoveRaftVoterResponse(ApiMessage, load_json=schemas):  # type: ignore[misc, call-arg]
    pass


def add_request(
    cluster: str, voter: int, directory: str, endpoint: tuple[str, str, int], milliseconds: int
) -> Any:
    """``endpoint`` is the controller's listener: its name, host and port. The answer comes when
    the new set of voters is committed."""
    name, host, port = endpoint
    listener = AddRaftVoterRequest.Listener(name=name, host=host, port=port)
    return AddRaftVoterRequest(
        cluster_id=cluster,
        timeout_ms=milliseconds,
        voter_id=voter,
        voter_directory_id=UUID(bytes=raw(directory)),
        listeners=[listener],
        ack_when_committed=True,
    )


def remove_request(cluster: str, voter: int, directory: str) -> Any:
    return RemoveRaftVoterRequest(
        cluster_id=cluster, voter_id=voter, voter_directory_id=UUID(bytes=raw(directory))
    )
