"""What was changed in the files of a running lab: named to the key, put back, nothing bounced."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.real.lab import Lab, item


def test_an_edited_file_is_put_back_and_nothing_restarts(lab: Lab) -> None:
    pids = lab.pids_now()
    file = lab.properties("broker-1")
    text = file.read_text()
    file.write_text(text.replace("num.io.threads=5", "num.io.threads=3") + "log.segment.bytes=9\n")
    cluster = lab.json("drift", code=2)
    change = item(cluster, "changes")
    assert (change["action"], change["kind"]) == ("update", "file")
    assert change["name"] == str(file)
    assert change["before"] == {"log.segment.bytes": "9", "num.io.threads": "3"}
    assert change["after"] == {"log.segment.bytes": None, "num.io.threads": "5"}
    assert change["effect"] == "none"
    assert lab.applied() == [("update", "file", "config/server-1.properties")]
    assert file.read_text() == text
    assert lab.pids_now() == pids


def test_order_comments_and_blanks_at_the_end_are_not_drift(lab: Lab) -> None:
    file = lab.properties("broker-1")
    text = file.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    file.write_text("# mine\n\n" + "\n".join(reversed(lines)) + "\n\n")
    assert lab.run("drift").code == 0
    file.write_text(text)


def test_an_edited_launch_file_is_put_back_and_nothing_restarts(lab: Lab) -> None:
    pids = lab.pids_now()
    file = lab.home / ".provision/launch/server-1.conf"
    text = file.read_text()
    file.write_text(text.replace("heap=256m", "heap=300m"))
    change = item(lab.json("drift", code=2), "changes")
    assert (change["kind"], change["name"]) == ("file", str(file))
    assert (change["before"], change["after"]) == ({"heap": "300m"}, {"heap": "256m"})
    assert lab.applied() == [("update", "file", ".provision/launch/server-1.conf")]
    assert file.read_text() == text
    assert lab.pids_now() == pids


@pytest.mark.parametrize("name", ["config/server-1.properties", "logs-1"])
def test_a_wrong_owner_or_mode_is_named_and_mended(lab: Lab, name: str) -> None:
    pids = lab.pids_now()
    path = lab.home / name
    was = path.stat()
    shutil.chown(path, "nobody", "nogroup")
    path.chmod(0o777)
    change = item(lab.json("drift", code=2), "changes")
    assert (change["kind"], change["name"]) == ("directory" if path.is_dir() else "file", str(path))
    assert change["before"] == {"mode": "0777", "owner": "nobody:nogroup"}
    owner = f"{path.parent.owner()}:{path.parent.group()}"
    assert change["after"] == {"mode": f"0{was.st_mode & 0o777:o}", "owner": owner}
    assert lab.applied() == [("update", change["kind"], name)]
    now = path.stat()
    assert (now.st_mode, now.st_uid, now.st_gid) == (was.st_mode, was.st_uid, was.st_gid)
    assert lab.pids_now() == pids


def test_garbage_where_properties_were_is_put_back(lab: Lab) -> None:
    pids = lab.pids_now()
    file = lab.properties("broker-2")
    text = file.read_text()
    file.write_bytes(bytes(range(256)) * 40 + b"\n\xff\xfe\0=\r\x1b[31m\n")
    done = lab.run("drift")
    assert done.code == 2
    assert "\x1b[31m" not in done.text, "what a host says reaches no terminal as it is"
    change = item(lab.json("drift", code=2), "changes")
    assert (change["kind"], change["name"]) == ("file", str(file))
    assert change["before"]["num.io.threads"] is None
    assert change["after"]["num.io.threads"] == "5"
    assert lab.applied() == [("update", "file", "config/server-2.properties")]
    assert file.read_text() == text
    assert lab.pids_now() == pids


def test_a_pipe_where_properties_were_hides_nothing_but_itself(lab: Lab) -> None:
    pids = lab.pids_now()
    file = lab.properties("broker-2")
    text = file.read_text()
    file.unlink()
    os.mkfifo(file)
    cluster = lab.json("drift", code=2)
    change = item(cluster, "changes")
    assert (change["kind"], change["name"]) == ("file", str(file))
    assert change["before"]["type"] == "fifo"
    assert change["after"]["type"] == "file"
    assert not cluster["unknown"]
    assert lab.applied() == [("update", "file", "config/server-2.properties")]
    assert file.read_text() == text
    assert lab.pids_now() == pids


@pytest.fixture
def jars(lab: Lab) -> Path:
    (found,) = (lab.home / ".provision/dist").glob("kafka-3.9.1-*")
    return found


def test_jars_changed_missing_and_added_are_named_and_put_right(lab: Lab, jars: Path) -> None:
    pids = lab.pids_now()
    libs = sorted((jars / "libs").glob("*.jar"))
    changed, missing = libs[3], libs[5]
    content = {path.name: path.read_bytes() for path in (changed, missing)}
    changed.chmod(0o644)
    changed.write_bytes(content[changed.name][:-1] + b"?")
    missing.unlink()
    added = jars / "libs/aaa-mine.jar"
    added.write_bytes(b"mine")
    change = item(lab.json("drift", code=2), "changes")
    assert (change["kind"], change["name"]) == ("kafka", str(jars))
    named = change["before"]["files"]
    assert sorted(named) == sorted(
        [f"changed libs/{changed.name}", f"missing libs/{missing.name}", f"extra libs/{added.name}"]
    )
    assert lab.applied() == [("update", "kafka", f".provision/dist/{jars.name}")]
    assert {path.name: path.read_bytes() for path in (changed, missing)} == content
    assert not added.exists()
    assert lab.pids_now() == pids
    assert not lab.temporaries()
