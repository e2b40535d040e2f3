"""Whatever a file holds, reading it ends in a Spec or in a ProvisionError with places in it."""

from __future__ import annotations

import copy
import json
import pickle
import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from provisioner.errors import ProvisionError
from provisioner.inventory.files import read_inventory
from provisioner.spec.load import load

ROOT = Path(__file__).parents[3]
WHOLE: dict[str, Any] = YAML(typ="safe", pure=True).load("""
cluster: atu-lab
kafka: {version: "3.9.1", home: /opt/k, user: k, supervisor: process, java: bundled, source: maven}
defaults: {heap: 512m, jvm_opts: [-Da=b], env: {A: b}, jmx_port: 9999, config: {num.io.threads: 4}}
hosts: {localhost: {address: localhost}}
zookeeper: [{id: 1, host: localhost, client_port: 2181, data_dir: zookeeper}]
controllers: [{id: 0, host: localhost, port: 9192, log_dir: meta}]
brokers:
  - {id: 0, host: localhost, listeners: ["PLAINTEXT://:9092"], log_dirs: [logs-0], rack: a}
  - {id: 1, host: localhost, listeners: ["A://:9093"], inter_broker_listener: A,
     advertised_listeners: ["A://b:9093"], log_dirs: [{path: /d, mounted: true}], heap: 1g}
topics: {atu: {partitions: 1, replication: 1, config: {retention.ms: 1}}, old: absent,
  mine: {profile: p, placement: {0: [0, 1], 1: [1, 0]}}}
topic_profiles: {p: {partitions: 2, replication: 2, config: {retention.ms: 2}}}
topic_files: ["t*.yaml"]
topics_scope: ["a*", "[m-o]*"]
policy: {unmanaged_topics: report, protect: ["a*"]}
""")
ODD: list[Any] = [
    None, True, -1, 0, 2**70, 1.5, "", "a", "~", "\x00", "\n", "\ud7ff", "😀" * 40, [], [[]], {},
    {"a": {"b": []}}, ["a", 1, None], {"env": "A"}, "PLAINTEXT://[::1]:0", "../..", "/", "9" * 5000,
    "absent", {"": None}, "a[1:2]", "{{ x }}", "%", "${x}", "$(id)",
]  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict | list):
        keys = value if isinstance(value, dict) else range(len(value))
        found += [p for key in keys for p in paths(value[key], (*path, key))]
    return found


def changed(spec: Any, seed: random.Random) -> Any:
    """A spec with a few values replaced, removed or put under another key."""
    spec = copy.deepcopy(spec)
    for _ in range(seed.randint(1, 4)):
        path = seed.choice(paths(spec))
        parent = spec
        for key in path[:-1]:
            parent = parent[key]
        kind = seed.random()
        if kind < 0.6:
            parent[path[-1]] = copy.deepcopy(seed.choice(ODD))
        elif kind < 0.8:
            del parent[path[-1]]
        elif isinstance(parent, dict):
            parent[str(seed.choice(ODD))[:50]] = parent[path[-1]]
        if not paths(spec):
            break
    return spec


def check(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_bytes(text.encode("utf-8", "replace"))
        try:
            pickle.loads(pickle.dumps(load(path, env={})))
        except ProvisionError as error:
            check_problems(error)


def check_problems(error: ProvisionError) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.file
        assert problem.line
        assert problem.column


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_changed_spec(seed: random.Random) -> None:
    check(json.dumps(changed(WHOLE, seed), ensure_ascii=True))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:-,[]{}#&*!|>'\"%@`~?\n \t<0.\x07é"), max_size=60))
@example("[" * 3000)
@example("a: &a [*a]")
@example(
    "- &a a\n- &b [*a,*a,*a,*a]\n"
    + "".join(
        f"- &{chr(i + 1)} [*{chr(i)},*{chr(i)},*{chr(i)},*{chr(i)},*{chr(i)},*{chr(i)}]\n"
        for i in range(98, 115)
    )
)
@example("? [a]\n: b")
@example("%YAML 9.9\n---\na")
@example("a: !!python/object:os.system x")
@example("<<: 3\n<<: [*x]")
@example("\ufeffcluster: a")
def test_any_text(text: str) -> None:
    check(text)


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_changed_inventory(seed: random.Random) -> None:
    whole = {
        "all": {
            "vars": {"a": 1, "ansible_group_priority": 2},
            "hosts": {"h[1:3]": {"ansible_port": 22}, "k": None},
            "children": {"g": {"hosts": {"k": {}}, "children": {"f": None}}},
        }
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hosts.yaml"
        path.write_text(json.dumps(changed(whole, seed)))
        try:
            read_inventory(path).listing()
        except ProvisionError as error:
            check_problems(error)
