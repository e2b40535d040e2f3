"""A cluster that is changed in every way while clients work: no acknowledged message is lost, none
is there twice or out of order, no commit goes back.

One cluster is taken through all of it. The longest time without an acknowledgement of each
partition is printed, and not timed: on a machine that is busy with other tests everything takes
longer.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.ledger.book import Book, ledger
from tests.ledger.checker import clean, kept
from tests.real.lab import Lab, items, shown, until
from tests.real.live import bootstrap, comes, goes, heap, live_lab
from tests.real.provisioned import ROOT
from tests.soak import modes

HASTY = """
import sys
from provisioner import cli
from provisioner.run import gates
gates.LIMIT, gates.WHOLE = 6.0, 3.0
sys.exit(cli.main())
"""
"""The command, whose gate has less patience with a broker that stays away."""
PIECE = b"x" * 100_000


@pytest.fixture(scope="module", params=modes("kraft", soak=("combined", "zookeeper")))
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with live_lab(tmp_path_factory.mktemp(f"ledger-{request.param}"), request.param) as found:
        yield found


@pytest.fixture(scope="module")
def book(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    file = tmp_path_factory.mktemp("book") / "ledger.jsonl"
    with ledger(bootstrap(lab), tools=lab.home, file=file) as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(book: Book) -> None:
    book.begin()


def test_a_setting_that_kafka_takes_live(lab: Lab, book: Book) -> None:
    pids = lab.pids_now()
    lab.data["defaults"]["config"]["num.io.threads"] = 6
    lab.write()
    lab.apply()
    assert lab.pids_now() == pids
    clean(book.verdict("live setting"))


@pytest.mark.soak
def test_a_fourth_broker_comes_and_gets_its_share(lab: Lab, book: Book) -> None:
    pids = lab.pids_now()
    lab.produce("orders", [PIECE] * 120)  # what has less than a megabyte is not moved
    comes(lab, rebalance="add-brokers")
    done = lab.applied()
    assert [each for each in done if each[1] == "placement"]
    now = lab.pids_now()
    assert {node: now[node] for node in pids} == pids
    clean(book.verdict("scale out"))


@pytest.mark.soak
def test_it_goes_again(lab: Lab, book: Book) -> None:
    others = {node: pid for node, pid in lab.pids_now().items() if node != "broker-3"}
    goes(lab)
    lab.apply("--allow", "wipe-log-dir")
    assert not lab.pids("server-3.properties")
    del lab.data["brokers"][3], lab.ports[3]
    lab.write()
    assert lab.pids_now() == others
    assert lab.applied() == []
    clean(book.verdict("scale in"))


@pytest.mark.soak
def test_every_broker_is_restarted(lab: Lab, book: Book) -> None:
    pids = lab.pids_now()
    heap(lab, 260)
    lab.apply()
    bounced = {node for node, pid in lab.pids_now().items() if pid != pids[node]}
    assert {"broker-0", "broker-1", "broker-2"} <= bounced
    clean(book.verdict("roll"))


def test_a_broker_is_killed_in_the_middle_of_a_roll(lab: Lab, book: Book) -> None:
    """The roll ends there: the one that is left is not stopped, or nobody could write any more."""
    heap(lab, 264)
    order = [n for n in lab.json("plan")["forecast"]["restarts"] if n.startswith("broker-")]
    pids = lab.pids_now()
    first, second, last = order
    rolling = subprocess.Popen(
        [sys.executable, "-c", HASTY, "apply", str(lab.spec), "--json"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: lab.pids(lab.nodes[first]) not in ([], [pids[first]]))
    os.kill(pids[last], signal.SIGKILL)
    ended = lab.answer(rolling)
    assert ended.code == 2, shown(ended)
    assert lab.pid(first) != pids[first]
    assert lab.pid(second) == pids[second]
    failed = [c["name"] for c in items(ended.cluster, "failed", kind="service")]
    assert set(failed) <= {second, last}, shown(ended)
    kept(book.verdict("roll with a kill -9"))

    lab.apply()
    now = lab.pids_now()
    assert all(now[node] != pids[node] for node in order)
    assert lab.applied() == []
    clean(book.verdict("roll that goes on"))
