"""``apply --rebuild``: stops what runs on the spec's ports, files or dirs, and empties its data.

``--rebuild`` is the permission. Any other process on a port is named and refused before anything is
touched.
"""

from __future__ import annotations

from provisioner.errors import fail
from provisioner.hosts.actor import Batch, ShellStep
from provisioner.kinds.service.desired import ports
from provisioner.plan.model import PRIVILEGED, Event
from provisioner.run.session import Session
from provisioner.site.scripts import text_of

SECONDS = 30


def clear(run: Session) -> None:
    """Every host side by side: processes first, on all hosts, then data. Raises ProvisionError."""
    site = run.site
    if site.unreachable:
        names = ", ".join(sorted(site.unreachable))
        raise fail("unreachable", f"--rebuild needs every host; not reached: {names}")
    held = [f"{node.name} ({node.hold})" for node in site.spec.nodes if node.hold]
    if held:
        why = f"--rebuild stops and empties every node, and the spec holds {', '.join(held)}"
        raise fail("refused", why, "take the hold out of the spec first")
    site.side_by_side(lambda host: _stop(run, host))
    site.side_by_side(lambda host: _wipe(run, host))


def _stop(run: Session, host: str) -> None:
    places = run.site.places[host]
    wanted = " ".join(str(port) for node in places.nodes for port in ports(node))
    folders = "\n".join(d.path for node in places.nodes for d in node.log_dirs)
    files = "\n".join(node.properties for node in places.nodes)
    words = (str(SECONDS), wanted, folders, files)
    step = ShellStep(text_of("service/stop_foreign"), words, PRIVILEGED, SECONDS + 60)
    _act(run, host, [step], "rebuild: end processes")


def _wipe(run: Session, host: str) -> None:
    places = run.site.places[host]
    if not places.user_exists:
        return  # there is no user yet whose data this could be
    text = text_of("storage/wipe")
    steps = [
        ShellStep(
            text,
            (d.path, "", str(node.id), "yes", places.home, node.role.value),
            places.kafka_user,
            600,
        )
        for node in places.nodes
        for d in node.log_dirs
    ]
    kept = ShellStep(text_of("file/remove"), (places.cluster_id_file,), places.kafka_user)
    forget = ShellStep(text_of("storage/forget"), (places.manifest,), places.state_user)
    _act(run, host, [*steps, kept, forget], "rebuild: empty data dirs")


def _act(run: Session, host: str, steps: list[ShellStep], note: str) -> None:
    line = run.journal.line
    batch = Batch(
        steps=steps,
        intent=line("intent", 0, (), note),
        done=line("done", 0, (), note),
        broken=line("failed", 0, (), note),
    )
    outcome = run.actor(host).act(batch)
    if outcome.lost:
        raise fail("lock-lost", "another run took the lock", host=host)
    for text in outcome.texts:
        if text.strip() and outcome.failed is None:
            run.emit(Event("note", text.strip(), host))
    if outcome.failed is not None:
        text = outcome.texts[-1].strip()
        code = "port-taken" if "neither Kafka" in text else "step-failed"
        raise fail(code, text, "stop it by hand, or give the node another port", host=host)
    run.emit(Event("note", host=host, about="cleared", subject=note))
