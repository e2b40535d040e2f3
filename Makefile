# `make help` lists the targets. All paths are relative: the folder's name may hold spaces.
# PYTHON=/path/to/python3 chooses the interpreter for .venv (3.11 or newer).

export PYTHON

.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

lab: runtime  ## build the lab cluster of specs/lab.yaml on this machine, from nothing, and verify it
	.venv/bin/provision apply --round-trip specs/lab.yaml

test: dev  ## everything that CI runs: checks, unit, contract, real Kafka, real hosts (as root)
	@tools/test.sh

lint: dev  ## ruff, mypy and the boundaries between the packages
	@tools/lint.sh

format: dev  ## rewrite the code in the project's style
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

unit: dev  ## tests/unit: no network, seconds
	.venv/bin/python -m pytest tests/unit $(ARGS)

contract: dev  ## tests/contract, without its real hosts
	.venv/bin/python -m pytest -m "not hosts" tests/contract $(ARGS)

real: dev  ## tests/real: real Kafka processes on this machine
	.venv/bin/python -m pytest tests/real $(ARGS)

hosts-test: dev  ## tests/real_hosts in a world of real systemd hosts (as root)
	.venv/bin/provision fetch --version 3.9.1 --version 3.9.2 --version 4.2.0 --version 4.3.1
	.venv/bin/python -m tests.hosts world -- \
		.venv/bin/python -m pytest -m hosts tests/contract tests/real_hosts $(ARGS)

soak: dev  ## every mode of Kafka, kills and cuts at more moments than `make test` (as root)
	.venv/bin/provision fetch --version 3.9.1 --version 3.9.2 --version 4.2.0 --version 4.3.1 --version 4.4.0
	PROVISION_SOAK=yes .venv/bin/python -m pytest tests/unit/run/test_crash_seeds.py $(ARGS)
	PROVISION_SOAK=yes .venv/bin/python -m tests.alone .venv/bin/python -m pytest \
		--timeout 1800 -m "not hosts" tests/real $(ARGS)
	PROVISION_SOAK=yes .venv/bin/python -m tests.hosts world -- \
		.venv/bin/python -m pytest --timeout 3000 -m hosts tests/contract tests/real_hosts $(ARGS)

hosts: dev  ## a world of real test hosts to work with by hand
	.venv/bin/python -m tests.hosts up

hosts-down: dev  ## throw that world away
	.venv/bin/python -m tests.hosts down

bench: dev  ## the measurements of bench/
	.venv/bin/python -m bench $(ARGS)

# uv stands in a folder of its own: nothing but this target needs it.
lock: .lock-venv/bin/uv  ## pin the dependencies of pyproject.toml anew, to the newest that fit
	.lock-venv/bin/uv pip compile --upgrade $(LOCK) --group dev --output-file requirements-dev.lock
	.lock-venv/bin/uv pip compile --upgrade $(LOCK) --constraint requirements-dev.lock \
		--output-file requirements.lock

locks: dev  ## the digests of Kafka's jars that ship, VERSIONS="4.4.0" (default: all); look at the diff
	.venv/bin/python tools/make_locks.py $(VERSIONS)

tables: dev  ## the tables of Kafka's properties and features, VERSIONS="4.4.0"; needs Maven and a JDK
	.venv/bin/python tools/make_tables.py build/tables $(VERSIONS)

LOCK := --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-annotate --no-emit-index-url --custom-compile-command 'make lock' pyproject.toml

.lock-venv/bin/uv:
	@tools/venv.sh bare
	.venv/bin/python -m venv .lock-venv
	.lock-venv/bin/python -m pip install --quiet uv

clean:  ## remove what was made here: .venv, caches, build products
	rm -rf .venv .lock-venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

runtime:
	@tools/venv.sh runtime

dev:
	@tools/venv.sh dev

.PHONY: help lab test lint format unit contract real hosts-test soak hosts hosts-down bench lock locks tables clean \
	runtime dev
