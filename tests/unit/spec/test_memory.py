"""A heap that the log cleaner's buffer does not fit into is told before the broker finds out."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.spec.load import load

SPEC = """cluster: small
kafka: {version: "4.3.1", home: /srv/kafka}
defaults:
  heap: HEAP
  config: {CONFIG}
controllers:
  - {id: 1, host: localhost, port: 9093}
brokers:
  - {id: 1, host: localhost, listeners: [PLAINTEXT://localhost:9092], log_dirs: [data]}
  - {id: 2, host: localhost, listeners: [PLAINTEXT://localhost:9094], log_dirs: [more], heap: 1g}
"""


def warnings(folder: Path, heap: str, config: str = "") -> list[str]:
    path = folder / "spec.yaml"
    path.write_text(SPEC.replace("HEAP", heap).replace("CONFIG", config))
    return [str(each) for each in load(path, env={}).warnings if "cleaner" in each.message]


def test_a_small_heap_is_told_where_it_is_written(tmp_path: Path) -> None:
    (told,) = warnings(tmp_path, "256m")
    assert told.startswith(f"{tmp_path}/spec.yaml:4:9: a heap of 256m may not hold")
    assert "log.cleaner.dedupe.buffer.size (128 MB)" in told


@pytest.mark.parametrize(
    ("heap", "config"),
    [
        ("512m", ""),
        ("256m", "log.cleaner.dedupe.buffer.size: 8388608"),
        ("256m", "log.cleaner.enable: false"),
    ],
)
def test_a_heap_with_room_is_not(tmp_path: Path, heap: str, config: str) -> None:
    assert warnings(tmp_path, heap, config) == []


def test_a_buffer_of_ones_own_counts(tmp_path: Path) -> None:
    (told,) = warnings(tmp_path, "512m", "log.cleaner.dedupe.buffer.size: 268435456")
    assert "(256 MB)" in told
