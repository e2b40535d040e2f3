"""Every kind of thing there is. A new kind is a folder and one line here."""

from provisioner.kinds import (
    account,
    broker,
    broker_config,
    directory,
    file,
    java,
    kafka,
    service,
    storage,
    topic,
    voter,
)
from provisioner.kinds.kind import Kind

KINDS: dict[str, Kind] = {
    module.KIND.name: module.KIND
    for module in (
        account,
        directory,
        java,
        kafka,
        file,
        storage,
        service,
        voter,
        broker,
        broker_config,
        topic,
    )
}
