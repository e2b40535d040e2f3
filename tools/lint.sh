#!/usr/bin/env bash
# The checks that run no code of ours. All of them run, whatever the first one says.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=()
check() {
    printf '== %s\n' "$*"
    ".venv/bin/$1" "${@:2}" </dev/null || failed+=("$*")
}

check ruff check .
check ruff format --check .
check mypy
check lint-imports --no-logo

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
