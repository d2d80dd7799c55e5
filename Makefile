# Every target sets up what it needs on a bare machine (Python 3.11).
SHELL := /bin/bash
PY := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# A bank's network has certificate authorities of its own: believe those that the machine believes.
export UV_SYSTEM_CERTS := 1
export PYTHONPATH := $(CURDIR):$(CURDIR)/sdk

.PHONY: setup system erp run demo test lint soak bench verify generate contract requirements clean

setup: .venv/.ready

.venv/.ready: requirements.txt requirements-dev.txt
	python3.11 -m venv .venv
	$(PY) -m pip install --quiet --require-hashes -r requirements-uv.txt
	.venv/bin/uv pip sync --quiet --python $(PY) --require-hashes requirements-dev.txt
	touch $@

system:
	@deploy/system.sh

erp: setup
	$(PY) -m connectors.core_enterprise.tryton.install

run: setup erp
	$(PY) -m deploy run

demo: setup erp
	$(PY) -m deploy demo

# Thousands of throw-away databases: memory holds them where there is a memory disk. What a test means by a crash is
# the death of a process, which a memory disk survives like any other.
test: export TMPDIR := $(shell test -w /dev/shm && echo /dev/shm || echo /tmp)
test: setup system erp lint
	$(PY) -m pytest tests --numprocesses 2 --dist loadgroup
	$(PY) -m deploy demo

lint: setup
	buf lint
	buf breaking proto --against proto/released.binpb
	tools/fresh.sh
	ruff check .
	ruff format --check .
	mypy
	lint-imports

soak: setup system erp
	$(PY) -m tests.soak

bench: setup erp
	$(PY) -m loadtests.bench

verify: setup
	@test -n "$(FILE)" || { echo "usage: make verify FILE=path [TRUST=trust-anchors.json]"; exit 2; }
	$(PY) -m ledger.verify $(FILE) $(if $(TRUST),--trust $(TRUST))

generate: setup
	buf format -w proto
	find sdk/huilian sdk/buf -name '*_pb2*' -delete
	buf generate
	$(PY) -m huilian_protocol.catalogue

contract: setup
	$(PY) -m ledger.contract

# Resolves the hashed requirements again after a change of pyproject.toml.
requirements:
	uv export --quiet --no-emit-project --no-dev --no-header -o requirements.txt
	uv export --quiet --no-emit-project --no-header -o requirements-dev.txt
	rm -f uv.lock

clean:
	rm -rf var .mypy_cache .ruff_cache .pytest_cache
