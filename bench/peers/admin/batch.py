"""The same as ``Batch.java`` by kafka-python's admin client.

python batch.py SERVER create|alter PREFIX COUNT VALUE
"""

import sys
import time
from typing import Any


def main(server: str, what: str, prefix: str, count: int, value: str) -> None:
    from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic

    admin: Any = KafkaAdminClient(bootstrap_servers=server)
    admin.describe_cluster()  # connected: that is not counted
    names = [f"{prefix}{number}" for number in range(count)]
    config = {"retention.ms": value}
    topics = [NewTopic(name, 1, 1, topic_configs=config) for name in names]
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=config) for name in names]
    began = time.monotonic()
    if what == "create":
        admin.create_topics(topics)
    else:
        admin.alter_configs(resources)
    print(time.monotonic() - began)
    admin.close()


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), sys.argv[5])
