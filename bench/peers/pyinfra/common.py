"""What both deploys share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from pyinfra import host
from pyinfra.api import FactBase
from pyinfra.api.exceptions import OperationError
from pyinfra.facts.files import File
from pyinfra.operations import files, python, server

FILES = os.environ["PEER_FILES"]
TEMPLATES = os.environ["PEER_TEMPLATES"]
VALUES = {
    "log_retention_hours": int(os.environ.get("LOG_RETENTION_HOURS", "168")),
    "queued_max_requests": 500,
}
TOPICS = [("atu", 1, 1), ("purchases", 3, 3)]
TOOL = "JAVA_HOME=/opt/jre /opt/kafka/bin/kafka-topics.sh --bootstrap-server"


class KafkaTopics(FactBase):  # type: ignore[misc]
    """Topic → partitions, at the price of one JVM start."""

    def command(self, bootstrap: str) -> str:
        return f"{TOOL} {bootstrap} --describe 2>/dev/null || true"

    def process(self, output: Iterable[str]) -> dict[str, int]:
        lines = [line for line in output if "PartitionCount:" in line]
        rows = [dict(f.split(": ", 1) for f in x.split("\t") if ": " in f) for x in lines]
        return {row["Topic"].strip(): int(row["PartitionCount"]) for row in rows}


def base(version: str, folders: Sequence[str]) -> None:
    server.group(group="kafka", system=True)
    server.user(
        user="kafka",
        group="kafka",
        system=True,
        shell="/usr/sbin/nologin",
        home="/var/lib/kafka",
        ensure_home=False,
    )
    for folder in folders:
        files.directory(path=folder, user="kafka", group="kafka", mode="755")
    unpacked("jre-21", "/opt/jre-21/bin/java")
    unpacked(f"kafka-{version}", f"/opt/kafka-{version}/bin/kafka-topics.sh")
    files.link(path="/opt/jre", target="/opt/jre-21")
    files.link(path="/opt/kafka", target=f"/opt/kafka-{version}")


def unpacked(name: str, proof: str) -> None:
    if host.get_fact(File, path=proof):
        return
    there = f"/tmp/{name}.tar.gz"
    files.put(src=f"{FILES}/{name}.tar.gz", dest=there)
    command = f"tar -xzf {there} -C /opt --no-same-owner && rm {there}"
    server.shell(name=f"unpack {name}", commands=[command])


def properties(name: str, file: str, **values: Any) -> Any:
    return files.template(
        src=f"{TEMPLATES}/{name}.properties.j2",
        dest=f"/etc/kafka/{file}",
        user="root",
        group="kafka",
        mode="640",
        **VALUES,
        **values,
    )


def unit(name: str, service: str, **values: Any) -> Any:
    dest = f"/etc/systemd/system/{service}.service"
    return files.template(src=f"{TEMPLATES}/{name}.service.j2", dest=dest, mode="644", **values)


def wait_for(address: str, ports: str) -> None:
    server.shell(
        name="wait for the ports",
        commands=[
            f"for p in {ports}; do n=0; until (exec 3<>/dev/tcp/{address}/$p) 2>/dev/null; "
            "do n=$((n+1)); [ $n -lt 240 ] || exit 1; sleep .5; done; done"
        ],
        _shell_executable="bash",
    )


def topics(bootstrap: str) -> None:
    """Facts are gathered before any operation runs: this one is asked for while it runs."""

    def create() -> None:
        have = host.get_fact(KafkaTopics, bootstrap=bootstrap) or {}
        for name, partitions, replication in TOPICS:
            if have.get(name, partitions) != partitions:
                raise OperationError(f"topic {name} has {have[name]} partitions")
            if name not in have:
                command = (
                    f"{TOOL} {bootstrap} --create --if-not-exists --topic {name} "
                    f"--partitions {partitions} --replication-factor {replication}"
                )
                server.shell(name=f"create {name}", commands=[command], _retries=5, _retry_delay=2)

    python.call(name="topics", function=create)
