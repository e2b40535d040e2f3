"""The ledger itself: clients that work all the while, and a verdict whenever one is asked for."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from provisioner.kafka.requests.topics import CreateTopic
from tests.kafka_client import connect
from tests.ledger.checker import Verdict, check
from tests.ledger.clients import Member, Options, Payer, Writer, audit, options
from tests.ledger.history import Acknowledged, History, Place, Read
from tests.ledger.tools import Tool, verifiable_consumer, verifiable_producer
from tests.ledger.worker import Worker, until

PARTITIONS = 3


@dataclass
class Book:
    """A ledger that is being kept."""

    history: History
    options: Options
    places: Sequence[Place]
    groups: Sequence[str]
    writers: Sequence[Worker] = ()
    members: Sequence[Worker] = ()
    tools: Sequence[Tool] = ()
    since: int = 0
    verdicts: list[Verdict] = field(default_factory=list)

    def ready(self) -> None:
        """Until every partition was written and read: from here on a gap is one."""
        both = {(kind, place) for place in self.places for kind in (Acknowledged, Read)}
        self._until_seen(both, 0, "every partition is written and read")
        self.begin()

    def serves(self) -> None:
        """Until every partition of the topic without transactions was written once more."""
        topic = self.places[0].topic
        wanted = {(Acknowledged, place) for place in self.places if place.topic == topic}
        self._until_seen(wanted, len(self.history.events()), "every partition is written")

    def _until_seen(self, wanted: Collection[tuple[type, Place]], number: int, what: str) -> None:
        """Events from that ``number`` on."""
        seen: set[tuple[type, Place]] = set()

        def all_seen() -> bool:
            nonlocal number
            for event in (fresh := self.history.since(number)):
                if isinstance(event, Acknowledged | Read):
                    seen.add((type(event), event.place))
            number += len(fresh)
            self._all_run()
            return seen.issuperset(wanted)

        until(all_seen, what)

    def begin(self) -> None:
        """Gaps count from here on."""
        self.since = len(self.history.events())

    def verdict(self, name: str = "") -> Verdict:
        """Of everything since the ledger was opened; gaps since the last verdict. Writers pause for
        it. It is printed."""
        self._all_run()
        for writer in self.writers:
            writer.rest()
        for writer in self.writers:
            writer.until_quiet()
        known = len(self.history.events())
        found = audit(self.options, self.places, self.groups)
        verdict = check(self.history.events(), found, name, known, self.since)
        for writer in self.writers:
            writer.resume()
        self.begin()
        self.verdicts.append(verdict)
        print(verdict)
        return verdict

    def _all_run(self) -> None:
        for tool in self.tools:
            tool.check()
        for worker in (*self.writers, *self.members):
            worker.check()

    def end(self) -> None:
        """Every client, whatever one of them says to it; raises the first error."""
        with contextlib.ExitStack() as stack:
            for tool in self.tools:
                stack.callback(tool.end)
            for worker in (*self.members, *self.writers):
                stack.callback(worker.end)


@contextlib.contextmanager
def ledger(
    bootstrap: Sequence[str],
    *,
    tools: Path | None = None,
    file: Path | None = None,
    replication: int = 3,
    minimum: int = 2,
) -> Iterator[Book]:
    """Two topics of its own, written and read until the block ends.

    ``bootstrap``: ``host:port``. ``tools``: a Kafka home, whose verifiable producer and consumer
    take part. ``file``: where every event is written, a line each.
    """
    topic = f"ledger-{secrets.token_hex(3)}"
    topics = [topic, f"{topic}-paid"]
    places = [Place(name, number) for name in topics for number in range(PARTITIONS)]
    addresses = [(host, int(port)) for host, port in (a.rsplit(":", 1) for a in bootstrap)]
    with contextlib.closing(connect(addresses)) as cluster:
        for name in topics:
            config = {"min.insync.replicas": str(minimum)}
            cluster.send(CreateTopic(name, PARTITIONS, replication, config))
    history = History(file)
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        book = _opened(history, options(bootstrap), places, tools, Path(folder))
        try:
            book.ready()
            yield book
        finally:
            book.end()
            history.close()
    with contextlib.closing(connect(addresses)) as cluster:
        for name in topics:
            cluster.delete_topic(name)


def _opened(
    history: History, options: Options, places: Sequence[Place], tools: Path | None, folder: Path
) -> Book:
    (topic, paid) = dict.fromkeys(place.topic for place in places)
    plain = [place for place in places if place.topic == topic]
    group = f"{topic}-readers"
    book = Book(history, options, places, [group])
    book.writers = [
        Writer("a", options, plain, history),
        Writer("b", options, plain, history),
        Payer("payer", options, [place for place in places if place.topic == paid], history),
    ]
    book.members = [Member(f"r{n}", group, options, [topic, paid], history) for n in (1, 2)]
    if tools is not None:
        servers = ",".join(options["bootstrap_servers"])
        theirs = f"{topic}-verifiable"
        book.tools = [
            verifiable_consumer(tools, servers, topic, theirs, history, folder),
            verifiable_producer(tools, servers, topic, history, folder),
        ]
        book.groups = [group, theirs]
    for worker in (*book.writers, *book.members):
        worker.start()
    return book
