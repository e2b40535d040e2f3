"""Watches, during a drill, which partitions have no leader and for how long."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable

from provisioner.drill.account import Place, partitions
from provisioner.kafka.port import KafkaReader, KafkaRefused, KafkaUnavailable

EVERY = 0.1


class Watch:
    """Asks for the metadata every ``EVERY`` seconds, over a port of its own, in a thread.

    What it tells is thus exact to that interval. While Kafka cannot be asked nothing is added:
    what was leaderless then goes on being so.
    """

    def __init__(self, connect: Callable[[], KafkaReader]):
        self._connect = connect
        self._spans: dict[Place, list[tuple[float, float]]] = defaultdict(list)
        self._open: dict[Place, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> dict[Place, list[tuple[float, float]]]:
        """Ends the watch: each place's spans without a leader, in monotonic seconds."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        now = time.monotonic()
        for place, since in self._open.items():
            self._spans[place].append((since, now))
        self._open.clear()
        return dict(self._spans)

    def _run(self) -> None:
        cluster = self._connect()
        try:
            while not self._ended.wait(EVERY):
                try:
                    view = cluster.liveness()
                except (KafkaRefused, KafkaUnavailable):
                    continue
                self.take({p: v.leader for p, v in partitions(view).items()}, time.monotonic())
        finally:
            cluster.close()

    def take(self, leaders: dict[Place, int | None], now: float) -> None:
        """One observation: a span begins where there is no leader and ends where there is one."""
        for place, leader in leaders.items():
            if leader is None:
                self._open.setdefault(place, now)
            elif place in self._open:
                self._spans[place].append((self._open.pop(place), now))
