"""One Kafka cluster over the network: the implementation of ``port.Cluster``.

``connect`` makes it. Administration goes over our own connections (``wire.py``), records through
the library's producer and consumer (``traffic.py``). Importing this module loads the whole Kafka
library (0.17 s): import it late, beside the first connection to a host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from provisioner.kafka import messages, reading, traffic
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import (
    Address,
    BrokerView,
    Cluster,
    ClusterView,
    KafkaRefused,
    KafkaUnavailable,
    Record,
    Traffic,
)
from provisioner.kafka.requests.leaders import ElectPreferredLeaders
from provisioner.kafka.requests.request import CONTROLLER, Ask, Destination, Message, Request
from provisioner.kafka.requests.topics import DeleteTopic
from provisioner.kafka.routes import Routes
from provisioner.kafka.survey import Survey
from provisioner.kafka.wire import Pool, reason, unavailable

SETTLE_SECONDS = 1.0
"""How long a topic that was just made may be unknown to another broker."""
PASSES_SECONDS = 30.0
"""How long what Kafka refuses for a moment only is sent again: a topic that is being deleted."""
NONSENSE = (ValueError, KeyError, IndexError, TypeError, AttributeError)
"""What reading an answer raises that no Kafka gives."""
READY_SECONDS = 30.0
"""How long what a request must wait for may take: a controller that was just started, to find the
quorum."""


def connect(
    bootstrap: Sequence[Address],
    *,
    timeout: float = 10.0,
    routes: Routes | None = None,
    tunnel: bool = False,
) -> Cluster:
    """The cluster behind these addresses. Nothing is asked yet, so it cannot fail.

    ``timeout``: seconds for each method. ``routes``: where its brokers may be, and how they are
    dialled (None: on the machines of ``bootstrap``, from here). ``tunnel``: the library's producer
    and consumer cannot dial by themselves (see tunnel.py).
    """
    addresses = tuple((host, port) for host, port in bootstrap)
    return KafkaCluster(addresses, timeout, routes or Routes.directly(addresses), tunnel)


class KafkaCluster:
    """See ``port.Cluster``. Not thread-safe beyond what ``producer`` does in the background."""

    def __init__(
        self, bootstrap: tuple[Address, ...], timeout: float, routes: Routes, tunnel: bool
    ):
        self._bootstrap = bootstrap
        self._timeout = timeout
        self._routes = routes
        self._tunnel = tunnel
        self._pool = Pool(routes.dial)
        self._home: Address | None = None
        """The address that answered last: asked first."""
        self._producers: list[traffic.SteadyTraffic] = []

    # --- reading --------------------------------------------------------------------------------

    def view(self, asks: Sequence[Ask] = (), *, log_dirs: bool = False) -> ClusterView:
        return self._reading(lambda survey: survey.everything(log_dirs, asks))

    def liveness(self) -> ClusterView:
        return self._reading(lambda survey: survey.liveness())

    def bootstrap_views(self) -> Mapping[str, ClusterView | str]:
        deadline = Deadline(self._timeout)
        jobs = {each: Survey(self._pool, each, deadline).liveness for each in self._bootstrap}
        answers = self._pool.side_by_side(jobs, deadline)
        return {
            f"{host}:{port}": reason(seen, self._timeout) if isinstance(seen, Exception) else seen
            for (host, port), seen in answers.items()
        }

    def _reading(self, look: Callable[[Survey], ClusterView]) -> ClusterView:
        """What the broker that answered last shows; when it fails, the first of all to answer.

        A broker that hangs gets half of the time, so that another one can still be asked.
        """
        with self._deadline() as deadline:
            if self._home is not None:
                part = deadline.sooner(self._timeout / 2)
                with suppress(OSError):
                    return look(Survey(self._pool, self._home, part))
            address = self._any_address(deadline)
            try:
                return look(Survey(self._pool, address, deadline))
            except OSError as error:
                self._home = None
                raise unavailable({address: error}, self._timeout) from error

    @contextmanager
    def _deadline(self) -> Iterator[Deadline]:
        """The time one method has. When it ends between two requests, that is said too; so is what
        was answered well-formed, and yet cannot be."""
        try:
            yield Deadline(self._timeout)
        except (TimeoutError, *NONSENSE) as error:
            self._home = None
            raise unavailable(dict.fromkeys(self._bootstrap, error), self._timeout) from error

    def _any_address(self, deadline: Deadline) -> Address:
        """The bootstrap address that answers first, when all are asked at once."""
        jobs = {each: partial(self._pool.ping, each, deadline) for each in self._bootstrap}
        answers = self._pool.side_by_side(jobs, deadline, first=True)
        failures = {a: e for a, e in answers.items() if isinstance(e, Exception)}
        if len(failures) == len(answers):
            raise unavailable(failures, self._timeout)
        self._home = next(address for address in answers if address not in failures)
        return self._home

    # --- changing -------------------------------------------------------------------------------

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
            view = self.liveness()
            refusal = request.ready(view)
            if refusal is None:
                return view
            if time.monotonic() > limit:
                raise refusal
            time.sleep(0.2)

    def _exchange(self, request: Request, message: Message, cluster_id: str | None) -> None:
        """Sends one message; where only the controller takes it, again when that has moved."""
        with self._deadline() as deadline:
            while True:
                address = self._destination(request.to, deadline)
                milliseconds = int(deadline.left() * 1000)
                sent = messages.admin_request(message, milliseconds, cluster_id)
                answer = self._ask(address, sent, deadline)
                try:
                    return _raise_refusals(request.what, message.items(answer), message.fine)
                except KafkaRefused as error:
                    if error.code != "NOT_CONTROLLER" or request.to != CONTROLLER:
                        raise
                deadline.pause(0.1)

    def _destination(self, to: Destination, deadline: Deadline) -> Address:
        if to == CONTROLLER:
            return self._controller(deadline)
        address = self._any_address(deadline)
        return self._address_of(to, address, deadline) if isinstance(to, int) else address

    def _controller(self, deadline: Deadline) -> Address:
        """Where to send changes: ZooKeeper mode's controller, or any broker with KRaft."""
        while True:
            address = self._any_address(deadline)
            view = Survey(self._pool, address, deadline).routing()
            if view is None:
                return address
            controller, brokers = view
            for broker in brokers:
                if broker.id == controller:
                    return broker.host, broker.port
            deadline.pause(0.1)  # it is being elected

    def _address_of(self, broker: int, through: Address, deadline: Deadline) -> Address:
        metadata = self._ask(through, messages.metadata_request([]), deadline)
        found: Sequence[BrokerView] = reading.brokers(metadata, None)
        for each in found:
            if each.id == broker:
                return each.host, each.port
        raise KafkaUnavailable(f"broker {broker} is not up")

    def _ask(self, address: Address, request: Any, deadline: Deadline) -> Any:
        """One answer of one broker; never sent twice, for it may have been carried out."""
        try:
            answer = self._pool.ask(address, [request], deadline)[0]
            if isinstance(answer, Exception):
                raise answer
        except OSError as error:
            self._home = None
            raise unavailable({address: error}, self._timeout) from error
        return answer

    # --- records --------------------------------------------------------------------------------

    def produce(self, topic: str, values: Sequence[bytes], *, seconds: float) -> list[Any]:
        servers, partitions = self._place(topic)
        return traffic.produce(servers, topic, partitions, values, seconds)

    def consume(self, topic: str, *, count: int | None = None, seconds: float) -> list[Record]:
        servers, partitions = self._place(topic)
        return traffic.consume(servers, topic, partitions, count, seconds)

    def producer(self, topic: str) -> Traffic:
        servers, partitions = self._place(topic)
        started = traffic.SteadyTraffic(servers, topic, partitions)
        self._producers.append(started)
        return started

    def _place(self, topic: str) -> tuple[traffic.Servers, list[int]]:
        """Addresses with one that answers first, and the topic's partitions.

        The library is only given what answers: its constructors block for long on what does not.
        """
        with self._deadline() as deadline:
            address = self._any_address(deadline)
            others = [each for each in self._bootstrap if each != address]
            metadata = self._metadata(topic, address, deadline)
            brokers = reading.brokers(metadata, None)
            # left alone, the library would dial whatever address a broker has registered
            dials = not self._tunnel and all(self._routes.knows(b.host, b.port) for b in brokers)
            dial = None if dials else self._routes.only(brokers).dial
            servers = traffic.Servers((address, *others), dial, self._timeout)
            (found,) = metadata.topics
            return servers, sorted(partition.partition_index for partition in found.partitions)

    def _metadata(self, topic: str, address: Address, deadline: Deadline) -> Any:
        """A topic's, and the brokers; one made a moment ago may need a while to be known there."""
        patience = deadline.sooner(SETTLE_SECONDS)
        while True:
            metadata = self._ask(address, messages.metadata_request([topic]), deadline)
            (found,) = metadata.topics
            if not found.error_code:
                return metadata
            if patience.passed:
                raise KafkaRefused(messages.name(found.error_code), f"topic {topic}")
            deadline.pause(0.05)

    # --- end ------------------------------------------------------------------------------------

    def refresh(self) -> None:
        self._home = None
        self._pool.close()

    def close(self) -> None:
        for producer in self._producers:
            producer.stop(0.0)
        self._pool.close()


def _raise_refusals(what: str, items: Any, fine: tuple[str, ...] = ()) -> None:
    """KafkaRefused for the first of ``items`` (each with error_code, error_message) that failed."""
    for item in items:
        code = messages.name(item.error_code)
        if item.error_code and code not in fine:
            message = getattr(item, "error_message", None)
            raise KafkaRefused(code, f"{what}: {message}" if message else what)
