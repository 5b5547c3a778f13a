# Every target installs what it needs first; only a changed build file makes it install again.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install check test demo up doctor bench
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo 'make demo     starts everything, sends 10,000 SMS and 1,000 e-mails to nobody, calls the roll'
	@echo 'make up       runs a local Kafka, MongoDB, producer and consumer until Ctrl-C'
	@echo 'make test     all tests, on a real Kafka and MongoDB'
	@echo 'make check    formatter, linter, types, layers'
	@echo 'make bench    throughput, against the same work by hand'
	@echo 'make model    every order of steps of the protocol, in small worlds'
	@echo 'make mutants  the product broken on purpose: the proofs must notice'
	@echo 'make simulate thousands of worlds in which everything goes wrong; SEEDS=n, or SEED=x for one with its trace'
	@echo 'make torture  real processes under real faults; ROUNDS=n for longer, SEED=x and ROWS=1,2 for the same again'
	@echo 'make doctor   what this machine has and lacks'
	@echo 'make install  builds .venv; the others do it by themselves'

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'rollcall wants Python 3.11 or later; name one: make PYTHON=python3.11'; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv \
		|| { echo 'no venv could be made; mend: apt-get install -y python3-venv'; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Fetched beforehand, so that a slow network does not count as a slow test. Two at a time, each with a Kafka and a MongoDB
# of its own: most tests wait for processes.
test: $(STAMP)
	-@$(BIN)/python -m devstack fetch
	$(BIN)/pytest -n 2 --dist loadfile

demo: $(STAMP)
	@$(BIN)/python -m devstack.demo

up: $(STAMP)
	@$(BIN)/python -m devstack.up

doctor: $(STAMP)
	@$(BIN)/python -m devstack doctor

bench: $(STAMP)
	@$(BIN)/python -m bench

.PHONY: simulate
simulate: $(STAMP)
	@$(BIN)/python -m tests.simulate $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000))

# Each configuration is searched to its end, then each flaw must be found.
.PHONY: model
model: $(STAMP)
	@$(BIN)/python -m tests.model --all --jobs 2

.PHONY: mutants
mutants: $(STAMP)
	@$(BIN)/python -m tests.mutants

.PHONY: torture
torture: $(STAMP)
	@$(BIN)/python -m tests.torture --rounds $(or $(ROUNDS),1) --rows $(or $(ROWS),all) $(if $(SEED),--seed $(SEED))
