"""Removes what the manifests of the hosts list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from provisioner.errors import Exit, fail
from provisioner.hosts.actor import Batch, Outcome, ShellStep
from provisioner.hosts.observer import Reading
from provisioner.hosts.transport import understood
from provisioner.kinds.ids import storage_id
from provisioner.plan.model import Change, Event, Observed, Present
from provisioner.plan.rules import ALL
from provisioner.run.removal import Entry, changes, entries, removals
from provisioner.run.session import Session
from provisioner.site.scripts import text_of
from provisioner.site.site import Site
from provisioner.spec.types import Node, Role


def owned(site: Site, host: str) -> list[Entry]:
    """The entries of a host's manifest, in its order. Raises ``step-failed``."""
    places = site.places[host]
    reading = Reading(text_of("directory/manifest"), (places.manifest,), places.state_user)
    frame = site.observer(host).read([reading])[0]
    if frame is None or frame.status != 0:
        raise fail("step-failed", f"{places.manifest} cannot be read", host=host)
    with understood(host):
        return entries(frame.text)


@dataclass(frozen=True)
class Remover:
    """Removes what the manifests list, one host after another."""

    run: Session
    cluster: str
    seen: Observed

    @property
    def site(self) -> Site:
        return self.run.site

    def remove(self, host: str) -> list[str]:
        """Returns the log dirs that stay. Raises ProvisionError, TransportError."""
        places = self.site.places[host]
        ours = owned(self.site, host)
        if not places.user_exists:
            stays = Event("note", str(places.user), host, about="home-stays", subject=places.home)
            self.run.emit(stays)
        made = {name for kind, name in ours if kind == "directory"}
        kept = [p for node in places.known for p in self._wipe(host, node, made)]
        planned = removals(places, ours, kept)
        if not planned:
            return kept
        gone = changes(host, ours, planned)
        text = text_of("directory/destroy")
        steps = [
            ShellStep(text, (places.state, step.what, *step.names), step.user, 120)
            for step in planned
        ]
        # Without kept data the manifest itself goes; what stays all the same is not taken off it.
        disown = tuple(f"{c.id.kind}\t{c.id.name}" for c in gone) if kept else ()
        outcome = self._act(host, steps, gone, disown)
        if outcome.failed is not None:
            error = fail("step-failed", outcome.texts[-1].strip(), "run it again", host=host)
            error.exit_code = Exit.NO
            raise error
        for said in outcome.texts:
            for line in said.splitlines():
                self.run.emit(Event("note", line, host))
        return kept

    def _act(
        self,
        host: str,
        steps: list[ShellStep],
        gone: Sequence[Change],
        disown: tuple[str, ...] = (),
    ) -> Outcome:
        """One exec, and the journal's lines before and after it. Raises ``lock-lost``."""
        intent, done, broken = (
            self.run.journal.line(word, 0, gone) for word in ("intent", "done", "failed")
        )
        unit = Batch(steps=steps, disown=disown, intent=intent, done=done, broken=broken)
        outcome = self.run.actor(host).act(unit)
        if outcome.lost:
            error = fail("lock-lost", "another run took the lock", host=host)
            error.exit_code = Exit.NO
            raise error
        return outcome

    def _wipe(self, host: str, node: Node, made: Collection[str]) -> list[str]:
        """Empties the data folders of a node that may be emptied; returns those that stay: folders
        that we made, and existing disks with this node's data.

        The data itself says which node it belongs to; ZooKeeper's says little, so a ZooKeeper
        folder that we did not make must be named.
        """
        places = self.site.places[host]
        allow = self.site.options.allow.get("wipe-log-dir")
        kept = []
        for log_dir in node.log_dirs if places.user_exists else ():
            path = log_dir.path
            named = bool(allow) and path in (allow or ())
            own = node.role is not Role.ZOOKEEPER and not places.preinstalled
            told = path in made or own
            every = not allow or ALL in allow
            if allow is None or not (named or (every and told)):
                kept += [path] if path in made or self._stays(host, path) else []
                continue
            role = node.role.value
            named_word = "yes" if named else ""
            words = (path, self.cluster, str(node.id), named_word, places.home, role)
            step = ShellStep(text_of("storage/wipe"), words, places.kafka_user, 600)
            gone = Change(storage_id(host, path), "delete", None, None)
            outcome = self._act(host, [step], [gone])
            if outcome.failed is not None:
                self.run.emit(Event("note", outcome.texts[-1].strip(), host))
                kept += [path] if path in made or self._stays(host, path) else []
        return kept

    def _stays(self, host: str, path: str) -> bool:
        """Whether the folder itself says that it belongs to this cluster. Of a Kafka that was there
        before, what was adopted is none that would have to go."""
        if self.site.spec.preinstalled:
            return False
        found = self.seen.get(storage_id(host, path))
        if not isinstance(found, Present) or not found.fields["data"]:
            return False
        return bool(self.cluster) and found.fields["cluster_id"] == self.cluster
