"""The systemd unit of a node: its user, limits, ordering, hardening that does not break Kafka."""

from __future__ import annotations

from provisioner.kinds.layout import UNIT_STOP_SECONDS, HostLayout
from provisioner.kinds.phases import MOVES, later
from provisioner.spec.types import Node, Role, Spec

OPEN_FILES = 100_000


def path(places: HostLayout, node: Node) -> str:
    return f"/etc/systemd/system/{places.unit(node)}"


def word(text: str) -> str:
    """One word of a unit's setting: quoted, with systemd's own specifiers disarmed."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if set(escaped) & set(" \t;'\"\\") else escaped


def command(text: str) -> str:
    """A word of ExecStart, where ``$`` begins a variable."""
    return word(text).replace("$", "$$")


def text(spec: Spec, places: HostLayout, node: Node) -> str:
    """The whole unit file."""
    what = {Role.ZOOKEEPER: "ZooKeeper server", Role.CONTROLLER: "Kafka controller"}
    start = "zookeeper-server-start.sh" if node.role is Role.ZOOKEEPER else "kafka-server-start.sh"
    after = ["network-online.target"]
    if node.role is Role.BROKER and not spec.is_kraft:
        # On one host ZooKeeper stops after the brokers, which cannot stop in order without it.
        after += [places.unit(z) for z in spec.zookeeper if z.host == node.host]
    writable = [f"{places.home}/logs", *(d.path for d in node.log_dirs)]
    lines = [
        "# made by provision; what is changed by hand is put back by the next apply",
        "[Unit]",
        f"Description=Apache {what.get(node.role, 'Kafka broker')} {node.id} of {spec.cluster}",
        "Wants=network-online.target",
        f"After={' '.join(after)}",
        "StartLimitIntervalSec=0",
        *_mounts(node),
        "",
        "[Service]",
        "Type=exec",
        f"User={places.user}",
        f"Group={places.group}",
        "UMask=0027",
        f"WorkingDirectory={places.home.replace('%', '%%')}",
        f"Environment=PROVISION_CONSOLE=WARN {word('PROVISION_HOME=' + places.home)}",
        f"ExecStart={command(places.home + '/bin/' + start)} {command(node.properties)}",
        "Restart=on-failure",
        "RestartSec=2",
        f"TimeoutStopSec={UNIT_STOP_SECONDS}",
        "SuccessExitStatus=143",
        f"LimitNOFILE={OPEN_FILES}",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "ProtectSystem=strict",
        "ProtectKernelTunables=yes",
        "ProtectKernelModules=yes",
        "ProtectControlGroups=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "CapabilityBoundingSet=",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        f"ReadWritePaths={' '.join(word(p) for p in writable)}",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    inside = any(p.startswith(("/home/", "/root/")) for p in [places.home, *writable])
    if not inside:
        lines.insert(lines.index("ProtectSystem=strict") + 1, "ProtectHome=yes")
    return "\n".join(lines) + "\n"


def coming(spec: Spec, node: Node) -> tuple[str, ...]:
    """Of what comes later in a migration, what writes another one: in KRaft mode it does not wait
    for ZooKeeper."""
    beside = any(server.host == node.host for server in spec.zookeeper)
    return tuple(why for why in later(spec, node) if beside and why == MOVES)


def _mounts(node: Node) -> list[str]:
    """At boot, too, nothing starts on the bare folder below a disk that is not mounted."""
    paths = [log_dir.path for log_dir in node.log_dirs if log_dir.mounted]
    lines = [f"RequiresMountsFor={word(path)}" for path in paths]
    return lines + [f"AssertPathIsMountPoint={path.replace('%', '%%')}" for path in paths]
