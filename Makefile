# The phone book. `make` alone lists what there is.
# Needed: Python 3.11 or newer as $(PYTHON), and make. Everything else goes into .venv, from pinned hashes.

PYTHON ?= python3
FUZZ_SECONDS ?= 60
# What is compiled is kept, whatever the environment says: the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=
VENV   := .venv
BIN    := $(VENV)/bin
BASE   := $(VENV)/.base
DEV    := $(VENV)/.dev
FUZZ   := $(VENV)/.fuzz
EXTRA  := $(VENV)/.extra
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test test-pythons test-newest-python agents-versions agents-oldest test-slow fuzz services lint format types layers smoke bench bench-quick bench-check bench-profile bench-publish bench-requirements chaos chaos-smoke chaos-selftest chaos-nightly chaos-figures requirements clean

help:          ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 22

demo: $(BASE)  ## run the support desk, from a fresh checkout
	$(BIN)/python examples/support_desk/demo.py

# Five at a time whatever the cores: most of them wait for servers, processes and leases. In the order in which they lie
# (pytest's default begins with files of many tests): the longest tests come early, and many short ones last.
test: $(DEV) services  ## all tests but the slow ones
	$(BIN)/pytest -n 5 --dist loadfile --no-loadscope-reorder -m "not slow and not extra"

test-pythons: services  ## unit, contract and specification tests on every Python from 3.11 on that is here
	.ci/pythons all tests/unit tests/contracts tests/specification

test-newest-python: ## a part of them on the newest Python that is here, within two minutes
	.ci/pythons newest tests/unit/activities tests/unit/app tests/unit/model tests/unit/routing tests/specification -k "not sqlite and not postgres and not redis and not rabbitmq and not long_lists and not interrupting"

AGENTS = tests/unit/agents tests/specification/test_accounting.py tests/specification/test_agent_options.py \
	tests/specification/test_behaviours_of_agents.py \
	tests/specification/test_crashes_of_agents.py tests/specification/test_forks_of_agents.py \
	tests/specification/test_histories.py

agents-versions: $(DEV) services ## the tests of agents on each version of pydantic-ai that is supported, and across them
	.ci/agents all $(AGENTS) tests/specification/test_agents.py
	$(BIN)/pytest -q $(AGENTS) tests/specification/test_agents.py tests/integration/agents/test_versions.py

agents-oldest: $(DEV) ## a part of them on the oldest, within a minute
	.ci/agents oldest $(AGENTS) -k "not postgres and not redis and not rabbitmq"

test-slow: $(DEV) services  ## the slow tests
	$(BIN)/pytest -n auto --dist loadfile -m slow

test-extra: $(EXTRA) services  ## what needs more: the dashboard in a browser with axe, the API against its description, MCP
	.ci/chromium
	$(BIN)/pytest -n 2 --dist loadfile -m extra $$(grep -rl --include='*.py' 'pytest\.mark\.extra' tests)

fuzz: $(FUZZ)  ## feed what reads from outside, led by coverage, for FUZZ_SECONDS in all (60)
	$(BIN)/python -m tests.fuzz $(FUZZ_SECONDS)

services:      ## take the servers that answer, start those that are missing
	.ci/services

lint: $(DEV)   ## style, format, declared dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/deptry src

format: $(DEV) ## put the code into shape
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

types: $(DEV)  ## pyright, strict over src; what users see of the types, by mypy too; examples and documents
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --warnings
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright --verifytypes paigeant --ignoreexternal > $(VENV)/types.txt || { grep error: $(VENV)/types.txt; exit 1; }
	$(BIN)/python -m tests.typed

layers: $(DEV) ## imports point down
	$(BIN)/lint-imports

smoke: $(DEV)  ## build the wheel, install it elsewhere without extras, and use it as the README does
	PYTHON="$(BIN)/python" .ci/smoke

bench: $(DEV)  ## measure speed beside raw loops and peers, in about an hour on a quiet machine
	$(BIN)/python benchmarks run

bench-quick: $(DEV) ## the same with small sizes, one round: a look, no figures to stand by
	$(BIN)/python benchmarks run --quick

bench-publish: $(DEV) ## write what `make bench` found into the documentation
	$(BIN)/python benchmarks publish

bench-profile: $(DEV) ## where the time of a worker goes, by function, on every backend
	$(BIN)/python benchmarks profile

bench-requirements: ## pin the peers and tools of the benchmark again (needs uv)
	.ci/pin-benchmarks

bench-check: $(DEV) ## fail if Paigeant reaches too little of a bare engine loop
	$(BIN)/python benchmarks check

chaos: $(DEV) services ## kill workers and servers under load, a little on every backend, and check the invariants
	$(BIN)/python -m chaos all

chaos-smoke: $(DEV) services ## the same with fewer runs and kills, in half the time
	$(BIN)/python -m chaos all --plan smoke

chaos-selftest: $(DEV) ## take safeguards out one by one, and see that the invariants notice
	$(BIN)/python -m chaos selftest

chaos-nightly: $(DEV) ## 10,000 runs on every backend; parts that were played already are not played again
	$(BIN)/python -m chaos nightly

chaos-nightly-%: $(DEV)
	$(BIN)/python -m chaos nightly $*

chaos-figures: $(DEV) ## print what the last nightly dramas came to
	$(BIN)/python -m chaos figures

requirements:  ## pin again (needs uv)
	.ci/pin base --group build
	.ci/pin dev --group build --group dev --all-extras --constraints requirements/base.txt
	.ci/pin extra --group build --group extra --constraints requirements/dev.txt
	.ci/pin fuzz --group build --group fuzz --constraints requirements/dev.txt
	.ci/pin-agents

clean:         ## remove what the targets made
	rm -rf $(VENV) dist build .pytest_cache .fuzz .ruff_cache .hypothesis .import_linter_cache .coverage

# One stamp an environment: a second call does nothing, a changed pin or pyproject installs again.

$(BASE): pyproject.toml requirements/base.txt | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements/base.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): pyproject.toml requirements/dev.txt | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(EXTRA): requirements/extra.txt $(DEV)
	$(PIP) install --quiet --require-hashes -r requirements/extra.txt
	@touch $@

$(FUZZ): requirements/fuzz.txt $(DEV)
	$(PIP) install --quiet --require-hashes -r requirements/fuzz.txt
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
