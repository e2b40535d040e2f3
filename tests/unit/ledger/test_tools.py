"""What Kafka's verifiable tools print, as events."""

from __future__ import annotations

import json

from tests.ledger.history import Acknowledged, Assigned, Committed, Failed, Message, Place, Read
from tests.ledger.tools import consumer_events, producer_events

HERE = Place("t", 1)


def test_of_the_producer() -> None:
    line = (
        '{"timestamp":1732600000000,"name":"producer_send_success","key":null,"value":"7.12",'
        '"partition":1,"topic":"t","offset":34}'
    )
    assert producer_events(json.loads(line), 5.0) == [Acknowledged(5.0, Message("7", 12), HERE, 34)]
    line = (
        '{"timestamp":1,"name":"producer_send_error","key":null,"value":"7.13","topic":"t",'
        '"exception":"class X","message":"no leader"}'
    )
    assert producer_events(json.loads(line), 5.0) == [Failed(Message("7", 13), "no leader")]
    assert producer_events({"name": "startup_complete"}, 5.0) == []


def test_of_the_consumer() -> None:
    def told(text: str) -> object:
        return consumer_events("g", json.loads(text), 0.0)

    places = '[{"topic":"t","partition":1}]'
    dealt = f'{{"name":"partitions_assigned","partitions":{places}}}'
    assert told(dealt) == [Assigned("verifiable", "g", (HERE,))]
    record = '{"name":"record_data","key":null,"value":"7.1","topic":"t","partition":1,"offset":2}'
    assert told(record) == [Read("verifiable", "g", HERE, 2, Message("7", 1))]
    offsets = '"offsets":[{"topic":"t","partition":1,"offset":3}]'
    stored = f'{{"name":"offsets_committed","success":true,{offsets}}}'
    assert told(stored) == [Committed("verifiable", "g", HERE, 3)]
    assert told(stored.replace("true", "false")) == []
    assert told('{"name":"shutdown_complete"}') == []
