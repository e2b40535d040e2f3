"""The digest on a host and the digest here are twins: the same text, the same lines."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from provisioner.kinds import properties
from provisioner.kinds.service import digest

BIN = Path(digest.__file__).parents[2] / "artifacts" / "bin"
# Whatever awk a host may have; mawk, gawk, busybox's and the original, as far as they are here.
AWKS = [
    [found, *rest]
    for name, rest in (
        ("awk", []),
        ("mawk", []),
        ("gawk", []),
        ("gawk", ["--posix"]),
        ("original-awk", []),
        ("busybox", ["awk"]),
    )
    if (found := shutil.which(name))
]
NAMES = [" ".join([Path(words[0]).name, *words[1:]]) for words in AWKS]
ENVIRONMENT = {**os.environ, "LC_ALL": "C"}
SLOW = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)

PIECES = st.sampled_from(
    [
        *"ab=: \t\f\\#!.\"'$`%&*é√𝄞\x7f",
        "\n",
        "\n\n",
        "\r\n",
        "\\\n",
        "\\\r\n",
        "\\\\",
        "\\u0041",
        "\\u00",
        "\\n",
        "\\t",
        "\\=",
        "\\:",
        "\\ ",
        "\\#",
        "hint.",
        "hint.a=1\n",
        "broker.id=1\n",
        "key = value\n",
        "key:value\n",
        "key value\n",
        "# comment \\\n",
        "! comment\n",
        "  # indented\n",
        "=no key\n",
        "\n a.long=one,\\\n   two\n",
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def awk_lines(awk: list[str], texts: list[str], folder: Path) -> list[str]:
    paths = []
    for number, text in enumerate(texts):
        path = folder / f"file-{number}.properties"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        paths.append(str(path))
    done = subprocess.run(
        [*awk, "-f", str(BIN / "provision-canonical.awk"), *paths],
        capture_output=True,
        env=ENVIRONMENT,
        check=True,
    )
    found = done.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]
    return sorted(found, key=lambda line: line.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("awk", AWKS, ids=NAMES)
@SLOW
@given(texts=st.lists(TEXTS, min_size=1, max_size=3))
@example(texts=["", "", ""])
@example(texts=["", "a=1\n"])
@example(texts=["a=1\n", "", "b=2\n"])
@example(texts=["\\"])
@example(texts=["a\\"])
@example(texts=["a=b\\\n", "c=d\n"])
@example(texts=["a\\\n# no comment\n"])
@example(texts=["a=1\na=2\na = 1\n"])
@example(texts=["hint.a=1\nhint=2\nhint.=\n hint.b 1\nhin\\\nt.c=1\n"])
@example(texts=["a=1\nb=2\nab=3\n", "b=4\nhint.live=b,c\n", "b=5\n"])
@example(texts=["a=1\na\\=b=2\n", "hint.live=a\n"])
@example(texts=["=1\na=2\n", "hint.live=\n"])
@example(texts=["b=1\nhint.live=b\n", "a=2\n"])
@example(texts=["k=a\\\r\n  b\r\n"])
def test_canonical(awk: list[str], texts: list[str], tmp_path: Path) -> None:
    assert awk_lines(awk, texts, tmp_path) == digest.canonical(texts)


@pytest.mark.parametrize("awk", AWKS, ids=NAMES)
def test_a_long_line(awk: list[str], tmp_path: Path) -> None:
    text = "a=" + "x" * 100_000 + "\nb=" + "\\\n  y" * 3000 + "\n"
    assert awk_lines(awk, [text], tmp_path) == digest.canonical([text])


@pytest.mark.parametrize("awk", AWKS, ids=NAMES)
def test_bytes_that_are_no_text(awk: list[str], tmp_path: Path) -> None:
    data = b"a=\xff\xfe\nb\xe9=1\n# \xff\n"
    text = data.decode("utf-8", "surrogateescape")
    assert awk_lines(awk, [text], tmp_path) == digest.canonical([text])


@pytest.mark.parametrize("awk", AWKS, ids=NAMES)
def test_odd_names_of_files(awk: list[str], tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s "here" $(touch x) a=b'
    folder.mkdir()
    assert awk_lines(awk, ["a=1\n", "b=2\n"], folder) == ["1:a=1", "2:b=2"]


@pytest.mark.parametrize("awk", AWKS, ids=NAMES)
def test_what_kafka_takes_live_is_left_out(awk: list[str], tmp_path: Path) -> None:
    launch = "hint.live=num.io.threads,log.retention.ms\nheap=1g\n"
    texts = ["broker.id=1\nnum.io.threads=8\n", launch, "num.io.threads=logging\n"]
    left = ["1:broker.id=1", "2:heap=1g", "3:num.io.threads=logging"]
    assert awk_lines(awk, texts, tmp_path) == digest.canonical(texts) == left


KEYS = st.text("abc.-_ =:#!\\\té√", min_size=1, max_size=12)
VALUES = st.text("abc ,=:#!\\\t\r\n\fé√𝄞'\"$", max_size=20).map(str.strip)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_what_is_rendered_reads_the_same(values: dict[str, str]) -> None:
    assert properties.parse(properties.render(values, "a heading\nof two lines")) == values


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_a_heading_changes_no_digest(values: dict[str, str]) -> None:
    one, other = properties.render(values, "one"), properties.render(values, "other\n# more")
    assert digest.digest("key", [one]) == digest.digest("key", [other])


@given(st.lists(TEXTS, min_size=3, max_size=3), st.integers(0, 2))
def test_a_line_more_changes_the_digest(texts: list[str], which: int) -> None:
    more = list(texts)
    more[which] = "\nadded.by.hand=1\n" + more[which]
    assert digest.digest("key", more) != digest.digest("key", texts)


def test_the_key_of_the_host_is_part_of_it() -> None:
    assert digest.digest("one", ["a=1"]) != digest.digest("other", ["a=1"])
