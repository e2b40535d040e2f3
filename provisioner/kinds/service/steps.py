"""How a process is started, stopped and repaired: steps as data."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.kinds.ids import broker_id
from provisioner.kinds.layout import UNIT_STOP_SECONDS
from provisioner.kinds.service import migration, preinstalled
from provisioner.kinds.service.holds import step
from provisioner.plan.model import PRIVILEGED, Await, Change, Id, Run, State, Step
from provisioner.spec.types import Role, Supervisor

STOP_SECONDS = 330
"""Before a SIGKILL: a broker waits 300 s for its controlled shutdown, and then stops by itself."""
SYSTEMD_STOP_SECONDS = UNIT_STOP_SECONDS + 60
TOGETHER_SECONDS, WIPED_SECONDS = 45, 5
"""Where the whole cluster stops, and where its data goes with it: nothing is left to recover."""
START_PATIENCE = 600.0
"""Seconds in which nothing moves: no port is opened, no segment recovered."""


def stop_steps(
    id: Id, state: State, *, everything: bool = False, wiped: bool = False
) -> list[Step]:
    """By systemd where it supervises; then any other process of this node. ``everything``: the
    whole cluster stops, and it has nobody to hand over to, so it would wait for minutes; it is
    killed after a while (log recovery follows at the next start). ``wiped``: soon, for then its
    data goes."""
    args = state.args
    together = WIPED_SECONDS if wiped else TOGETHER_SECONDS
    seconds = together if everything else STOP_SECONDS
    words = (str(seconds), *_whose(id, state))
    user = str(args["user"])
    plain = Run("service/stop", words, user, seconds=STOP_SECONDS + 30, phase="stop")
    if args["supervisor"] != Supervisor.SYSTEMD.value:
        return [plain]
    verb = f"stop-all-{together}" if everything else "stop"
    named = (verb, str(args["unit"]))
    by = Run("service/systemd", named, PRIVILEGED, seconds=SYSTEMD_STOP_SECONDS, phase="stop")
    return [by, plain]


def tell_step(id: Id, state: State) -> Run:
    """Sends SIGTERM and does not wait."""
    args = state.args
    if args["supervisor"] == Supervisor.SYSTEMD.value:
        return Run("service/systemd", ("tell", str(args["unit"])), PRIVILEGED, phase="stop")
    return Run("service/terminate", _whose(id, state), str(args["user"]), phase="stop")


def _whose(id: Id, state: State) -> tuple[str, ...]:
    """How a process of this service is identified: its user, and its home and node name or its
    properties file."""
    args = state.args
    return (str(args["user"]), str(args["home"]), id.name, str(args["properties"]))


def start_step(state: State) -> Run:
    args = state.args
    if args["supervisor"] == Supervisor.SYSTEMD.value:
        # Whether a unit that was there starts at boot is for whoever made it to say.
        named = ("begin" if args.get("preinstalled") else "start", str(args["unit"]))
        return Run(
            "service/systemd", named, PRIVILEGED, seconds=120, separate_exec=True, phase="start"
        )
    if args.get("preinstalled"):
        return preinstalled.start_step(state)
    launcher = ("kafka" if args["role"] != "zookeeper" else "zookeeper") + "-server-start.sh"
    words = (str(args["home"]), launcher, str(args["properties"]), str(args["out"]))
    return Run("service/start", words, str(args["user"]), separate_exec=True, phase="start")


def mend_steps(change: Change, state: State) -> list[Step]:
    """Enablement and drop-ins, where they differ."""
    if state.args["supervisor"] != Supervisor.SYSTEMD.value or state.args.get("preinstalled"):
        return []
    strangers = tuple((change.before or {}).get("drop_ins") or ())
    if not strangers and "enabled" not in change.fields:
        return []
    return [Run("service/systemd", ("mend", str(state.args["unit"]), *strangers), PRIVILEGED, 60)]


def _is_left_alone(change: Change, state: State) -> bool:
    """Of those that stop together: the last nodes of a quorum, and a broker whose ZooKeeper or
    controllers are down already."""
    if change.effect != "offline":
        return False
    return state.args["role"] != Role.BROKER.value or (change.before or {}).get(LED) is False


LED = "coordinated"
"""Whether those run that a broker hands its leadership over to."""
WIPED = "wiped"
"""Whether its data goes once it is stopped."""


def steps(change: Change, state: State) -> Sequence[Step]:
    args = state.args
    if change.action == "stop":
        wiped = bool((change.before or {}).get(WIPED))
        alone = _is_left_alone(change, state)
        # That Kafka has noticed it is waited for where it is the end of a chain.
        chain_of = args["broker"] if change.more else None
        noticed = [] if chain_of is None else [Await(broker_id(int(chain_of)), START_PATIENCE)]
        return [
            tell_step(change.id, state),
            *stop_steps(change.id, state, everything=alone, wiped=wiped),
            *migration.after_stop(state),
            *noticed,
        ]
    if change.fields == ("hold",):
        return [step(change.id, change.after or {}, state)]
    if change.action == "update" and migration.FORMER in args:
        return migration.disabled(state)
    chain = mend_steps(change, state)
    if change.action == "update":
        return chain
    if change.action == "restart":
        # Those of one host that restart together shut down side by side.
        chain += [tell_step(change.id, state), *stop_steps(change.id, state)]
    chain += migration.before_start(state)
    chain += [start_step(state), Await(change.id, START_PATIENCE)]
    if args["broker"] is not None:
        chain.append(Await(broker_id(int(args["broker"])), START_PATIENCE))
    if args.get("preinstalled"):
        # What is noted is ours to wipe: not what was there before.
        return chain
    record = (str(args["manifest"]), str(args["role"]), *args["log_dirs"])
    chain.append(Run("storage/record", record, str(args["state_owner"])))
    return chain
