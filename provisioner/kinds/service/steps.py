"""How a process is started, stopped and repaired: steps as data."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.plan.model import PRIVILEGED, Await, Change, Id, Run, State, Step
from provisioner.spec.types import Supervisor

STOP_SECONDS = 120
SYSTEMD_STOP_SECONDS = 330
TOGETHER_SECONDS = 45
START_PATIENCE = 60.0


def stop_steps(id: Id, state: State, *, everything: bool = False) -> list[Step]:
    """By systemd where it supervises; then any other process of this node. ``everything``: the
    whole cluster stops, so the last nodes of a quorum have nobody to hand over to and would wait
    for minutes; they are killed after a while (log recovery follows at the next start)."""
    args = state.args
    seconds = TOGETHER_SECONDS if everything else STOP_SECONDS
    words = (str(seconds), *_whose(id, state))
    user = str(args["user"])
    plain = Run("service/stop", words, user, seconds=STOP_SECONDS + 30, phase="stop")
    if args["supervisor"] != Supervisor.SYSTEMD.value:
        return [plain]
    verb = "stop-all" if everything else "stop"
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
        named = ("start", str(args["unit"]))
        return Run(
            "service/systemd", named, PRIVILEGED, seconds=120, separate_exec=True, phase="start"
        )
    launcher = ("kafka" if args["role"] != "zookeeper" else "zookeeper") + "-server-start.sh"
    words = (str(args["home"]), launcher, str(args["properties"]), str(args["out"]))
    return Run("service/start", words, str(args["user"]), separate_exec=True, phase="start")


def mend_steps(change: Change, state: State) -> list[Step]:
    """Enablement and drop-ins, where they differ."""
    if state.args["supervisor"] != Supervisor.SYSTEMD.value:
        return []
    strangers = tuple((change.before or {}).get("drop_ins") or ())
    if not strangers and "enabled" not in change.fields:
        return []
    return [Run("service/systemd", ("mend", str(state.args["unit"]), *strangers), PRIVILEGED, 60)]


def steps(change: Change, state: State) -> Sequence[Step]:
    args = state.args
    if change.action == "stop":
        return [
            tell_step(change.id, state),
            *stop_steps(change.id, state, everything=change.effect == "offline"),
        ]
    chain = mend_steps(change, state)
    if change.action == "update":
        return chain
    if change.action == "restart":
        chain += stop_steps(change.id, state)
    chain += [start_step(state), Await(change.id, START_PATIENCE)]
    if args["broker"] is not None:
        chain.append(Await(Id("", "broker", str(args["broker"])), START_PATIENCE))
    record = (str(args["manifest"]), str(args["role"]), *args["log_dirs"])
    chain.append(Run("storage/record", record, str(args["state_owner"])))
    return chain
