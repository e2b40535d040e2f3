"""The lab on one host: ZooKeeper, three brokers, two topics."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from common import base, properties, topics, unit, wait_for
from pyinfra import host
from pyinfra.operations import systemd

BROKERS = [
    {"id": 0, "file": "server.properties", "port": 9092},
    {"id": 1, "file": "server-1.properties", "port": 9093},
    {"id": 2, "file": "server-2.properties", "port": 9094},
]
DATA = "/var/lib/kafka"
FOLDERS = [DATA, *(f"{DATA}/{n}" for n in ("zookeeper", "logs-0", "logs-1", "logs-2"))]

base("3.9.1", [*FOLDERS, "/etc/kafka"])
files = {"zookeeper": [properties("zookeeper", "zookeeper.properties")]}
units = {"zookeeper": unit("zookeeper", "zookeeper")}
for item in BROKERS:
    name = f"kafka-{item['id']}"
    files[name] = [properties("server", item["file"], item=item, address=host.name)]
    units[name] = unit("kafka", name, item=item)
systemd.daemon_reload(_if=lambda: any(u.did_change() for u in units.values()))
for name in units:
    made = [*files[name], units[name]]
    started = systemd.service(service=name, running=True, enabled=True)
    systemd.service(
        service=name,
        restarted=True,
        _if=lambda made=made, s=started: any(m.did_change() for m in made) and not s.did_change(),
    )
wait_for(host.name, "2181 9092 9093 9094")
topics(f"{host.name}:9092")
