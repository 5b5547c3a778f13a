# Every target first installs what it needs. It installs again only after a build file has changed.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# A shell may forbid Python to keep bytecode. Each process that a test starts would then compile rollcall again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install check test demo up doctor bench
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo 'make demo     starts everything, sends 10,000 SMS and 1,000 e-mails to a simulator, prints their roll calls after receipts'
	@echo 'make up       runs a local Kafka, MongoDB, producer and consumer until Ctrl-C'
	@echo 'make test     all tests, on a real Kafka and MongoDB'
	@echo 'make check    formatter, linter, types, layers, style of names and texts'
	@echo 'make bench    all scenarios of the bench in a small size, 30 minutes at most (SCENARIO=name for one in full size)'
	@echo 'make model    searches every order of the steps of the protocol, in small worlds'
	@echo 'make mutants  breaks the product on purpose, and checks that the tests notice'
	@echo 'make simulate thousands of simulated worlds with faults (SEEDS=n, or SEED=x for one with its trace)'
	@echo 'make torture  real processes under real faults (ROUNDS=n for more, SEED=x and ROWS=1,2 to repeat a run)'
	@echo 'make doctor   lists what this machine has and lacks'
	@echo 'make install  builds .venv (the other targets do it themselves)'

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'rollcall needs Python 3.11 or later. Name one: make PYTHON=python3.11'; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv \
		|| { echo 'no venv could be created. Fix: apt-get install -y python3-venv'; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/style

# The stack is fetched beforehand, so that a slow network does not count as a slow test. Three workers run, each with its own
# Kafka and MongoDB, because most tests wait for processes.
test: $(STAMP)
	-@$(BIN)/python -m devstack fetch
	$(BIN)/pytest -n 3 --dist loadfile

demo: $(STAMP)
	@$(BIN)/python -m devstack.demo

up: $(STAMP)
	@$(BIN)/python -m devstack.up

doctor: $(STAMP)
	@$(BIN)/python -m devstack doctor

bench: $(STAMP)
	@$(BIN)/python -m bench $(SCENARIO)

.PHONY: simulate
simulate: $(STAMP)
	@$(BIN)/python -m tests.simulate $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000))

# Searches each configuration completely. Then each flaw must be found.
.PHONY: model
model: $(STAMP)
	@$(BIN)/python -m tests.model --all --jobs 2

.PHONY: mutants
mutants: $(STAMP)
	@$(BIN)/python -m tests.mutants

.PHONY: torture
torture: $(STAMP)
	@$(BIN)/python -m tests.torture --rounds $(or $(ROUNDS),1) --rows $(or $(ROWS),all) $(if $(SEED),--seed $(SEED))
