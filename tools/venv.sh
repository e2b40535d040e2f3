#!/usr/bin/env bash
# Makes .venv, or brings it up to date. Does nothing, in a few milliseconds, when nothing changed.
#
#   tools/venv.sh bare       only the environment (`make lock` needs no more)
#   tools/venv.sh runtime    what `provision` needs to run, and the command itself (requirements.lock)
#   tools/venv.sh dev        the same, and what the tests and checks need (requirements-dev.lock)
#
# PYTHON=/path/to/python3 chooses the interpreter; otherwise the first of python3, python3.14,
# … python3.11 that is new enough.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
case ${1:-} in
    bare) lock= ;;
    runtime) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *)
        echo "usage: tools/venv.sh bare|runtime|dev" >&2
        exit 1
        ;;
esac
want=$1
stamp=$venv/.stamp-$want

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || die "PYTHON=$PYTHON does not run, or is older than Python 3.11"
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    local found
    found=$(python3 --version 2>/dev/null) || found="no python3"
    die "Python 3.11 or newer is needed; found $found. Install one, or say where it is:" \
        "make PYTHON=/path/to/python3.11 …"
}

# Debian ships python3 without the part that puts pip into a new environment.
need_ensurepip() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    local package
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        say "$1 cannot make environments: installing $package"
        if { apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 \
                --no-install-recommends "$package"; } \
            </dev/null >&2 && "$1" -c 'import ensurepip, venv' 2>/dev/null; then
            return
        fi
        die "$1 cannot make environments (no ensurepip), and installing $package did not help"
    fi
    die "$1 cannot make environments (no ensurepip). On Debian and Ubuntu: sudo apt install $package"
}

# Usable: its Python runs, and it stands where it was made (a copied or moved one points elsewhere).
usable() {
    new_enough "$venv/bin/python" || return 1
    [ ! -e "$venv/.made-in" ] || [ "$(cat "$venv/.made-in")" = "$PWD" ]
}

if ! usable; then
    python=$(find_python)
    need_ensurepip "$python"
    say "making $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv" || {
        rm -rf "$venv"
        die "$python -m venv failed"
    }
fi
printf '%s\n' "$PWD" >"$venv/.made-in"
[ -n "$lock" ] || exit 0

key=$("$venv/bin/python" - pyproject.toml "$lock" <<'PYTHON'
import hashlib, pathlib, sys

digest = hashlib.sha256(sys.version.encode())
for name in sys.argv[1:]:
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PYTHON
)
if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then
    exit 0
fi

pip() {
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore \
        "$venv/bin/python" -m pip "$@" </dev/null >&2
}
say "installing $lock into $venv"
pip install --quiet --require-hashes -r "$lock"
pip install --quiet --no-deps --editable .
# Whoever may not write here, or has PYTHONDONTWRITEBYTECODE, would compile it all at each start.
"$venv/bin/python" -m compileall -q provisioner >&2
printf '%s\n' "$key" >"$stamp"
