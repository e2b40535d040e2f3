"""One Kafka cluster over the network, to be looked at: the implementation of ``port.KafkaReader``.

``connect`` makes it; what changes the cluster goes over the same connections (``writer.py``).
Administration has its own (``wire.py``), records go through the library (``traffic.py``).
Importing this module loads the whole Kafka library (0.17 s): import it late, beside the first
connection to a host.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from provisioner.kafka import messages, reading, traffic
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import (
    Address,
    BrokerView,
    ClusterView,
    KafkaRefused,
    KafkaUnavailable,
    More,
    Record,
)
from provisioner.kafka.requests.request import CONTROLLER, Ask, Destination
from provisioner.kafka.routes import Routes
from provisioner.kafka.survey import Survey
from provisioner.kafka.wire import Pool, reason, unavailable

SETTLE_SECONDS = 1.0
"""How long a topic that was just made may be unknown to another broker."""
NONSENSE = (ValueError, KeyError, IndexError, TypeError, AttributeError)
"""What reading an answer raises that no Kafka gives."""


def connect(
    bootstrap: Sequence[Address],
    *,
    timeout: float = 10.0,
    routes: Routes | None = None,
    tunnel: bool = False,
) -> KafkaClient:
    """The cluster behind these addresses. Nothing is asked yet, so it cannot fail.

    ``timeout``: seconds for each method. ``routes``: where its brokers may be, and how they are
    dialled (None: on the machines of ``bootstrap``, from here). ``tunnel``: the library's producer
    and consumer cannot dial by themselves (see tunnel.py).
    """
    addresses = tuple((host, port) for host, port in bootstrap)
    return KafkaClient(addresses, timeout, routes or Routes.directly(addresses), tunnel)


class NotSent(KafkaUnavailable):
    """No connection to the broker could be made, so the request was certainly not carried out."""


class KafkaClient:
    """See ``port.KafkaReader``. Not thread-safe."""

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
        self.ends: list[Callable[[], None]] = []
        """Called before the connections are closed: what a producer in the background needs."""

    # --- reading --------------------------------------------------------------------------------

    def view(
        self,
        asks: Sequence[Ask] = (),
        *,
        log_dirs: bool = False,
        more: More | None = None,
        avoid: Collection[Address] = (),
        of_topics: Collection[str] | None = None,
        of_brokers: bool = True,
    ) -> ClusterView:
        def look(survey: Survey) -> ClusterView:
            return survey.everything(log_dirs, asks, more, of_topics, of_brokers)

        return self._reading(look, avoid)

    def liveness(self, more: More | None = None) -> ClusterView:
        return self._reading(lambda survey: survey.liveness(more))

    def bootstrap_views(self) -> Mapping[str, ClusterView | str]:
        deadline = Deadline(self._timeout)
        jobs = {each: Survey(self._pool, each, deadline).liveness for each in self._bootstrap}
        answers = self._pool.side_by_side(jobs, deadline)
        return {
            f"{host}:{port}": reason(seen, self._timeout) if isinstance(seen, Exception) else seen
            for (host, port), seen in answers.items()
        }

    def _reading(
        self, look: Callable[[Survey], ClusterView], avoid: Collection[Address] = ()
    ) -> ClusterView:
        """What the broker that answered last shows; when it fails, the first of all to answer.

        A broker that hangs gets half of the time, so that another one can still be asked.
        """
        with self.deadline() as deadline:
            if self._home is not None and self._home not in avoid:
                part = deadline.sooner(self._timeout / 2)
                with suppress(OSError):
                    return look(Survey(self._pool, self._home, part))
            address = self.any_address(deadline, avoid)
            try:
                return look(Survey(self._pool, address, deadline))
            except OSError as error:
                self._home = None
                raise unavailable({address: error}, self._timeout) from error

    @contextmanager
    def deadline(self, seconds: float | None = None) -> Iterator[Deadline]:
        """The time one method has: that of the constructor, or ``seconds`` where that is more. When
        it ends between two requests, that is said too; so is what was answered well-formed, and yet
        cannot be."""
        try:
            yield Deadline(max(self._timeout, seconds or 0.0))
        except (TimeoutError, *NONSENSE) as error:
            self._home = None
            raise unavailable(dict.fromkeys(self._bootstrap, error), self._timeout) from error

    def any_address(self, deadline: Deadline, avoid: Collection[Address] = ()) -> Address:
        """The bootstrap address that answers first, when all are asked at once but those to
        avoid."""
        asked = [each for each in self._bootstrap if each not in avoid] or self._bootstrap
        jobs = {each: partial(self._pool.ping, each, deadline) for each in asked}
        answers = self._pool.side_by_side(jobs, deadline, first=True)
        failures = {a: e for a, e in answers.items() if isinstance(e, Exception)}
        if len(failures) == len(answers):
            raise unavailable(failures, self._timeout)
        self._home = next(address for address in answers if address not in failures)
        return self._home

    # --- asking one broker ----------------------------------------------------------------------

    def destination(self, to: Destination, deadline: Deadline) -> Address:
        if to == CONTROLLER:
            return self._controller(deadline)
        address = self.any_address(deadline)
        return self._address_of(to, address, deadline) if isinstance(to, int) else address

    def _controller(self, deadline: Deadline) -> Address:
        """Where to send changes: ZooKeeper mode's controller, or any broker with KRaft."""
        while True:
            address = self.any_address(deadline)
            view = Survey(self._pool, address, deadline).routing()
            if view is None:
                return address
            controller, brokers = view
            for broker in brokers:
                if broker.id == controller:
                    return broker.host, broker.port
            deadline.pause(0.1)  # it is being elected

    def _address_of(self, broker: int, through: Address, deadline: Deadline) -> Address:
        metadata = self.ask(through, messages.metadata_request([]), deadline)
        found: Sequence[BrokerView] = reading.brokers(metadata, None)
        for each in found:
            if each.id == broker:
                return each.host, each.port
        raise KafkaUnavailable(f"broker {broker} is not up")

    def ask(self, address: Address, request: Any, deadline: Deadline) -> Any:
        """One answer of one broker; never sent twice, for it may have been carried out. NotSent
        when it cannot have been."""
        try:
            answer = self._pool.ask(address, [request], deadline)[0]
        except OSError as error:
            self._home = None
            raise NotSent(str(unavailable({address: error}, self._timeout))) from error
        if isinstance(answer, OSError):
            self._home = None
            raise unavailable({address: answer}, self._timeout) from answer
        return answer

    # --- records --------------------------------------------------------------------------------

    def consume(self, topic: str, *, count: int | None = None, seconds: float) -> list[Record]:
        servers, partitions = self.place(topic)
        return traffic.consume(servers, topic, partitions, count, seconds)

    def place(self, topic: str) -> tuple[traffic.Servers, list[int]]:
        """Addresses with one that answers first, and the topic's partitions.

        The library is only given what answers: its constructors block for long on what does not.
        """
        with self.deadline() as deadline:
            address = self.any_address(deadline)
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
            metadata = self.ask(address, messages.metadata_request([topic]), deadline)
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
        for end in self.ends:
            end()
        self._pool.close()
