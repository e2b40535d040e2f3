"""Connections to brokers: one request after another on each, different brokers side by side.

The library's own connections are not used for administration: they retry and cache behind one's
back, send what is meant for broker 2 to any broker, and may leave a thread when they fail. Here
every exchange has a deadline and every failure names its address. Messages are the library's.
"""

from __future__ import annotations

import queue
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from provisioner.kafka.dialing import Deadline, receive_exactly, send_all
from provisioner.kafka.messages import NotSpoken, Versions, decode, encode, versions_request
from provisioner.kafka.port import Address, Dial, KafkaUnavailable

Key = TypeVar("Key")
Value = TypeVar("Value")

MAX_ANSWER = 64 << 20
"""No answer is longer (the metadata of 100,000 partitions has about 10 MB): what is has not been
said by Kafka."""


class Connection:
    """An open connection to one broker, used by one thread at a time."""

    def __init__(self, connection: Any, deadline: Deadline):
        """Asks the broker which versions it speaks. OSError when it does not answer."""
        self._socket = connection
        self._correlation = 0
        self.versions = Versions({})
        answer = self.ask([versions_request()], deadline)[0]
        if isinstance(answer, Exception):
            raise answer
        self.versions = Versions.of(answer)

    def alive(self) -> bool:
        """False when the other side has closed it since the last answer."""
        try:
            readable, _, _ = select.select([self._socket], [], [], 0)
        except (OSError, ValueError):
            return False
        return not readable  # nothing is owed to us: what can be read now is the end

    def ask(
        self, requests: Sequence[Any], deadline: Deadline, *, last_seconds: float | None = None
    ) -> list[Any]:
        """Sends all requests, then reads the answers in order; the last may get less time.

        An answer that did not come, or could not be read, is an OSError in its place; those after
        it are missing too, and the connection is closed. What the broker does not speak is not
        sent, and a NotSpoken in its place.
        """
        answers: list[Any] = []
        try:
            sent = [self._send(request, deadline) for request in requests]
            for request, correlation in zip(requests, sent, strict=True):
                if isinstance(correlation, NotSpoken):
                    answers.append(correlation)
                    continue
                last = len(answers) == len(requests) - 1
                if last and last_seconds is not None:
                    deadline = deadline.sooner(last_seconds)
                answers.append(decode(request, self._receive(correlation, deadline)))
        except Exception as error:  # whatever it was, the connection is out of step now
            self.close()
            answers += [_as_os_error(error, deadline)] * (len(requests) - len(answers))
        return answers

    def close(self) -> None:
        end(self._socket)

    def _send(self, request: Any, deadline: Deadline) -> int | NotSpoken:
        try:
            data = encode(request, self.versions, self._correlation + 1)
        except NotSpoken as error:
            return error
        self._correlation += 1
        send_all(self._socket, data, deadline)
        return self._correlation

    def _receive(self, correlation: int, deadline: Deadline) -> bytes:
        """The body of the answer, from its header on."""
        length, got = struct.unpack(">ii", receive_exactly(self._socket, 8, deadline))
        if not 4 <= length <= MAX_ANSWER or got != correlation:
            raise OSError("the answer is not Kafka's")
        return struct.pack(">i", got) + receive_exactly(self._socket, length - 4, deadline)


def _as_os_error(error: Exception, deadline: Deadline) -> OSError:
    if isinstance(error, TimeoutError):
        return TimeoutError(f"no answer within {deadline.seconds:g} s")
    if isinstance(error, OSError):
        return error
    return OSError(f"the answer cannot be read: {type(error).__name__}: {error}")


class Pool:
    """At most one connection to each address, opened when it is first needed. Thread-safe."""

    def __init__(self, dial: Dial):
        self._dial = dial
        self._lock = threading.Lock()
        self._locks: dict[Address, threading.Lock] = {}
        self._open: dict[Address, Connection] = {}
        self._opening: set[Any] = set()
        self._threads: set[threading.Thread] = set()

    def ask(
        self,
        address: Address,
        requests: Sequence[Any],
        deadline: Deadline,
        *,
        last_seconds: float | None = None,
    ) -> list[Any]:
        """The answers of one broker, as ``Connection.ask``; OSError when it cannot be reached."""
        with self._turn(address, deadline):
            connection = self._connection(address, deadline)
            return connection.ask(requests, deadline, last_seconds=last_seconds)

    def versions(self, address: Address, deadline: Deadline) -> Versions:
        """What the broker there speaks, as it said on connecting."""
        with self._turn(address, deadline):
            return self._connection(address, deadline).versions

    def ping(self, address: Address, deadline: Deadline) -> None:
        """OSError when it does not answer now: a stopped process still holds its connections."""
        answer = self.ask(address, [versions_request()], deadline)[0]
        if isinstance(answer, Exception):
            raise answer

    def close(self) -> None:
        """Closes every connection and waits for the threads; the pool can be used again."""
        with self._lock:
            connections, opening = list(self._open.values()), list(self._opening)
            self._open.clear()
            self._opening.clear()
            threads = list(self._threads)
        for connection in connections:
            connection.close()
        for each in opening:
            end(each)
        for thread in threads:
            thread.join(1.0)

    def side_by_side(
        self,
        jobs: Mapping[Key, Callable[[], Value]],
        deadline: Deadline,
        *,
        first: bool = False,
    ) -> dict[Key, Value | Exception]:
        """Runs each job in a thread of its own. What it returned or raised, by key.

        Returns when all are done, with ``first`` when one succeeded, or at the deadline; a job
        that is not done then has TimeoutError. Each ends by itself: sockets have deadlines too.
        """
        done: queue.SimpleQueue[tuple[Key, Value | Exception]] = queue.SimpleQueue()
        late = TimeoutError(f"no answer within {deadline.seconds:g} s")
        results: dict[Key, Value | Exception] = dict.fromkeys(jobs, late)
        for key, job in jobs.items():
            self._start(key, job, done)
        with suppress(queue.Empty, TimeoutError):
            for _ in jobs:
                key, result = done.get(timeout=deadline.left())
                results[key] = result
                if first and not isinstance(result, Exception):
                    break
        return results

    def _start(self, key: Any, job: Callable[[], Any], done: queue.SimpleQueue[Any]) -> None:
        def run() -> None:
            try:
                done.put((key, job()))
            except Exception as error:
                done.put((key, error))
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name="kafka-ask", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    @contextmanager
    def _turn(self, address: Address, deadline: Deadline) -> Iterator[None]:
        """One user of an address at a time."""
        with self._lock:
            lock = self._locks.setdefault(address, threading.Lock())
        if not lock.acquire(timeout=deadline.left()):
            raise TimeoutError(f"no answer within {deadline.seconds:g} s")
        try:
            yield
        finally:
            lock.release()

    def _connection(self, address: Address, deadline: Deadline) -> Connection:
        """Its open connection, or a new one if there is none or it was closed from there."""
        known = self._open.get(address)
        if known is not None and known.alive():
            return known
        if known is not None:
            known.close()
        dialled = self._dial(*address, deadline.left())
        with self._lock:
            self._opening.add(dialled)
        try:
            opened = Connection(dialled, deadline)
        except BaseException:
            end(dialled)
            raise
        with self._lock:
            if dialled not in self._opening:  # close() came in between, and ended it
                raise OSError("closed by us")
            self._opening.discard(dialled)
            self._open[address] = opened
        return opened


def end(connection: Any) -> None:
    """Shuts down, which wakes a thread that waits in it (closing alone does not), and closes."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        connection.close()


def reason(error: BaseException, seconds: float) -> str:
    """Why an address did not answer, in words. ``seconds``: how long it was waited for."""
    if isinstance(error, TimeoutError):
        text = str(error)
        return text if text.startswith("no answer") else f"no answer within {seconds:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "the name is unknown"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def unavailable(failures: Mapping[Address, BaseException], seconds: float) -> KafkaUnavailable:
    """The error that lists every address with its reason."""
    parts = []
    for (host, port), error in failures.items():
        where, why = f"{host}:{port}", reason(error, seconds)
        parts.append(why if why.startswith(f"{where} ") else f"{where}: {why}")
    return KafkaUnavailable("; ".join(parts) or "no address to ask")


def chunks(items: Iterable[Value], size: int) -> list[list[Value]]:
    """``items`` in lists of at most ``size``."""
    every = list(items)
    return [every[start : start + size] for start in range(0, len(every), size)]
