#!/usr/bin/env bash
# `make test`: everything that CI runs, in the order in which a mistake is cheapest to find.
#
#   1. checks that run no code       ruff, mypy, lint-imports
#   2. unit tests                    tests/unit
#   3. tests on this machine         tests/contract, tests/real
#   4. tests on real hosts           tests/real_hosts, each worker in a world of tests.hosts (root
#                                    on Linux)
#
# All of it runs even if a part fails. Where real hosts are not to be had, 4 is left out, which is
# said, and is a failure under CI. The last line is pytest's own summary when all is well.
#
# Most of the time is waits, of Kafka and of systemd: WORKERS, one more than there are processors
# unless it is given, wait side by side.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=.venv/bin/python
workers=${WORKERS:-$(($("$python" -c 'import os; print(os.cpu_count())') + 1))}
failed=()

part() {
    local name=$1
    shift
    printf '\n=== %s\n' "$name"
    "$@" </dev/null || failed+=("$name")
}

tests() {
    "$python" -m pytest --dist loadfile --tb short --durations 30 --durations-min 1 "$@"
}

printf '=== preparing real test hosts\n'
hosts=yes
if ! "$python" -m tests.hosts base </dev/null; then # tools and image, while there is a network
    hosts=no
    echo "the tests on real hosts are left out (CONTRIBUTING.md says what they need)"
    [ "${CI:-}" != true ] || failed+=("real hosts")
fi

# Commands that are started hundreds of times would compile, and some may not write, what they import.
"$python" -m compileall -q provisioner tests
part "checks" tools/lint.sh
part "unit tests" tests -n "$workers" tests/unit
# The worlds of the host tests have no way out: what is sent to hosts is brought here before.
part "Kafka and Java in the cache" \
    .venv/bin/provision fetch --version 3.9.1 --version 3.9.2 --version 4.2.0 --version 4.3.1
# A worker is a command with Python's arguments at its end.
alone="popen//python=$python -m tests.alone $python"
if ! "$python" -m tests.alone true 2>/dev/null; then # not root: one worker sees no other's Kafka
    alone=popen workers=1
fi
part "tests on this machine" tests --tx "$workers*$alone" -m "not hosts" tests/contract tests/real
if [ $hosts = yes ]; then
    part "tests on real hosts" tests \
        --tx "$workers*popen//python=$python -m tests.hosts world -- $python" \
        -m hosts tests/contract tests/real_hosts
fi

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
