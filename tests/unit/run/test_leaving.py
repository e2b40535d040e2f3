"""What a host tells of a broker that is to go, where the spec leaves it out."""

from __future__ import annotations

from dataclasses import replace

from provisioner.site.leaving import told
from provisioner.spec.types import Listener, LogDir, Node, Role

BARE = Node(Role.BROKER, 3, "vm4", "/k/config/server-3.properties")
FILE = """log.dirs=/data/1,/data/2
listeners=PLAINTEXT://:9092
advertised.listeners=PLAINTEXT://10.0.0.4:9092
"""
MARKED = """=/data/1
node.id=3
=/data/9
node.id=4
=/data/old
broker.id=3
"""


def test_its_properties_file_has_all() -> None:
    node = told(BARE, FILE)
    assert [d.path for d in node.log_dirs] == ["/data/1", "/data/2"]
    assert node.listeners == (Listener("PLAINTEXT", "", 9092),)
    assert node.advertised_listeners == (Listener("PLAINTEXT", "10.0.0.4", 9092),)


def test_without_it_the_folders_of_the_manifest_say_whose_they_are() -> None:
    node = told(BARE, MARKED)
    assert [d.path for d in node.log_dirs] == ["/data/1", "/data/old"]
    assert node.listeners == ()
    both = told(BARE, FILE + MARKED)
    assert [d.path for d in both.log_dirs] == ["/data/1", "/data/2", "/data/old"]


def test_what_the_spec_says_counts_and_nothing_is_nothing() -> None:
    mine = replace(BARE, log_dirs=(LogDir("/mine"),))
    assert told(mine, FILE).log_dirs == (LogDir("/mine"),)
    assert told(BARE, "") == BARE


def test_what_is_no_path_and_no_address_is_left_out() -> None:
    node = told(BARE, "log.dirs=/a/../etc,relative,/good\nlisteners=X://h:99999,Y://h:1,nothing\n")
    assert [d.path for d in node.log_dirs] == ["/good"]
    assert node.listeners == (Listener("Y", "h", 1),)
