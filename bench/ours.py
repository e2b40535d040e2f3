"""The same clusters by this tool: a spec and an inventory for machines of a world."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.clock import Cost, run
from bench.peers.files import VERSIONS
from bench.places import provision
from tests.hosts.machine import Machine

HEAD = """cluster: {kind}
inventory: {kind}-inventory.yaml
kafka: {{version: "{version}", home: /opt/kafka, supervisor: systemd}}
defaults:
  heap: 256m{options}
  config: {{log.retention.hours: {retention}, queued.max.requests: {queued}}}
"""
LAB_FLAGS = '["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]'
TOPICS = """topics:
  atu: {partitions: 1, replication: 1}
  purchases: {partitions: 3, replication: 3}
"""


@dataclass
class Ours:
    """``lab`` on one machine or ``kraft`` on three, with systemd, as the peers make it."""

    kind: str
    machines: Sequence[Machine]
    folder: Path
    lab_flags: bool = False  # Java's options of specs/lab.yaml; the peers have Kafka's own

    @property
    def spec(self) -> Path:
        return self.folder / f"{self.kind}.yaml"

    def write(self, retention: int = 168, queued: int = 500) -> None:
        targets = {m.name: (m.address, m.known_hosts) for m in self.machines}
        text = inventory(targets, self.machines[0].key)
        (self.folder / f"{self.kind}-inventory.yaml").write_text(text)
        nodes = self._lab() if self.kind == "lab" else self._kraft()
        head = HEAD.format(
            kind=self.kind,
            version=VERSIONS[self.kind],
            retention=retention,
            queued=queued,
            options=f"\n  jvm_opts: {LAB_FLAGS}" if self.lab_flags else "",
        )
        self.spec.write_text(head + nodes + TOPICS)

    def _lab(self) -> str:
        host = self.machines[0].name
        lines = [
            "zookeeper:",
            f"  - {{id: 1, host: {host}, client_port: 2181, data_dir: /var/lib/kafka/zookeeper}}",
            "brokers:",
        ]
        for number in range(3):
            listener = f"PLAINTEXT://{self.machines[0].address}:{9092 + number}"
            lines.append(
                f"  - {{id: {number}, host: {host}, listeners: ['{listener}'], "
                f"log_dirs: [/var/lib/kafka/logs-{number}]}}"
            )
        return "\n".join(lines) + "\n"

    def _kraft(self) -> str:
        numbered = list(enumerate(self.machines, 1))
        lines = ["controllers:"]
        lines += [f"  - {{id: {n}, host: {m.name}, port: 9093}}" for n, m in numbered]
        lines += ["brokers:"]
        lines += [
            f"  - {{id: {n}, host: {m.name}, listeners: ['PLAINTEXT://:9092'], "
            f"log_dirs: [/var/lib/kafka/data]}}"
            for n, m in numbered
        ]
        return "\n".join(lines) + "\n"

    def run(self, verb: str) -> Cost:
        return run(provision(verb, str(self.spec)))

    def up(self) -> Cost:
        self.write()
        return self.run("apply")


def inventory(targets: Mapping[str, tuple[str, Path]], key: Path, **more: str) -> str:
    """Ansible's YAML (JSON is YAML): name → address and known_hosts, all in group ``kafka``."""
    hosts = {
        name: {
            "ansible_host": address,
            "kafka_address": address,
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={known_hosts}",
            **more,
        }
        for name, (address, known_hosts) in targets.items()
    }
    common = {
        "ansible_user": "deploy",
        "ansible_become": True,
        "ansible_ssh_private_key_file": str(key),
    }
    return json.dumps({"all": {"vars": common, "children": {"kafka": {"hosts": hosts}}}}, indent=1)
