"""One observation of a cluster in three rounds of requests, however many topics it has.

1. the broker at hand: metadata, registered brokers, cluster-wide settings, quorum;
2. side by side: each broker its own configuration (no other broker knows it), the broker at hand
   topics' configurations in chunks (another one may lag behind in what it knows of topics), and
   what kinds ask.
Opening the connections is the round before each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from provisioner.kafka import messages, reading
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import Address, BrokerView, ClusterView, ConfigEntry
from provisioner.kafka.requests.configs import BROKER, TOPIC
from provisioner.kafka.requests.request import CONTROLLER, Ask
from provisioner.kafka.wire import Pool, chunks, reason

TOPICS_A_REQUEST = 500
"""Topics whose configuration is asked in one request (about 1 MB of answer)."""

CONTROLLER_SECONDS = 3.0
"""Limit for what a broker passes on to a controller: it waits long for one that is away.

Never more than a third of all the time, so that the rest can still be asked.
"""

OFFLINE = "KAFKA_STORAGE_ERROR"
"""Kafka's name for the error of a log dir that it has given up."""

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
    answers: dict[Ask, Any] = field(default_factory=dict)


class Survey:
    """Asks one broker first (``address``), then all it names. OSError when that one is away."""

    def __init__(self, pool: Pool, address: Address, deadline: Deadline):
        self._pool = pool
        self._address = address
        self._deadline = deadline

    def liveness(self) -> ClusterView:
        """Brokers, partitions, controller; no configuration."""
        return self._first([])[0]

    def everything(self, log_dirs: bool, asks: Sequence[Ask] = ()) -> ClusterView:
        """All of ``ClusterView``."""
        cluster_defaults = messages.configs_request(BROKER, [""], synonyms=True)
        view, (defaults,) = self._first([cluster_defaults])
        findings = Findings(dict(view.errors))
        config = self._cluster_config(defaults, findings.errors)
        self._second(view, self._questions(view, log_dirs, asks), findings)
        topics = tuple(
            reading.with_config(topic, findings.topics.get(topic.name, {})) for topic in view.topics
        )
        return replace(
            view,
            topics=topics,
            broker_configs=findings.brokers,
            cluster_config=config,
            log_dirs=findings.log_dirs,
            offline_log_dirs=findings.offline,
            errors=findings.errors,
            answers=findings.answers,
        )

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
        )
        return view, others

    def _second(
        self, view: ClusterView, plan: Mapping[int, list[tuple[Any, Any]]], findings: Findings
    ) -> None:
        """Asks all living brokers side by side, and puts what they say into ``findings``."""
        addresses = {broker.id: (broker.host, broker.port) for broker in view.brokers}
        addresses[AT_HAND] = self._address
        jobs = {id: partial(self._ask, addresses[id], [r for _, r in plan[id]]) for id in plan}
        for id, answers in self._pool.side_by_side(jobs, self._deadline).items():
            failed = answers if isinstance(answers, Exception) else None
            given = [failed] * len(plan[id]) if isinstance(answers, Exception) else answers
            for (subject, _), answer in zip(plan[id], given, strict=True):
                self._file(id, subject, answer, findings)

    def _questions(
        self, view: ClusterView, log_dirs: bool, asks: Sequence[Ask]
    ) -> dict[int, list[tuple[Any, Any]]]:
        """{broker: [(what is asked, request)]}."""
        plan: dict[int, list[tuple[Any, Any]]] = defaultdict(list)
        alive = sorted(view.alive)
        for id in alive:
            ask = messages.configs_request(BROKER, [str(id)], synonyms=True)
            plan[id].append(("config", ask))
            subject = "log-dirs" if log_dirs else "log-dir-states"
            plan[id].append((subject, messages.log_dirs_request(sizes=log_dirs)))
        here = [b.id for b in view.brokers if (b.host, b.port) == self._address] or [AT_HAND]
        for some in chunks((topic.name for topic in view.topics), TOPICS_A_REQUEST):
            ask = messages.configs_request(TOPIC, some, synonyms=False)
            plan[here[0]].append((("topics", some), ask))
        for each in asks:
            # With KRaft any broker passes it on, and the controller is not for us to reach.
            led = each.to == CONTROLLER and view.quorum is None and view.controller in alive
            to = view.controller if led and view.controller is not None else here[0]
            plan[to].append((each, messages.admin_request(each.message)))
        return plan

    def _file(self, broker: int, subject: Any, answer: Any, findings: Findings) -> None:
        """Puts one answer of the second round where it belongs."""
        errors = findings.errors
        if isinstance(subject, Ask):
            self._file_answer(subject, answer, findings)
        elif isinstance(subject, tuple):
            if self._readable(answer, None, errors) is None:
                text = reason(answer, self._deadline.seconds)
                errors.update({f"topic-{topic}": text for topic in subject[1]})
            else:
                findings.topics.update(reading.configs(answer, "topic-", errors))
        elif self._readable(answer, f"broker-{broker}", errors) is None:
            return
        elif subject == "config":
            found = reading.configs(answer, "broker-", errors)
            findings.brokers.update({int(id): config for id, config in found.items()})
        else:
            dirs = reading.log_dirs(answer)
            findings.offline[broker] = tuple(d.path for d in dirs if d.error == OFFLINE)
            if subject == "log-dirs":
                findings.log_dirs[broker] = dirs

    def _file_answer(self, ask: Ask, answer: Any, findings: Findings) -> None:
        if self._readable(answer, ask.what, findings.errors) is None:
            return
        for item in ask.message.items(answer):
            if item.error_code:
                text = reading.refusal(item.error_code, getattr(item, "error_message", None))
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
