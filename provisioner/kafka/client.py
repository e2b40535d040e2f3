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
from provisioner.kafka.routes import Routes
from provisioner.kafka.survey import Survey
from provisioner.kafka.wire import Pool, reason, unavailable

SETTLE_SECONDS = 1.0
"""How long a topic that was just made may be unknown to another broker."""
DELETION_SECONDS = 30.0
"""How long one is waited for that is being deleted."""
NONSENSE = (ValueError, KeyError, IndexError, TypeError, AttributeError)
"""What reading an answer raises that no Kafka gives."""
JOIN_SECONDS = 30.0
"""How long a controller that was just started may take to find the quorum."""


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

    def view(self, *, log_dirs: bool = False) -> ClusterView:
        return self._reading(lambda survey: survey.everything(log_dirs))

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

    def create_topic(
        self, name: str, partitions: int, replication: int, config: Mapping[str, str]
    ) -> None:
        def request(milliseconds: int) -> Any:
            return messages.create_topic_request(
                name, partitions, replication, config, milliseconds
            )

        limit = time.monotonic() + DELETION_SECONDS
        while True:
            try:
                return self._by_controller(f"topic {name}", request, lambda answer: answer.topics)
            except KafkaRefused as error:
                # ZooKeeper mode: one that was deleted a moment ago is still on its way out.
                if "marked for deletion" not in str(error) or time.monotonic() > limit:
                    raise
            time.sleep(0.2)

    def delete_topic(self, name: str) -> None:
        self._by_controller(
            f"topic {name}",
            lambda milliseconds: messages.delete_topic_request(name, milliseconds),
            lambda answer: answer.responses,
        )

    def create_partitions(self, name: str, total: int) -> None:
        self._by_controller(
            f"topic {name}",
            lambda milliseconds: messages.create_partitions_request(name, total, milliseconds),
            lambda answer: answer.results,
        )

    def alter_topic_config(self, name: str, set: Mapping[str, str], delete: Sequence[str]) -> None:
        request = messages.alter_configs_request(messages.TOPIC, name, set, delete)
        with self._deadline() as deadline:
            self._change(f"topic {name}", self._any_address(deadline), request, deadline)

    def alter_broker_config(
        self, broker: int | None, set: Mapping[str, str], delete: Sequence[str]
    ) -> None:
        resource = "" if broker is None else str(broker)
        request = messages.alter_configs_request(messages.BROKER, resource, set, delete)
        with self._deadline() as deadline:
            address = self._any_address(deadline)
            if broker is not None:  # only the broker itself takes its configuration
                address = self._address_of(broker, address, deadline)
            what = "cluster default" if broker is None else f"broker {broker}"
            self._change(what, address, request, deadline)

    def add_voter(
        self, id: int, directory: str, endpoint: tuple[str, str, int], replaces: str | None
    ) -> None:
        from provisioner.kafka import voters

        what = f"voter {id}"
        # Only when the new one has joined is the old one taken out: with it, a voter is missing.
        cluster = self._joined(id, directory)
        if replaces:
            self._by_controller(
                what,
                lambda milliseconds: voters.remove_request(cluster, id, replaces),
                lambda answer: [answer],
                (voters.GONE,),
            )
        self._by_controller(
            what,
            lambda milliseconds: voters.add_request(cluster, id, directory, endpoint, milliseconds),
            lambda answer: [answer],
            (voters.ALREADY,),
        )

    def _joined(self, id: int, directory: str) -> str:
        """Waits until a controller with this directory reads along; returns the cluster's id."""
        limit = time.monotonic() + JOIN_SECONDS
        while True:
            view = self.liveness()
            if view.quorum is not None and (id, directory) in view.quorum.observers:
                return view.cluster_id
            if time.monotonic() > limit:
                raise KafkaRefused(
                    "NOT_JOINED",
                    f"controller {id} with directory {directory} does not replicate "
                    "the metadata log",
                )
            time.sleep(0.2)

    def elect_preferred_leaders(self) -> None:
        def items(answer: Any) -> Iterator[Any]:
            yield answer
            for topic in answer.replica_election_results:
                yield from topic.partition_result

        self._by_controller(
            "preferred leaders", messages.elect_leaders_request, items, ("ELECTION_NOT_NEEDED",)
        )

    def _change(self, what: str, address: Address, request: Any, deadline: Deadline) -> None:
        answer = self._ask(address, request, deadline)
        _raise_refusals(what, answer.responses)

    def _by_controller(
        self,
        what: str,
        request: Callable[[int], Any],
        items: Callable[[Any], Any],
        fine: tuple[str, ...] = (),
    ) -> None:
        """Sends what only the controller does; asks again where it is when it has moved.

        ``request`` gets the milliseconds Kafka may take. With KRaft any broker passes it on.
        """
        with self._deadline() as deadline:
            while True:
                address = self._controller(deadline)
                answer = self._ask(address, request(int(deadline.left() * 1000)), deadline)
                try:
                    return _raise_refusals(what, items(answer), fine)
                except KafkaRefused as error:
                    if error.code != "NOT_CONTROLLER":
                        raise
                deadline.pause(0.1)

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
