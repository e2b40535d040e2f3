"""One observation of a cluster in a few rounds of requests, however many topics it has.

1. the broker at hand: metadata, registered brokers, cluster-wide settings, quorum;
2. side by side: each broker its own configuration (no other broker knows it), the broker at hand
   topics' configurations in chunks (another one may lag behind in what it knows of topics), and
   what kinds ask;
3. only where kinds ask more because of what was told: these questions, side by side.
Opening the connections is the round before each.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from provisioner.kafka import messages, reading
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import (
    Address,
    BrokerView,
    ClusterView,
    ConfigEntry,
    DiskView,
    More,
)
from provisioner.kafka.requests.configs import BROKER, TOPIC
from provisioner.kafka.requests.reassignments import ListReassignments
from provisioner.kafka.requests.request import CONTROLLER, Ask
from provisioner.kafka.wire import Pool, chunks, reason

TOPICS_A_REQUEST = 500
"""Topics whose configuration is asked in one request (about 1 MB of answer)."""

MORE_ROUNDS = 3
"""How often what was told may raise another question."""

CONTROLLER_SECONDS = 3.0
"""Limit for what a broker passes on to a controller: it waits long for one that is away.

Never more than a third of all the time, so that the rest can still be asked.
"""

OFFLINE = "KAFKA_STORAGE_ERROR"
"""Kafka's name for the error of a log dir that it has given up."""

Whom = int | Address
"""A broker by its id, or a controller by its address."""

Questions = dict[Whom, list[tuple[Any, Any]]]
"""Who is asked: [(what is asked, request)]."""

AT_HAND = -1
"""Stands for the broker asked first where its address is not the one it is registered with."""


@dataclass
class Findings:
    """What the second round has found so far."""

    errors: dict[str, str]
    brokers: dict[int, Mapping[str, ConfigEntry]] = field(default_factory=dict)
    topics: dict[str, Mapping[str, ConfigEntry]] = field(default_factory=dict)
    log_dirs: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    offline: dict[int, tuple[str, ...]] = field(default_factory=dict)
    disks: dict[int, tuple[DiskView, ...]] = field(default_factory=dict)
    answers: dict[Ask, Any] = field(default_factory=dict)


def _behind(view: ClusterView) -> bool:
    return any(len(p.isr) < len(p.replicas) for t in view.topics for p in t.partitions)


class Survey:
    """Asks one broker first (``address``), then all it names. OSError when that one is away."""

    def __init__(self, pool: Pool, address: Address, deadline: Deadline):
        self._pool = pool
        self._address = address
        self._deadline = deadline

    def liveness(self, more: More | None = None) -> ClusterView:
        """Brokers, partitions, controller; no configuration."""
        view = self._first([])[0]
        view = self._with_moves(view) if _behind(view) else view
        return self._asked(view, Findings(dict(view.errors)), more) if more else view

    def _with_moves(self, view: ClusterView) -> ClusterView:
        """What moves is asked where a replica is not in sync: one that is being added is not
        behind."""
        findings = Findings({})
        self._second(view, self._of_kinds(view, [ListReassignments()]), findings)
        return reading.with_moves(view, findings.answers.get(ListReassignments(), {}))

    def everything(
        self,
        log_dirs: bool,
        asks: Sequence[Ask] = (),
        more: More | None = None,
        of_topics: Collection[str] | None = None,
        of_brokers: bool = True,
    ) -> ClusterView:
        """All of ``ClusterView``; the configuration only ``of_topics``, where these are given, and
        nothing that only each broker itself knows where it is not ``of_brokers``."""
        cluster_defaults = messages.configs_request(BROKER, [""], synonyms=True)
        view, (defaults,) = self._first([cluster_defaults])
        findings = Findings(dict(view.errors))
        asked = ListReassignments() in asks or not _behind(view)
        config = self._cluster_config(defaults, findings.errors)
        questions = self._of_brokers(view, log_dirs) if of_brokers else {}
        questions = self._questions(view, questions, asks, of_topics)
        self._second(view, questions, findings)
        if log_dirs and findings.answers.get(ListReassignments()) is not None:
            view = self._once_more(view, findings)
        topics = tuple(
            reading.with_config(topic, findings.topics.get(topic.name, {})) for topic in view.topics
        )
        view = replace(
            view,
            topics=topics,
            broker_configs=findings.brokers,
            cluster_config=config,
            log_dirs=findings.log_dirs,
            offline_log_dirs=findings.offline,
            disks=findings.disks,
            errors=findings.errors,
            answers=findings.answers,
        )
        moves = findings.answers.get(ListReassignments())
        seen = reading.with_moves(view, moves) if asked else self._with_moves(view)
        return self._asked(seen, findings, more) if more else seen

    def _once_more(self, view: ClusterView, findings: Findings) -> ClusterView:
        """Where replicas are, after what moves was told: of a move that ended in between, the first
        round has the old replicas and the new ones, as if somebody wanted them all."""
        answer = self._must(self._ask(self._address, [messages.metadata_request()])[0])
        view = reading.with_partitions(view, reading.topics(answer, {}))
        moves = findings.answers[ListReassignments()]
        findings.answers[ListReassignments()] = reading.under_way(moves, view)
        return view

    def _asked(self, view: ClusterView, findings: Findings, more: More) -> ClusterView:
        """With the answers to what is asked because of what was told, each question once."""
        asked = set(view.answers)
        for _ in range(MORE_ROUNDS):
            new = [ask for ask in more(view) if ask not in asked]
            if not new:
                break
            asked.update(new)
            self._second(view, self._of_kinds(view, new), findings)
            view = replace(view, errors=findings.errors, answers=findings.answers)
        return view

    def routing(self) -> tuple[int | None, tuple[BrokerView, ...]] | None:
        """(controller's id, brokers) in ZooKeeper mode; None with KRaft."""
        if self._kraft():
            return None
        metadata = self._must(self._ask(self._address, [messages.metadata_request([])])[0])
        controller = None if metadata.controller_id < 0 else metadata.controller_id
        return controller, reading.brokers(metadata, None)

    # --- the rounds -----------------------------------------------------------------------------

    def _first(self, more: list[Any]) -> tuple[ClusterView, list[Any]]:
        """The view without configurations, and the answers to ``more``."""
        kraft = self._kraft()
        requests = [messages.metadata_request(), messages.cluster_request(), *more]
        # the quorum comes last: the broker may wait for a controller, and answers go in order
        requests += [messages.quorum_request()] if kraft else []
        metadata, cluster, *others = self._ask(self._address, requests)
        self._must(metadata)
        errors: dict[str, str] = {}
        cluster = self._readable(cluster, "brokers", errors)
        quorum = None
        if kraft:
            answer = self._readable(others.pop(), "quorum", errors)
            quorum = reading.quorum(answer, errors) if answer is not None else None
        controller = quorum.leader if quorum else None
        if not kraft:
            controller = None if metadata.controller_id < 0 else metadata.controller_id
        view = ClusterView(
            cluster_id=metadata.cluster_id or "",
            controller=controller,
            brokers=reading.brokers(metadata, cluster),
            topics=reading.topics(metadata, errors),
            quorum=quorum,
            errors=errors,
            level=self._pool.versions(self._address, self._deadline).level,
        )
        return view, others

    def _second(self, view: ClusterView, plan: Questions, findings: Findings) -> None:
        """Asks all living brokers side by side, and puts what they say into ``findings``."""
        addresses: dict[Whom, Address] = {b.id: (b.host, b.port) for b in view.brokers}
        addresses[AT_HAND] = self._address
        addresses |= {whom: whom for whom in plan if isinstance(whom, tuple)}
        jobs = {id: partial(self._ask, addresses[id], [r for _, r in plan[id]]) for id in plan}
        for id, answers in self._pool.side_by_side(jobs, self._deadline).items():
            failed = answers if isinstance(answers, Exception) else None
            given = [failed] * len(plan[id]) if isinstance(answers, Exception) else answers
            for (subject, _), answer in zip(plan[id], given, strict=True):
                self._file(id, subject, answer, findings)

    def _of_brokers(self, view: ClusterView, log_dirs: bool) -> Questions:
        """What each living broker is asked about itself."""
        subject = "log-dirs" if log_dirs else "log-dir-states"
        return {
            id: [
                ("config", messages.configs_request(BROKER, [str(id)], synonyms=True)),
                (subject, messages.log_dirs_request(sizes=log_dirs)),
            ]
            for id in sorted(view.alive)
        }

    def _questions(
        self,
        view: ClusterView,
        first: Questions,
        asks: Sequence[Ask],
        of_topics: Collection[str] | None,
    ) -> Questions:
        """``first``, then the topics' configurations, then what kinds ask."""
        plan: Questions = defaultdict(list, first)
        here = self._here(view)
        names = [t.name for t in view.topics if of_topics is None or t.name in of_topics]
        for some in chunks(names, TOPICS_A_REQUEST):
            ask = messages.configs_request(TOPIC, some, synonyms=False)
            plan[here].append((("topics", some), ask))
        for to, items in self._of_kinds(view, asks).items():
            plan[to] += items
        return plan

    def _of_kinds(self, view: ClusterView, asks: Sequence[Ask]) -> Questions:
        """The questions of kinds."""
        plan: Questions = defaultdict(list)
        here = self._here(view)
        for each in asks:
            to: Whom = here
            # With KRaft any broker passes it on, and the controller is not for us to reach.
            led = each.to == CONTROLLER and view.quorum is None and view.controller in view.alive
            if led and view.controller is not None:
                to = view.controller
            elif isinstance(each.to, int | tuple):
                to = each.to
            plan[to].append((each, messages.admin_request(each.message_at(time.time()))))
        return plan

    def _here(self, view: ClusterView) -> int:
        """The broker at hand, by its id where it is known."""
        ids = [b.id for b in view.brokers if (b.host, b.port) == self._address]
        return ids[0] if ids else AT_HAND

    def _file(self, broker: Whom, subject: Any, answer: Any, findings: Findings) -> None:
        """Puts one answer of the second round where it belongs."""
        errors = findings.errors
        if isinstance(subject, Ask):
            self._file_answer(subject, answer, findings)
        elif isinstance(subject, tuple):
            if self._readable(answer, None, errors) is None:
                text = reason(answer, self._deadline.seconds)
                errors.update({f"topic-{topic}": text for topic in subject[1]})
            else:
                found = reading.configs(answer, "topic-", errors, reading.of_topic)
                findings.topics.update(found)
        elif self._readable(answer, f"broker-{broker}", errors) is None:
            return
        elif subject == "config":
            found = reading.configs(answer, "broker-", errors)
            findings.brokers.update({int(id): config for id, config in found.items()})
        elif why := reading.no_log_dirs(answer):
            errors[f"log-dirs-{broker}"] = why
        else:
            dirs = reading.log_dirs(answer)
            assert isinstance(broker, int)  # nobody else is asked for them
            findings.disks[broker] = reading.disks(answer)
            findings.offline[broker] = tuple(d.path for d in dirs if d.error == OFFLINE)
            if subject == "log-dirs":
                findings.log_dirs[broker] = dirs

    def _file_answer(self, ask: Ask, answer: Any, findings: Findings) -> None:
        if self._readable(answer, ask.what, findings.errors) is None:
            return
        for item in ask.message.items(answer):
            if item.error_code:
                said = getattr(item, "error_message", None)
                text = reading.refusal(ask.message.api, item.error_code, said)
                findings.errors[ask.what] = text
                return
        findings.answers[ask] = ask.read(answer)

    # --- helpers --------------------------------------------------------------------------------

    def _kraft(self) -> bool:
        return self._pool.versions(self._address, self._deadline).knows(messages.QUORUM)

    def _ask(self, address: Address, requests: list[Any]) -> list[Any]:
        """Answers in order. What a controller must answer comes last, and gets less time."""
        last = requests[-1].API_KEY if requests else None
        limit = None
        if last in messages.BY_CONTROLLER:
            limit = min(CONTROLLER_SECONDS, self._deadline.seconds / 3)
        return self._pool.ask(address, requests, self._deadline, last_seconds=limit)

    def _must(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _readable(self, answer: Any, what: str | None, errors: dict[str, str]) -> Any:
        """The answer, or None with its reason in ``errors[what]``."""
        if not isinstance(answer, Exception):
            return answer
        if what is not None:
            errors[what] = reason(answer, self._deadline.seconds)
        return None

    def _cluster_config(self, answer: Any, errors: dict[str, str]) -> dict[str, str | None]:
        if self._readable(answer, "cluster-config", errors) is None:
            return {}
        refused: dict[str, str] = {}
        found = reading.configs(answer, "", refused).get("", {})
        if "" in refused:
            errors["cluster-config"] = refused[""]
        return {key: entry.value for key, entry in found.items()}
