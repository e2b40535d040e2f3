"""What is sent to Kafka and asked of it, as values: who is told, in which words, and what of the
answer counts. They know no library and no connection; the port sends them.

A message is written in Kafka's own field names (snake case) as plain data: lists of mappings where
Kafka has arrays of structures. An answer is read by attribute, in the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from provisioner.kafka.port import ClusterView, KafkaRefused

ANY: Literal["any"] = "any"
CONTROLLER: Literal["controller"] = "controller"
Destination = Literal["any", "controller"] | int | tuple[str, int]
"""Any broker; ZooKeeper mode's controller (with KRaft any broker passes it on); the broker with
this id; or, for a question, whoever listens at this address (a controller)."""

Items = Callable[[Any], Iterable[Any]]


def whole(answer: Any) -> Iterable[Any]:
    """The items of an answer that has one error code, its own."""
    return (answer,)


MOST = 500
"""Things a request: as many as one look asks the configuration of at once."""


@dataclass(frozen=True)
class Part:
    """How messages about several things become one (see ``joining.py``): ``field`` is the list that
    has the entries of all. ``items`` of the joint answer: (thing, item), None for what is of all;
    ``thing`` is this message's. ``weight``: how much of ``most`` it takes of one request.
    """

    field: str
    thing: Hashable
    items: Callable[[Any], Iterable[tuple[Hashable, Any]]]
    weight: int = 1
    most: int = MOST


@dataclass(frozen=True)
class Message:
    """One message of Kafka's protocol.

    ``api`` is its name without Request (``CreateTopics``). ``fields`` leaves out ``timeout_ms``
    and ``cluster_id``: the port knows them. ``items`` are the parts of the answer that each have an
    ``error_code``, and may have an ``error_message``; codes in ``fine`` are no errors here, and
    ``meaning`` has what a code means here, where Kafka's own words do not say it. ``part``: how it
    goes into one request with others; None where it goes alone.
    """

    api: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    items: Items = whole
    fine: tuple[str, ...] = ()
    meaning: Mapping[str, str] = field(default_factory=dict)
    part: Part | None = None


class Request:
    """A change. Subclasses are frozen dataclasses."""

    @property
    def what(self) -> str:
        """What it changes, as an error names it: ``topic atu``."""
        raise NotImplementedError

    @property
    def to(self) -> Destination:
        return CONTROLLER

    @property
    def messages(self) -> tuple[Message, ...]:
        """Sent one after another; one that is refused ends it."""
        raise NotImplementedError

    looks: ClassVar[bool] = False
    """Whether it is sent only when it is ``ready``."""

    def ready(self, view: ClusterView) -> KafkaRefused | None:
        """None when it may be sent, or the refusal with which it ends if that does not come."""
        return None

    def passes(self, error: KafkaRefused) -> bool:
        """Whether Kafka refuses it for a moment only, so that it is sent again."""
        return False


class Ask:
    """A question of a kind, sent with those of every look. Subclasses are frozen dataclasses."""

    @property
    def to(self) -> Destination:
        return ANY

    @property
    def what(self) -> str:
        """What it asks about: under this name ``ClusterView.errors`` says why it has no answer."""
        raise NotImplementedError

    @property
    def message(self) -> Message:
        raise NotImplementedError

    def message_at(self, now: float) -> Message:
        """The message where it depends on the clock (``now``: seconds since 1970)."""
        return self.message

    def read(self, answer: Any) -> Any:
        """A plain value of an answer without errors, for ``ClusterView.answers``."""
        raise NotImplementedError
