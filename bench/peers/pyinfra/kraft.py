"""Three hosts with a combined KRaft node each."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from common import base, properties, topics, unit, wait_for
from pyinfra import host, inventory
from pyinfra.facts.files import File
from pyinfra.operations import server, systemd

CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"
address = host.name
everybody = sorted(each.name for each in inventory)
voters = ",".join(f"{number}@{each}:9093" for number, each in enumerate(everybody, 1))

base("4.3.1", ["/var/lib/kafka", "/var/lib/kafka/data", "/etc/kafka"])
file = properties(
    "kraft",
    "server.properties",
    address=address,
    node_id=everybody.index(address) + 1,
    voters=voters,
)
if not host.get_fact(File, path="/var/lib/kafka/data/meta.properties"):
    tool = "JAVA_HOME=/opt/jre /opt/kafka/bin/kafka-storage.sh"
    server.shell(
        name="format",
        commands=[f"{tool} format -t {CLUSTER_ID} -c /etc/kafka/server.properties"],
        _sudo_user="kafka",
    )
service = unit("kraft", "kafka")
systemd.daemon_reload(_if=service.did_change)
started = systemd.service(service="kafka", running=True, enabled=True)
systemd.service(
    service="kafka",
    restarted=True,
    _if=lambda: (file.did_change() or service.did_change()) and not started.did_change(),
)
wait_for(address, "9092")
if address == everybody[0]:
    topics(f"{address}:9092")
