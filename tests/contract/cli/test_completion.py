"""Completion scripts: bash's is loaded and asked, the others hold every verb and option."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provisioner.verbs.shared.registry import files
from tests.contract.cli.conftest import Provision

ASK = """. "$1"
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE="${{COMP_WORDS[*]}}"
COMP_POINT=${{#COMP_LINE}}
$(complete -p provision | sed 's/.*-F \\([^ ]*\\) .*/\\1/') provision
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def asked(script: Path, words: str) -> set[str]:
    command = ["bash", "--norc", "-c", ASK.format(words=words), "bash", str(script)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(ran.stdout.split())


def test_bash_completes_verbs_and_options(provision: Provision, tmp_path: Path) -> None:
    script = tmp_path / "provision.bash"
    script.write_text(provision("completion", "bash").out)
    assert set(files()) <= asked(script, "provision ''")
    assert {"drift", "drill"} == asked(script, "provision dr")
    assert {"--format", "--output"} <= asked(script, "provision drift --")
    assert {"markdown"} == asked(script, "provision drift --format m")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_holds_every_verb_and_its_options(provision: Provision, shell: str) -> None:
    text = provision("completion", shell).out
    assert all(verb in text for verb in files())
    assert "accept-new-host-keys" in text


def test_an_unknown_shell(provision: Provision) -> None:
    ran = provision("completion", "tcsh")
    assert ran.code == 1
    assert "tcsh" in ran.err
