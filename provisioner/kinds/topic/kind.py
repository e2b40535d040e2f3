"""The kind ``topic``, without where its replicas are (``placement``).

Values of the configuration are compared by what they mean (``values.py``); what would destroy data
is judged in ``deletes.py`` and ``cuts.py``, with what ``questions.py`` asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView, TopicView
from provisioner.kafka.requests.configs import AlterTopicConfig
from provisioner.kafka.requests.request import Ask
from provisioner.kafka.requests.topics import (
    CreatePartitions,
    CreateTopic,
    DeleteTopic,
    by_name,
    not_listed,
)
from provisioner.kinds.ids import topic_id
from provisioner.kinds.kind import (
    Difference,
    Facts,
    Kind,
    Question,
    Seen,
    Verdict,
    as_changed,
    as_observed,
)
from provisioner.kinds.made_from import topic_made
from provisioner.kinds.topic import cuts, deletes, leftovers
from provisioner.kinds.topic.assignment import accepting, assigned
from provisioner.kinds.topic.questions import questions
from provisioner.kinds.topic.values import THROTTLES, comparable
from provisioner.kinds.topic.warnings import warnings
from provisioner.plan.diff import change
from provisioner.plan.model import (
    Absent,
    Await,
    Call,
    Change,
    Deferred,
    Gone,
    Id,
    Layer,
    Observation,
    Observed,
    Present,
    Refused,
    State,
    Step,
    Unknown,
    Unmanaged,
)
from provisioner.spec import properties
from provisioner.spec.types import Spec

SHAPE = ("partitions", "replication")
PATIENCE = 60.0
MIN_ISR = "min.insync.replicas"


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    wanted: dict[Id, State] = {
        topic_id(topic.name): State(
            {
                "partitions": topic.partitions,
                "replication": topic.replication,
                **comparable(topic.config, spec.version),
            },
            closed=spec.policy.unmanaged_config == "delete",
            args={
                "placement": topic.placement,
                "accepting": accepting(spec),
                "secrets": topic.secrets,
            },
        )
        for topic in spec.topics
    }
    return wanted | {topic_id(name): Gone() for name in spec.absent_topics}


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    """Every topic in Kafka; one of the spec that Kafka does not have is absent."""
    hidden = {topic.name: topic.secrets for topic in spec.topics if topic.secrets}
    seen: dict[Id, Observation] = {topic_id(name): Absent() for name in _names(spec)}
    seen |= {topic_id(name): Unknown(why) for name, why in not_listed(view, _names(spec)).items()}
    for what, why in view.errors.items():
        if what.startswith("topic-"):
            # What could not be read of it is not known, which is not the same as being absent.
            seen[topic_id(what.removeprefix("topic-"))] = Unknown(why)
    for topic in view.topics:
        if f"topic-{topic.name}" in view.errors:
            continue
        referred = hidden.get(topic.name, ())
        config = {k: v for k, v in topic.config.items() if k not in referred}
        fields = {
            "partitions": len(topic.partitions),
            "replication": topic.replication,
            **comparable(config, spec.version),
        }
        whole = all(
            p.leader is not None and len(p.isr) == len(p.replicas) for p in topic.partitions
        )
        volatile = {
            "whole": whole and bool(topic.partitions),
            "internal": topic.internal,
            "id": topic.id,
            "config": tuple(sorted(set(config) - THROTTLES)),
            "secrets": topic.secrets,
            "refused": _refused(topic, spec),
        }
        seen[topic_id(topic.name)] = Present(fields, volatile=volatile)
    return seen


def _refused(topic: TopicView, spec: Spec) -> tuple[tuple[str, str], ...]:
    """(key, why) of overrides that the version of the spec does not take. What was there before
    this tool came stays."""
    if spec.adopted:
        return ()
    return tuple(properties.not_taken("topic", topic.config, spec.version))


def _names(spec: Spec) -> list[str]:
    return [*(topic.name for topic in spec.topics), *spec.absent_topics]


def asks_more(view: ClusterView, spec: Spec) -> Sequence[Ask]:
    """The spec's topics that are not listed, by name; and what is in topics that are to be deleted,
    or to keep less."""
    missing = by_name(view, _names(spec))
    return [*([missing] if missing else ()), *_of_losses(view, spec)]


def _of_losses(view: ClusterView, spec: Spec) -> Sequence[Ask]:
    aged = {name: cut.ms for name, cut in cuts.cuts_of(view, spec).items()}
    gone = set(spec.absent_topics)
    if spec.policy.unmanaged_topics == "delete":
        gone |= {id.name for id in deletes.unwanted(spec, of_cluster(spec), read(view, spec))}
    doomed = [topic for topic in view.topics if topic.name in gone]
    return questions(view, doomed, aged) if doomed or aged else ()


def guard(question: Question) -> Sequence[Verdict]:
    return [*deletes.verdicts(question), *cuts.verdicts(question)]


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """Never fewer partitions. Where replicas are is another kind's; a higher minimum of
    in-sync ones waits for them."""
    few = _too_few(state) or _secret(state, observation)
    if not isinstance(observation, Present):
        return (True, Refused(id, few)) if few else (False, None)
    fields = [name for name in fields if name != "replication"]
    if observation.volatile.get("refused"):
        return True, leftovers.removal(id, state, observation, fields)
    waits = [name for name in fields if name == MIN_ISR and _is_early(state, observation)]
    fields = [name for name in fields if name not in waits]
    why = f"{MIN_ISR} once it has its replicas"
    later = [Deferred(id, why, "update", foreseen=True)] if waits else []
    refused = [
        Refused(id, reason, None, change(id, state, observation, [name]))
        for name, reason in _impossible(state, observation, fields)
    ]
    shape = {name for item in refused if item.change for name in item.change.fields}
    rest = [name for name in fields if name not in shape]
    now = [replace(change(id, state, observation, rest), more=bool(later))] if rest else []
    if secret := _secret(state, observation):
        refused.append(Refused(id, secret))
    return True, (*refused, *now, *later)


def _secret(state: State, observation: Observation) -> str:
    """Which secret overrides are not set; their values cannot be followed yet."""
    there = observation.volatile.get("secrets", ()) if isinstance(observation, Present) else ()
    missing = [key for key in state.args.get("secrets", ()) if key not in there]
    if not missing:
        return ""
    return f"{', '.join(missing)} is not set, and secret values cannot be set yet"


def _is_early(state: State, seen: Present) -> bool:
    """Whether producers with acks=all would stall until the topic has more replicas."""
    wanted = str(state.fields.get(MIN_ISR) or "")
    return (
        wanted.isdecimal()
        and int(wanted) > seen.fields["replication"] < state.fields["replication"]
    )


def _too_few(state: State) -> str:
    """Why there is no room for its replicas while brokers are held or cordoned."""
    brokers, replication = state.args.get("accepting"), state.fields["replication"]
    if brokers is not None and len(brokers) < replication:
        return f"it needs {replication} brokers, and {len(brokers)} are neither held nor cordoned"
    return ""


def _impossible(state: State, seen: Present, fields: Sequence[str]) -> list[tuple[str, str]]:
    """(field, why) of differences that cannot be repaired."""
    found = []
    have, want = seen.fields, state.fields
    if "partitions" in fields and have["partitions"] > want["partitions"]:
        found.append(
            (
                "partitions",
                f"it has {have['partitions']} partitions and Kafka cannot remove any; set "
                f"partitions: {have['partitions']} in the spec, or delete the topic by hand",
            )
        )
    elif "partitions" in fields and (few := _too_few(state)):
        found.append(("partitions", few))
    return found


def find(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> Sequence[Unmanaged]:
    """Topics of the spec's scope, and overrides on managed topics, that are not in the spec. Those
    that the policy deletes are no longer among them, and what it then leaves is protected."""
    found: list[Unmanaged] = []
    for id, seen in sorted(observed.items()):
        if id.kind != "topic" or not isinstance(seen, Present) or not spec.manages(id.name):
            continue
        if isinstance(desired.get(id), Gone):
            continue
        if id not in desired:
            ours = seen.volatile["internal"] or id.name.startswith("__")
            if spec.policy.unmanaged_topics == "report" and not ours:
                found.append(Unmanaged(id))
            continue
        known = {*desired[id].fields, *(key for key, _ in seen.volatile.get("refused", ()))}
        extra = tuple(k for k in seen.volatile["config"] if k not in known)
        if extra and spec.policy.unmanaged_config == "report":
            found.append(Unmanaged(id, extra))
    return found


def basis(id: Id, state: State, fields: Sequence[str] | None, seen: Seen) -> Facts:
    """Of one that goes, that it is the same."""
    if isinstance(state, Gone) and fields is not None:
        return {**as_observed(id, state, (), seen), **topic_made(id.name, seen)}
    return {**as_observed(id, state, fields, seen), **topic_made(id.name, seen)}


def aim(change: Change | None, state: State, observation: Observation | None) -> object:
    if change is not None and isinstance(state, Gone):
        return {"action": change.action}
    return as_changed(change, state, observation)


def settled(state: State, observation: Observation) -> bool:
    """Every partition has a leader and its full ISR; what should be gone is."""
    if isinstance(state, Gone):
        return isinstance(observation, Absent)
    return isinstance(observation, Present) and bool(observation.volatile["whole"])


def steps(change: Change, state: State) -> Sequence[Step]:
    name = change.id.name
    wait = Await(change.id, PATIENCE)
    if change.action == "delete":
        return [Call(DeleteTopic(name, str((change.before or {})["topic_id"]))), wait]
    config = {k: str(v) for k, v in state.fields.items() if k not in SHAPE}
    brokers, shape = state.args.get("accepting"), {n: state.fields[n] for n in SHAPE}
    if change.action == "create":
        where = state.args.get("placement") or (assigned(brokers, **shape) if brokers else ())
        return [Call(CreateTopic(name, **shape, config=config, assignments=where)), wait]
    chain: list[Step] = []
    if "partitions" in change.fields:
        first = int((change.before or {}).get("partitions") or 0)
        where = assigned(brokers, **shape, first=first) if brokers else ()
        chain.append(Call(CreatePartitions(name, state.fields["partitions"], where)))
    values = {key: config[key] for key in change.fields if key in config}
    dropped = [k for k in change.fields if k not in config and k not in SHAPE]
    if values or dropped:
        chain.append(Call(AlterTopicConfig(name, values, dropped)))
    return [*chain, wait]


KIND = Kind(
    "topic",
    Layer.CLUSTER,
    rank=8,
    of_cluster=of_cluster,
    read=read,
    asks_more=asks_more,
    listed=True,
    of_topics=lambda id: (id.name,),
    judge=judge,
    unwanted=deletes.unwanted,
    guard=guard,
    basis=basis,
    aim=aim,
    find=find,
    warnings=warnings,
    settled=settled,
    awaiting=lambda id: f"topic {id.name} to be as the spec says and in sync",
    steps=steps,
)
