"""What changes a Kafka cluster: the implementation of ``port.KafkaWriter``, over a client's
connections. A run's session makes it, and a temporary topic for itself (``temporary.py``)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from provisioner.kafka import messages, traffic
from provisioner.kafka.client import KafkaClient, NotSent
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import ClusterView, KafkaRefused, KafkaUnavailable, Traffic
from provisioner.kafka.requests.joining import in_requests, joined, of_each
from provisioner.kafka.requests.leaders import ElectPreferredLeaders, in_lists, not_preferred
from provisioner.kafka.requests.request import CONTROLLER, Destination, Message, Request
from provisioner.kafka.requests.topics import DeleteTopic
from provisioner.kafka.rights import needs

T = TypeVar("T")

PASSES_SECONDS = 30.0
"""How long what Kafka refuses for a moment only is sent again: a topic that is being deleted."""
JOINED_SECONDS = 30.0
"""The time that a request about many things has: what Kafka's own AdminClient gives one."""
THROTTLED = "THROTTLING_QUOTA_EXCEEDED"
THROTTLED_SECONDS = 600.0
"""How long at most one change is held up by a quota (``controller_mutation_rate``)."""
LEAST_PAUSE = 0.5
READY_SECONDS = 120.0
"""How long what a request must wait for may take: a controller that was just started, to find the
quorum."""


Exchange = Callable[[Sequence[Request]], list[KafkaRefused | None]]
"""Sends requests once, and gives what Kafka said to each."""
Pause = Callable[[float, str], bool]
"""Waits so many seconds, for what; True when it was interrupted."""


def uninterrupted(seconds: float, what: str) -> bool:
    time.sleep(seconds)
    return False


class Writer:
    """See ``port.KafkaWriter``. Not thread-safe beyond what ``producer`` does in the background.
    ``pause`` waits where a quota holds a change up."""

    def __init__(self, client: KafkaClient, pause: Pause = uninterrupted):
        self._client, self._pause = client, pause

    def send(self, request: Request) -> None:
        cluster_id = self._when_ready(request).cluster_id if request.looks else None
        for message in request.messages:
            exchange = partial(self._exchange_alone, message, cluster_id)
            (refused,) = self._persist([request], exchange)
            if refused is not None:
                raise refused

    def send_all(self, requests: Sequence[Request]) -> list[KafkaRefused | None]:
        found: list[KafkaRefused | None] = [None] * len(requests)
        for numbers in in_requests(requests):
            some = [requests[number] for number in numbers]
            for number, refusal in zip(numbers, self._send_joined(some), strict=True):
                found[number] = refusal
        return found

    def _send_joined(self, requests: Sequence[Request]) -> list[KafkaRefused | None]:
        """Requests that go together."""
        if len(requests) > 1:
            return self._persist(requests, self._exchange_joined)
        try:
            self.send(requests[0])
        except KafkaRefused as error:
            return [error]
        return [None]

    def _persist(
        self, requests: Sequence[Request], exchange: Exchange
    ) -> list[KafkaRefused | None]:
        """What became of each request. What is refused for a moment only is sent again, and what a
        quota holds up once that lets it through."""
        found: dict[int, KafkaRefused] = {}
        left, limit, held_up = list(range(len(requests))), time.monotonic() + PASSES_SECONDS, 0.0
        while left:
            some = [requests[number] for number in left]
            refusals = zip(left, exchange(some), strict=True)
            said = {number: refusal for number, refusal in refusals if refusal is not None}
            late = time.monotonic() > limit + held_up
            again = [n for n, r in said.items() if requests[n].passes(r) and not late]
            throttled = [n for n, refusal in said.items() if refusal.code == THROTTLED]
            found |= {n: r for n, r in said.items() if n not in again and n not in throttled}
            if throttled:
                error = said[throttled[0]]
                more = f" and {len(throttled) - 1} more" if len(throttled) > 1 else ""
                what = f"{requests[throttled[0]].what}{more}"
                try:
                    held_up += self._held_up(what, error, THROTTLED_SECONDS - held_up)
                except KafkaRefused as refused:
                    found |= dict.fromkeys([*throttled, *again], refused)
                    break
            elif again:
                time.sleep(0.2)
            left = sorted({*again, *throttled})
        return [found.get(number) for number in range(len(requests))]

    def _exchange_alone(
        self, message: Message, cluster_id: str | None, requests: Sequence[Request]
    ) -> list[KafkaRefused | None]:
        """One message of the only request, and what became of it."""
        (request,) = requests
        try:
            self._exchange(request, message, cluster_id)
        except KafkaRefused as error:
            return [error]
        return [None]

    def _held_up(self, what: str, error: KafkaRefused, most: float) -> float:
        """Waits as long as Kafka says, and gives the seconds. KafkaRefused when that is too long,
        or when it was interrupted; nothing was carried out."""
        seconds = max(error.later, LEAST_PAUSE)
        why = "the quota controller_mutation_rate holds it up"
        if seconds > most:
            text = f"{what}: {why} for {seconds:.0f} s more: raise it, or run it again later"
            raise KafkaRefused(THROTTLED, text)
        if self._pause(seconds, what):
            raise KafkaRefused(THROTTLED, f"{what}: interrupted while {why}")
        return seconds

    def delete_topic(self, name: str) -> None:
        self.send(DeleteTopic(name))

    def elect_preferred_leaders(self) -> None:
        found = [(topic, id) for topic, id, _ in not_preferred(self._client.liveness())]
        for some in in_lists(found):
            self.send(ElectPreferredLeaders(some))

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
        """Sends one message. Raises KafkaRefused for the first item that failed."""

        def once(deadline: Deadline) -> None:
            answer = self._answer(request.to, message, cluster_id, deadline)
            refusal = refusal_of(request.what, message.items(answer), message, _later(answer))
            if refusal is not None:
                raise refusal

        self._until_controller(request.to, once, None)

    def _exchange_joined(self, requests: Sequence[Request]) -> list[KafkaRefused | None]:
        """One message of all, and what became of each."""
        message, to = joined(requests), requests[0].to

        def once(deadline: Deadline) -> list[KafkaRefused | None]:
            answer = self._answer(to, message, None, deadline)
            pairs, later = zip(requests, of_each(requests, answer), strict=True), _later(answer)
            found = [refusal_of(request.what, items, message, later) for request, items in pairs]
            moved = [refusal for refusal in found if refusal and _may_have_moved(refusal)]
            if len(moved) == len(found):
                raise moved[0]
            return found

        return self._until_controller(to, once, JOINED_SECONDS)

    def _until_controller(
        self, to: Destination, once: Callable[[Deadline], T], seconds: float | None
    ) -> T:
        """What ``once`` gives; where only the controller takes it, again when that has moved: a
        broker may name the last one for a while after it was stopped."""
        last: Exception | None = None
        with self._client.deadline(seconds) as deadline:
            while True:
                try:
                    if last is not None:
                        deadline.pause(0.1)
                    return once(deadline)
                except (TimeoutError, KafkaUnavailable, KafkaRefused) as error:
                    if to != CONTROLLER or not _may_have_moved(error):
                        raise (last if last and deadline.passed else error) from None
                    last = error

    def _answer(
        self, to: Destination, message: Message, cluster_id: str | None, deadline: Deadline
    ) -> Any:
        address = self._client.destination(to, deadline)
        milliseconds = int(deadline.left() * 1000)
        sent = messages.admin_request(message, milliseconds, cluster_id)
        return self._client.ask(address, sent, deadline)

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


def refusal_of(what: str, items: Iterable[Any], sent: Message, later: float) -> KafkaRefused | None:
    """Why the first of ``items`` (each with error_code, error_message) that failed did. ``later``:
    the seconds after which Kafka wants to be asked again."""
    for item in items:
        code = messages.name(item.error_code)
        if item.error_code and code not in sent.fine:
            said = sent.meaning.get(code) or getattr(item, "error_message", None)
            right = needs(sent.api, item.error_code, what.removeprefix("topic "))
            if right and right.endswith(what):
                return KafkaRefused(code, right, later)
            said = right or said
            return KafkaRefused(code, f"{what}: {said}" if said else what, later)
    return None


def _later(answer: Any) -> float:
    return (getattr(answer, "throttle_time_ms", None) or 0) / 1000
