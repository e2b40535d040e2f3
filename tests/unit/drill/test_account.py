"""What an exercise proved: loss, copies, order, gaps and moves, computed from data."""

from __future__ import annotations

import pytest

from provisioner.drill import account as accounts
from provisioner.drill.watch import Watch
from provisioner.kafka.port import ClusterView, PartitionView, Record, Sent, TopicView

RUN = "ab12"


def sent(number: int, partition: int = 0, offset: int | None = None, acked: float = 0.0) -> Sent:
    place = number if offset is None else offset
    return Sent(f"{RUN}-{number}".encode(), partition, place, acked, acked)


def record(number: int, partition: int = 0, offset: int | None = None, run: str = RUN) -> Record:
    return Record(partition, number if offset is None else offset, f"{run}-{number}".encode())


def numbers(*found: int) -> list[Record]:
    """Records of one partition, in the order of their offsets."""
    return [record(number, offset=offset) for offset, number in enumerate(found)]


def test_all_that_was_acknowledged_is_there() -> None:
    found = accounts.account([sent(0), sent(1)], [record(0), record(1)], RUN)
    assert (found.consumed, found.lost, found.duplicated, found.out_of_order) == (2, 0, 0, 0)
    assert found.ok


def test_an_acknowledged_record_that_is_not_read_is_lost() -> None:
    found = accounts.account([sent(0), sent(1), sent(2)], [record(0), record(2)], RUN)
    assert found.lost == 1
    assert not found.ok


@pytest.mark.parametrize(
    "elsewhere", [record(1, partition=1), record(1, offset=7)], ids=["partition", "offset"]
)
def test_a_record_that_is_elsewhere_than_acknowledged_is_lost_there(elsewhere: Record) -> None:
    assert accounts.account([sent(1)], [elsewhere], RUN).lost == 1


def test_a_record_that_was_not_acknowledged_may_be_read() -> None:
    found = accounts.account([sent(0)], [record(0), record(1)], RUN)
    assert (found.consumed, found.lost) == (2, 0)
    assert found.ok


def test_each_copy_beyond_the_first_is_counted() -> None:
    found = accounts.account([], numbers(0, 1, 1, 1, 2), RUN)
    assert found.duplicated == 2
    assert not found.ok


def test_a_copy_is_not_out_of_order_too() -> None:
    assert accounts.account([], numbers(0, 1, 1, 2), RUN).out_of_order == 0


def test_a_copy_in_another_partition_is_one_too() -> None:
    assert accounts.account([], [record(5), record(5, partition=1)], RUN).duplicated == 1


@pytest.mark.parametrize(
    ("order", "late"),
    [((0, 1, 2), 0), ((0, 2, 1), 1), ((2, 0, 1), 2), ((0, 3, 1, 2, 4), 2), ((), 0)],
)
def test_what_comes_after_a_later_one_is_out_of_order(order: tuple[int, ...], late: int) -> None:
    assert accounts.account([], numbers(*order), RUN).out_of_order == late


def test_the_order_within_a_partition_is_that_of_its_offsets() -> None:
    """Whatever order the consumer gave batches in."""
    found = accounts.account([], [record(2), record(0), record(1)], RUN)
    assert found.out_of_order == 0


def test_order_across_partitions_is_not_kept_and_shown() -> None:
    read = [record(n) for n in (0, 2, 4, 6, 8)] + [record(n, 1) for n in (1, 3, 5, 7)]
    found = accounts.account([], read, RUN)
    assert found.out_of_order == 0
    assert found.across is False
    assert found.example == (4, 6, 8, 1, 3, 5)
    assert found.ok, "no order across partitions is how Kafka is meant to be"


def test_order_across_partitions_may_hold_by_chance() -> None:
    assert accounts.account([], [record(0), record(1, 1), record(2)], RUN).across is True


def test_with_one_partition_nothing_is_said_of_the_order_across() -> None:
    assert accounts.account([], numbers(0, 1, 2), RUN).across is None


@pytest.mark.parametrize(
    "value", [b"cd34-1", b"ab12-", b"ab12-x", b"hello", b"\xff\xfe", b"", b"1", b"ab12-\xc2\xb2"]
)
def test_records_of_others_are_left_out(value: bytes) -> None:
    assert accounts.account([], [Record(0, 0, value)], RUN).consumed == 0


def test_what_was_there_before_and_is_not_now_is_missing() -> None:
    earlier = [Record(0, 0, b"a"), Record(0, 1, b"b"), Record(1, 0, b"c")]
    later = [Record(0, 0, b"a"), Record(0, 1, b"other"), Record(2, 0, b"new")]
    assert accounts.missing(earlier, later) == 2
    assert accounts.missing(earlier, earlier) == 0


def test_a_gap_is_the_longest_time_between_two_acknowledgements() -> None:
    acked = [sent(n, acked=at) for n, at in enumerate((9.0, 10.0, 10.5, 13.0, 13.1, 14.0))]
    assert accounts.gaps(acked, 10.0, 14.0) == {0: 2.5}


def test_a_silence_at_either_end_is_a_gap() -> None:
    assert accounts.gaps([sent(0, acked=15.0)], 10.0, 16.0) == {0: 5.0}
    assert accounts.gaps([sent(0, acked=11.0)], 10.0, 16.0) == {0: 5.0}


def test_a_partition_that_acknowledged_only_before_was_silent_all_the_time() -> None:
    assert accounts.gaps([sent(0, acked=3.0)], 10.0, 16.0) == {0: 6.0}


def test_each_partition_has_its_own_gap() -> None:
    acked = [sent(0, 0, acked=1.0), sent(1, 1, acked=3.0), sent(2, 0, acked=3.0)]
    assert accounts.gaps(acked, 1.0, 4.0) == {0: 2.0, 1: 2.0}
    assert accounts.gaps([], 1.0, 4.0) == {}


def view(**topics: list[tuple[int | None, tuple[int, ...]]]) -> ClusterView:
    """``purchases=[(leader, replicas), …]``."""
    found = tuple(
        TopicView(
            name,
            False,
            tuple(PartitionView(i, lead, all, all) for i, (lead, all) in enumerate(partitions)),
        )
        for name, partitions in topics.items()
    )
    return ClusterView("id", 0, (), found)


def test_leaders_that_are_others_now_have_moved() -> None:
    before = view(a=[(0, (0, 1)), (1, (1, 0))], b=[(1, (1,))])
    after = view(a=[(0, (0, 1)), (0, (1, 0))], b=[(None, (1,))])
    assert accounts.moved(before, after) == [
        accounts.Moved("a", 1, 1, 0),
        accounts.Moved("b", 0, 1, None),
    ]


def test_a_topic_that_went_or_came_has_not_moved() -> None:
    assert accounts.moved(view(a=[(0, (0, 1))]), view(b=[(1, (0, 1))])) == []


def test_a_partition_that_had_no_leader_has_not_moved() -> None:
    assert accounts.moved(view(a=[(None, (0, 1))]), view(a=[(1, (0, 1))])) == []


def test_not_led_by_the_first_replica() -> None:
    found = view(a=[(0, (0, 1)), (0, (1, 0)), (None, (2, 0))])
    assert accounts.not_preferred(found) == ["a-1", "a-2"]


def test_one_copy_on_that_broker() -> None:
    found = view(a=[(1, (1,)), (0, (0,)), (1, (1, 0))])
    assert accounts.only_on(found, 1) == [("a", 0)]


def test_time_without_a_leader_is_added_up() -> None:
    watch = Watch(lambda: pytest.fail("nothing is asked"))
    for now, leader in ((1.0, 1), (2.0, None), (3.0, None), (4.5, 2), (6.0, None), (6.5, 2)):
        watch.take({("atu", 0): leader, ("b", 0): 1}, now)
    assert accounts.total(watch.end()) == {("atu", 0): 3.0}


def test_a_span_that_has_not_ended_ends_with_the_watch() -> None:
    watch = Watch(lambda: pytest.fail("nothing is asked"))
    watch.take({("atu", 0): None}, 1.0)
    ((begin, end),) = watch.end()["atu", 0]
    assert begin == 1.0
    assert end > begin
