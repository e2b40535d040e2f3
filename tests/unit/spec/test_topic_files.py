"""Topic files as they are in the world: links, folders, files that cannot be read, odd bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import Problem, ProvisionError
from provisioner.spec import excerpts, globbing, topic_files
from provisioner.spec.load import load
from provisioner.spec.types import Spec

CLUSTER = """cluster: c
kafka: {version: "4.3.1"}
controllers: [{id: 100, host: localhost, port: 9192}]
brokers: [{id: 1, host: localhost, listeners: [PLAINTEXT://localhost:9092], log_dirs: [one]}]
"""
TOPIC = "topics: {NAME: {partitions: 1, replication: 1}}\n"


def write(path: Path, name: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TOPIC.replace("NAME", name))
    return path


def read(folder: Path, *patterns: str | Path) -> Spec:
    listed = ", ".join(f'"{pattern}"' for pattern in patterns)
    (folder / "spec.yaml").write_text(f"{CLUSTER}topic_files: [{listed}]\n")
    return load(folder / "spec.yaml", env={})


def names(folder: Path, *patterns: str | Path) -> list[str]:
    return [topic.name for topic in read(folder, *patterns).topics]


def problem(folder: Path, *patterns: str | Path) -> Problem:
    with pytest.raises(ProvisionError) as raised:
        read(folder, *patterns)
    (found,) = raised.value.problems
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write(tmp_path / "topics" / "a.yaml", "a")
    write(tmp_path / "topics" / "team" / "b.yaml", "b")
    write(tmp_path / "topics" / "team" / "deep" / "c.yml", "c")
    write(tmp_path / "topics" / ".git" / "d.yaml", "d")
    write(tmp_path / "topics" / ".e.yaml.swp", "e")
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["topics/*.yaml"], "a"),
        (["topics/**/*.yaml"], "ab"),
        (["topics/**/**/*.yaml"], "ab"),
        (["topics/**"], "abc"),
        (["topics/*"], "a"),
        (["topics/*/*"], "b"),
        (["topics/team/[!a].*", "topics/team/?.yaml"], "b"),
        (["topics/team/deep/../b.yaml"], "b"),
        (["topics/.git/*"], "d"),
        (["topics/.*"], "e"),
        (["topics/./a.yaml", "topics//a.yaml", "topics/a.yaml"], "a"),
    ],
)
def test_what_a_pattern_names(patterns: list[str], found: str, repository: Path) -> None:
    assert "".join(names(repository, *patterns)) == found


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("**/*.yaml", "spec.yaml is this spec"),
        ("topics/[!a-z]*", "no file matches 'topics/[!a-z]*'"),
        ("topics/{a,b}.yaml", "no file matches 'topics/{a,b}.yaml'"),
        ("topics/none/*.yaml", "no file matches 'topics/none/*.yaml'"),
        ("topics/a.yaml/*.yaml", "no file matches 'topics/a.yaml/*.yaml'"),
        ("topics/a.yam", "no file matches 'topics/a.yam'"),
        ("TOPICS/*.YAML", "no file matches 'TOPICS/*.YAML'"),
        ("topics/", "topics is not a file"),
        ("/", "/ is not a file"),
        ("~nobody-of-that-name/*", "cannot be read"),
    ],
)
def test_what_a_pattern_does_not_name(pattern: str, said: str, repository: Path) -> None:
    found = problem(repository, pattern)
    assert said in found.message
    assert (found.line, found.column, bool(found.excerpt)) == (5, 15, True)


def test_absolute_patterns_and_those_of_the_home(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names(repository, repository / "topics" / "*.yaml") == ["a"]
    monkeypatch.setenv("HOME", str(repository))
    assert names(repository, "~/topics/*.yaml") == ["a"]
    other = repository / "specs"
    other.mkdir()
    assert names(other, "../topics/*.yaml") == ["a"]


def test_the_order_of_files_and_of_patterns_changes_nothing(repository: Path) -> None:
    one = read(repository, "topics/**/*.yaml")
    other = read(repository, "topics/team/*.yaml", "topics/*.yaml")
    assert one.topics == other.topics


def test_the_digest_is_of_what_the_files_say(repository: Path) -> None:
    before = read(repository, "topics/*.yaml").digest
    path = repository / "topics" / "a.yaml"
    path.write_text("# a comment\n" + path.read_text())
    assert read(repository, "topics/*.yaml").digest == before
    path.write_text(path.read_text().replace("partitions: 1", "partitions: 2"))
    assert read(repository, "topics/*.yaml").digest != before


def test_a_link_to_a_file_is_a_file_and_one_file_has_one_name(repository: Path) -> None:
    (repository / "linked").mkdir()
    (repository / "linked" / "x.yaml").symlink_to("../topics/a.yaml")
    assert names(repository, "linked/*.yaml") == ["a"]
    found = problem(repository, "topics/*.yaml", "linked/*.yaml")
    assert (found.line, found.column) == (5, 32)
    assert found.message.endswith("topics/a.yaml are one file")


def test_a_link_to_a_folder_above_leads_nowhere(repository: Path) -> None:
    (repository / "topics" / "again").symlink_to(".")
    (repository / "topics" / "more").symlink_to("..")
    assert names(repository, "topics/**/*.yaml") == ["a", "b"]


def test_a_link_without_an_end(repository: Path) -> None:
    (repository / "topics" / "gone.yaml").symlink_to("nowhere")
    found = problem(repository, "topics/*.yaml")
    assert found.message.endswith("topics/gone.yaml cannot be read: No such file or directory")
    assert (found.line, found.column, bool(found.excerpt)) == (5, 15, True)


def test_folders_that_a_wildcard_names_are_left_out(repository: Path) -> None:
    (repository / "topics" / "old.yaml").mkdir()
    assert names(repository, "topics/*.yaml") == ["a"]
    assert "topics/old.yaml is not a file" in problem(repository, "topics/old.yaml").message
    (repository / "topics" / "a.yaml").unlink()
    assert "no file matches" in problem(repository, "topics/*.yaml").message


def test_what_would_never_end_is_not_read(repository: Path) -> None:
    os.mkfifo(repository / "topics" / "pipe.yaml")
    assert "topics/pipe.yaml is not a file" in problem(repository, "topics/*.yaml").message


def test_too_much_to_look_through(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(globbing, "MOST", 3)
    found = problem(repository, "**/*.yaml")
    assert "looks through more than 3 files" in found.message


def test_bytes_that_are_no_text(repository: Path) -> None:
    (repository / "topics" / "b.yaml").write_bytes(b"topics:\n  \xff: {}\n")
    found = problem(repository, "topics/*.yaml")
    assert (found.file, found.line) == (str(repository / "topics" / "b.yaml"), 2)
    assert found.message == "is not UTF-8 text"


def test_a_name_that_is_no_text(repository: Path) -> None:
    path = os.fsencode(repository / "topics") + b"/\xff\n.yaml"
    Path(os.fsdecode(path)).write_text("topics: {a: }\n")
    with pytest.raises(ProvisionError) as raised:
        read(repository, "topics/*.yaml")
    assert str(raised.value).encode()
    assert raised.value.problems[0].file == str(repository / "topics" / "??.yaml")


def test_all_problems_of_all_files_come_in_one_order(repository: Path) -> None:
    for name in "zyx":
        (repository / "topics" / f"{name}.yaml").write_text("topics: [\n")
    (repository / "topics" / "b.yaml").write_text("topics: {b: {partition: 1}}\n")
    told = []
    for patterns in (["topics/*.yaml"], ["topics/[xyz].yaml", "topics/[ab].yaml"]):
        with pytest.raises(ProvisionError) as raised:
            read(repository, *patterns)
        told.append([(Path(p.file or "").name, p.line) for p in raised.value.problems])
    assert told[0] == told[1]
    assert [name for name, _ in told[0]] == ["b.yaml"] * 3 + ["x.yaml", "y.yaml", "z.yaml"]


@pytest.mark.parametrize("what", ["topics/team", "topics/team/b.yaml"])
def test_what_may_not_be_read_is_an_error_and_never_nothing(
    what: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its topics would be unmanaged otherwise, and a policy may delete what is unmanaged."""
    real_scandir, real_read = os.scandir, Path.read_bytes

    def refused(path: Any) -> None:
        if str(path).endswith(what):
            raise PermissionError(13, "Permission denied", str(path))

    def scandir(path: Any) -> Any:
        refused(path)
        return real_scandir(path)

    def read_bytes(path: Path) -> bytes:
        refused(path)
        return real_read(path)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    found = problem(repository, "topics/**/*.yaml")
    assert found.message == f"{repository}/{what} cannot be read: Permission denied"
    assert (found.line, found.column) == (5, 15)


def test_every_file_is_read_once(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: Counter[str] = Counter()
    real = topic_files.read

    def counting(path: Path, *rest: Any) -> Any:
        reads[path.name] += 1
        return real(path, *rest)

    monkeypatch.setattr(topic_files, "read", counting)
    assert names(repository, "topics/*.yaml", "topics/**", "topics/a.yaml") == ["a", "b", "c"]
    assert reads == {"a.yaml": 1, "b.yaml": 1, "c.yml": 1}


def test_a_valid_repository_needs_no_pydantic(repository: Path) -> None:
    read(repository, "topics/**/*.yaml")
    code = (
        "import sys; from pathlib import Path; from provisioner.spec.load import load; "
        f"load(Path({str(repository / 'spec.yaml')!r}), env={{}}); "
        "sys.exit('pydantic' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_a_line_with_many_problems_is_looked_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generated files have everything in one line."""
    topics = ", ".join(f'"t-{number}": {{"partitons": 1}}' for number in range(300))
    (tmp_path / "t.json").write_text(f'{{"topics": {{{topics}}}}}')
    excerpts.printable.cache_clear()
    with pytest.raises(ProvisionError) as raised:
        read(tmp_path, "t.json")
    assert len(raised.value.problems) == 900
    assert excerpts.printable.cache_info().misses == 1
