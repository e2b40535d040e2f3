"""Options: the closed list of --allow, and what a verb without a spec is asked for."""

from __future__ import annotations

import pytest

from provisioner.errors import ProvisionError
from provisioner.run.locks import checked
from provisioner.verbs.fetch import asked
from provisioner.verbs.shared.arguments import parse
from provisioner.verbs.shared.permitted import ALLOW, allowed, useless
from provisioner.verbs.shared.registry import every

ALLOWED: list[tuple[list[str], dict[str, frozenset[str]]]] = [
    ([], {}),
    (["offline"], {"offline": frozenset()}),
    (["delete-topic=a"], {"delete-topic": frozenset("a")}),
    (["delete-topic=a", "delete-topic=b,c"], {"delete-topic": frozenset("abc")}),
    (["delete-topic=a", "delete-topic"], {"delete-topic": frozenset({"", "a"})}),
    (["delete-topic", "delete-topic=a"], {"delete-topic": frozenset({"", "a"})}),
    (["data-loss=broker-1"], {}),
    (["data-loss=broker-1", "data-loss"], {"data-loss": frozenset()}),
]


@pytest.mark.parametrize(("words", "found"), ALLOWED)
def test_allow(words: list[str], found: dict[str, frozenset[str]]) -> None:
    """An empty set allows all of that name, and so does the empty value in one."""
    assert allowed(words) == found


def test_a_value_where_none_is_taken_is_said_and_permits_nothing() -> None:
    words = ["offline=atu-0", "data-loss", "wipe-log-dir=/data", "delete-topic"]
    assert useless(words) == ["--allow offline=atu-0 permits nothing: offline takes no value"]


def test_every_name_of_the_closed_list_is_taken() -> None:
    for name in ALLOW:
        assert allowed([name]) == {name: frozenset()}


@pytest.mark.parametrize("word", ["", "all", "delete-topics", "=x", "Offline"])
def test_allow_is_a_closed_list(word: str) -> None:
    with pytest.raises(ProvisionError) as caught:
        allowed([word])
    assert caught.value.problems[0].code == "usage"


@pytest.mark.parametrize("verb", sorted(verb.name for verb in every() if verb.of_clusters))
def test_every_verb_of_a_cluster_takes_the_same_options(verb: str) -> None:
    extra = {"drill": ["--node", "broker-1"], "destroy": ["--confirm", "x"]}.get(verb, [])
    args = parse([verb, "a.yaml", "b.yaml", "-i", "hosts", "-l", "lab*", "--json", "-v", *extra])
    assert (args.spec, args.inventory, args.limit) == (["a.yaml", "b.yaml"], "hosts", "lab*")
    assert (args.json, args.verbose, args.parallel) == (True, True, 10)


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (["plan", "a.yaml"], (False, False, False)),
        (["--json", "plan", "a.yaml"], (True, False, False)),
        (["--json", "plan", "a.yaml", "--json"], (True, False, False)),
        (["-v", "plan", "a.yaml", "--debug"], (False, True, True)),
        (["--debug", "--verbose", "--json", "plan", "a.yaml"], (True, True, True)),
    ],
)
def test_what_may_stand_before_the_verb(argv: list[str], found: tuple[bool, ...]) -> None:
    args = parse(argv)
    assert (args.json, args.verbose, args.debug) == found


def test_what_may_not_stand_before_the_verb_is_told_where_to_stand() -> None:
    with pytest.raises(ProvisionError) as caught:
        parse(["--json", "-i", "hosts.yaml", "plan", "a.yaml"])
    (problem,) = caught.value.problems
    assert problem.message == "-i stands before the verb"
    assert "provision VERB … -i" in problem.hint


def test_every_verb_says_what_it_does() -> None:
    assert all(verb.summary for verb in every())


@pytest.mark.parametrize(
    ("argv", "versions", "arches"),
    [
        (["--version", "3.9.1", "--arch", "arm64"], ["3.9.1"], ["aarch64"]),
        (["--version", "3.9.1,4.2.0", "--arch", "x86_64"], ["3.9.1", "4.2.0"], ["x86_64"]),
        (["--version", "4.2.0", "--version", "4.2.0", "--arch", "amd64"], ["4.2.0"], ["x86_64"]),
        (["--bundle", "b", "--arch", "amd64,aarch64"], [], ["x86_64", "aarch64"]),
    ],
)
def test_what_fetch_is_asked_for(argv: list[str], versions: list[str], arches: list[str]) -> None:
    assert asked(parse(["fetch", *argv])) == (versions, arches)


@pytest.mark.parametrize("word", ["", "1234567", "123456789", "0123abcg", "0123ABCD", "../../.."])
def test_the_id_of_a_holder(word: str) -> None:
    assert checked("0123abcd") == "0123abcd"
    with pytest.raises(ProvisionError):
        checked(word)


@pytest.mark.parametrize("word", ["delete-topic=", "delete-topic=a,", "wipe-log-dir=,"])
def test_a_value_that_is_empty_permits_nothing(word: str) -> None:
    """``--allow delete-topic=$TOPIC`` with an empty variable is not permission for all."""
    with pytest.raises(ProvisionError) as stopped:
        allowed([word])
    assert stopped.value.problems[0].code == "usage"


def test_what_follows_two_dashes_is_the_users_command() -> None:
    args = parse(["maintain", "a.yaml", "--all", "--", "apt-get", "--dry-run", "--json", "--", "x"])
    assert args.spec == ["a.yaml"]
    assert args.command == ("apt-get", "--dry-run", "--json", "--", "x")
    assert args.json is False
    assert parse(["maintain", "a.yaml", "--host", "h"]).command == ()


def test_other_verbs_have_no_command() -> None:
    assert parse(["drift", "--", "a.yaml"]).spec == ["a.yaml"]


@pytest.mark.parametrize("word", ["24:00", "7:30", "noon", "07:60", ""])
def test_a_time_of_day_that_is_none(word: str) -> None:
    with pytest.raises(ProvisionError, match="not a time of day from 00:00 to 23:59"):
        parse(["apply", "a.yaml", "--until", word])


@pytest.mark.parametrize("word", ["-1", "x", "1.5", "٣"])
def test_a_number_of_restarts_that_is_none(word: str) -> None:
    with pytest.raises(ProvisionError, match="is not a whole number of 0 or more"):
        parse(["restart", "a.yaml", f"--max-restarts={word}"])
