"""Ansible and pyinfra as commands: the same hosts, logins and files for both."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.clock import Cost, run
from bench.peers import files
from bench.places import HERE, cache
from tests.hosts.machine import Machine

PYINFRA = "pyinfra>=3.10,<3.11"
USER = "deploy"


def ensure_pyinfra() -> Path:
    """pyinfra in an environment of its own, made once; Ansible is in the project's."""
    folder = cache() / "pyinfra"
    program = folder / "bin/pyinfra"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", PYINFRA], check=True)
    return program


@dataclass
class Peers:
    """Both tools for one cluster: ``lab`` on one machine or ``kraft`` on three."""

    kind: str
    machines: Sequence[Machine]
    folder: Path

    def __post_init__(self) -> None:
        known = "".join(machine.known_hosts.read_text() for machine in self.machines)
        self._known_hosts = self.folder / f"known_hosts-{self.kind}"
        self._known_hosts.write_text(known)
        self._key = str(self.machines[0].key)
        self._files = str(files.ensure())

    def ansible(self, *words: str, play: str = "") -> Cost:
        """A play of its own folder for connections and such: nothing is left for the next run."""
        with tempfile.TemporaryDirectory(prefix="bench-ansible-") as own:
            inventory = Path(own) / "hosts.ini"
            inventory.write_text(self._inventory())
            place = HERE / "peers/ansible"
            env = {
                "ANSIBLE_CONFIG": str(place / "ansible.cfg"),
                "ANSIBLE_LOCAL_TEMP": f"{own}/tmp",
                "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{own}/cp",
                "ANSIBLE_HOME": f"{own}/home",
                "NO_COLOR": "1",
            }
            program = Path(sys.executable).parent / "ansible-playbook"
            playbook = place / f"{play or self.kind}.yml"
            extra = ["-e", f"files={self._files}"]
            return run([str(program), "-i", str(inventory), *extra, *words, str(playbook)], env=env)

    def _inventory(self) -> str:
        voters = ",".join(f"{n}@{m.address}:9093" for n, m in enumerate(self.machines, 1))
        hosts = [
            f"{m.name} ansible_host={m.address} node_id={n}" for n, m in enumerate(self.machines, 1)
        ]
        lines = [
            f"[{self.kind}]",
            *hosts,
            "[all:vars]",
            f"ansible_user={USER}",
            f"ansible_ssh_private_key_file={self._key}",
            f"ansible_ssh_common_args='-o UserKnownHostsFile={self._known_hosts}'",
            f"voters='{voters}'",
        ]
        return "\n".join(lines) + "\n"

    def pyinfra(self, retention: int = 168) -> Cost:
        place = HERE / "peers/pyinfra"
        env = {
            "PEER_FILES": self._files,
            "PEER_TEMPLATES": str(HERE / "peers/templates"),
            "LOG_RETENTION_HOURS": str(retention),
            "NO_COLOR": "1",
        }
        hosts = ",".join(machine.address for machine in self.machines)
        words = [str(ensure_pyinfra()), hosts, f"{self.kind}.py", "-y", "--sudo", "--user", USER]
        words += ["--key", self._key, "--data", f"ssh_known_hosts_file={self._known_hosts}"]
        return run([*words, "--data", "ssh_strict_host_key_checking=yes"], env=env, cwd=place)
