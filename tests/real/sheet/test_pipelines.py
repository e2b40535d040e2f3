"""The examples in docs/pipelines: every command of theirs is run, against the running lab."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.real.lab import Lab
from tests.real.provisioned import ROOT

DOCS = ROOT / "docs" / "pipelines"
STUB = """#!/bin/sh
printf '%s\\n' "$0" "$@" >>"$STUB_LOG"
for word do case $word in *plan.md) [ -s "${word#*@}" ] || exit 7 ;; esac; done
"""


@pytest.fixture
def place(lab: Lab, tmp_path: Path) -> Path:
    """A checkout with specs/prod.yaml, and a path with provision on it."""
    (tmp_path / "specs").mkdir()
    shutil.copy(lab.spec, tmp_path / "specs" / "prod.yaml")
    programs = tmp_path / "bin"
    programs.mkdir()
    root, python = shlex.quote(str(ROOT)), shlex.quote(sys.executable)
    mine = f'#!/bin/sh\nPYTHONPATH={root} exec {python} -m provisioner "$@"\n'
    for name, text in (("provision", mine), ("gh", STUB), ("curl", STUB)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return tmp_path


def shell(place: Path, command: str, **env: str) -> subprocess.CompletedProcess[str]:
    paths = f"{place / 'bin'}:{os.environ['PATH']}"
    extra = {"PATH": paths, "STUB_LOG": str(place / "stubs"), "NO_COLOR": "1", **env}
    argv = ["bash", "-eo", "pipefail", "-c", command]
    return subprocess.run(
        argv, cwd=place, env=os.environ | extra, capture_output=True, text=True, timeout=600
    )


def ran(place: Path, commands: list[str], env: Mapping[str, str]) -> None:
    for command in commands:
        done = shell(place, command, **env)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def yaml(name: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(DOCS / name))


def drifted(lab: Lab) -> Path:
    """Somebody's editor."""
    file = lab.properties("broker-2")
    file.write_text(file.read_text() + "num.partitions=7\n")
    return file


def test_github_actions(lab: Lab, place: Path) -> None:
    workflow = yaml("github-actions.yml")
    summary = place / "summary.md"
    env = {**workflow["env"], "GITHUB_STEP_SUMMARY": str(summary), "PULL_REQUEST": "12"}
    jobs = {
        name: [step["run"] for step in job["steps"] if "run" in step]
        for name, job in workflow["jobs"].items()
    }
    assert set(jobs) == {"plan", "apply", "drift"}
    pids = lab.pids_now()
    drifted(lab)
    ran(place, jobs["plan"], env)
    comment = (place / "plan.md").read_text()
    assert "server-2.properties" in comment
    assert "`num.partitions`: `7` → `(not set)`" in comment
    assert (place / "stubs").read_text().split("\n")[1:4] == ["pr", "comment", "12"]
    done = shell(place, jobs["drift"][0], **env)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "differs" in summary.read_text()
    ran(place, jobs["apply"], env)
    assert "in sync, healthy" in summary.read_text()
    ran(place, jobs["drift"], env)
    assert lab.pids_now() == pids


@pytest.mark.soak
def test_gitlab(lab: Lab, place: Path) -> None:
    pipeline = yaml("gitlab-ci.yml")
    env = {
        **pipeline["variables"],
        "NOTES_TOKEN": "x",
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_ID": "7",
        "CI_MERGE_REQUEST_IID": "3",
    }
    drifted(lab)
    for job in ("plan", "saved"):
        ran(place, pipeline[job]["script"], env)
    url = "https://gitlab.example.com/api/v4/projects/7/merge_requests/3/notes"
    assert url in (place / "stubs").read_text()
    (drift,) = pipeline["drift"]["script"]
    assert shell(place, drift, **env).returncode == 2
    cases = ET.parse(place / "drift.xml").getroot()
    assert len(cases.findall(".//failure")) == 1
    ran(place, pipeline["apply"]["script"], env)
    ran(place, [drift], env)
    # the plan was of what there was then
    stale = shell(place, pipeline["apply"]["script"][0], **env)
    assert stale.returncode == 1, stale.stdout + stale.stderr


def here(place: Path, text: str) -> str:
    """The paths of the examples, in the folder of the test."""
    found = text.replace("/etc/kafka/specs", f"{place}/specs")
    found = found.replace("/var/lib/node_exporter", str(place))
    return found.replace("/usr/local/bin/provision", f"{place}/bin/provision")


@pytest.mark.soak
def test_cron(lab: Lab, place: Path) -> None:
    lines = (DOCS / "crontab").read_text().splitlines()
    # five fields, the user, and the command, in which % is escaped
    commands = [ln.split(None, 6)[6].replace("\\%", "%") for ln in lines if " kafka-ops " in ln]
    metrics, mail = (here(place, command) for command in commands)
    assert shell(place, metrics).returncode == 0
    assert 'provision_in_sync{cluster="atu-lab"} 1' in (place / "provision.prom").read_text()
    assert shell(place, mail).stdout == ""
    drifted(lab)
    assert shell(place, metrics).returncode == 2
    assert 'provision_in_sync{cluster="atu-lab"} 0' in (place / "provision.prom").read_text()
    assert "num.partitions" in shell(place, mail).stdout
    lab.apply()


def test_systemd(lab: Lab, place: Path) -> None:
    unit = (DOCS / "provision-drift.service").read_text().splitlines()
    (command,) = [line.removeprefix("ExecStart=") for line in unit if line.startswith("ExecStart")]
    words = shlex.split(here(place, command))
    done = shell(place, shlex.join(words))
    assert done.returncode == 0, done.stderr
    assert (place / "provision.prom").exists()
    timer = (DOCS / "provision-drift.timer").read_text()
    assert "OnCalendar=hourly" in timer
