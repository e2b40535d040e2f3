"""What changes a Kafka cluster: the implementation of ``port.KafkaWriter``, over a client's
connections. A run's session makes it, and a temporary topic for itself (``temporary.py``)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from provisioner.kafka import messages, traffic
from provisioner.kafka.client import KafkaClient, NotSent
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import ClusterView, KafkaRefused, KafkaUnavailable, Traffic
from provisioner.kafka.requests.leaders import ElectPreferredLeaders
from provisioner.kafka.requests.request import CONTROLLER, Message, Request
from provisioner.kafka.requests.topics import DeleteTopic

PASSES_SECONDS = 30.0
"""How long what Kafka refuses for a moment only is sent again: a topic that is being deleted."""
READY_SECONDS = 30.0
"""How long what a request must wait for may take: a controller that was just started, to find the
quorum."""


class Writer:
    """See ``port.KafkaWriter``. Not thread-safe beyond what ``producer`` does in the background."""

    def __init__(self, client: KafkaClient):
        self._client = client

    def send(self, request: Request) -> None:
        cluster_id = self._when_ready(request).cluster_id if request.looks else None
        limit = time.monotonic() + PASSES_SECONDS
        for message in request.messages:
            while True:
                try:
                    self._exchange(request, message, cluster_id)
                    break
                except KafkaRefused as error:
                    if not request.passes(error) or time.monotonic() > limit:
                        raise
                time.sleep(0.2)

    def delete_topic(self, name: str) -> None:
        self.send(DeleteTopic(name))

    def elect_preferred_leaders(self) -> None:
        self.send(ElectPreferredLeaders())

    def _when_ready(self, request: Request) -> ClusterView:
        """What was seen when it could be sent."""
        limit = time.monotonic() + READY_SECONDS
        while True:
            view = self._client.liveness()
            refusal = request.ready(view)
            if refusal is None:
                return view
            if time.monotonic() > limit:
                raise refusal
            time.sleep(0.2)

    def _exchange(self, request: Request, message: Message, cluster_id: str | None) -> None:
        """Sends one message; where only the controller takes it, again when that has moved: a
        broker may name the last one for a while after it was stopped."""
        last: Exception | None = None
        with self._client.deadline() as deadline:
            while True:
                try:
                    if last is not None:
                        deadline.pause(0.1)
                    return self._once(request, message, cluster_id, deadline)
                except (TimeoutError, KafkaUnavailable, KafkaRefused) as error:
                    if request.to != CONTROLLER or not _may_have_moved(error):
                        raise (last if last and deadline.passed else error) from None
                    last = error

    def _once(
        self, request: Request, message: Message, cluster_id: str | None, deadline: Deadline
    ) -> None:
        address = self._client.destination(request.to, deadline)
        milliseconds = int(deadline.left() * 1000)
        sent = messages.admin_request(message, milliseconds, cluster_id)
        answer = self._client.ask(address, sent, deadline)
        _raise_refusals(request.what, message.items(answer), message.fine)

    def produce(self, topic: str, values: Sequence[bytes], *, seconds: float) -> list[Any]:
        servers, partitions = self._client.place(topic)
        return traffic.produce(servers, topic, partitions, values, seconds)

    def producer(self, topic: str) -> Traffic:
        servers, partitions = self._client.place(topic)
        started = traffic.SteadyTraffic(servers, topic, partitions)
        self._client.ends.append(lambda: started.stop(0.0))
        return started


def _may_have_moved(error: Exception) -> bool:
    """Whether the controller may be another one by now, and nothing was carried out."""
    refused = isinstance(error, KafkaRefused) and error.code == "NOT_CONTROLLER"
    return refused or isinstance(error, NotSent)


def _raise_refusals(what: str, items: Any, fine: tuple[str, ...] = ()) -> None:
    """KafkaRefused for the first of ``items`` (each with error_code, error_message) that failed."""
    for item in items:
        code = messages.name(item.error_code)
        if item.error_code and code not in fine:
            message = getattr(item, "error_message", None)
            raise KafkaRefused(code, f"{what}: {message}" if message else what)
