# Three commands a newcomer needs: `make run` hosts a room, `make chat` talks in it, `make test` runs
# the tests. Each makes .venv and installs into it what it needs; nothing outside this folder is touched.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Processes that share the tests: much of their time is waiting, so more than a small machine has
# cores. 0 for one in this terminal, with --pdb or -s.
WORKERS ?= 3

.DEFAULT_GOAL := run
.PHONY: help run chat load cluster lab test test-long test-bench test-redis torture stress-tls lint types bench bench-slow bench-crowd bench-servers compare clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | \
	awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.installed  ## host a room until Ctrl-C; ARGS=... for chat-server
	$(BIN)/chat-server $(ARGS)

chat: $(VENV)/.installed  ## talk in a room; ARGS=HOST for one on another machine
	$(BIN)/chat-client $(ARGS)

load: $(VENV)/.installed  ## a load test with a server of its own
	$(BIN)/chat-load --own-server $(ARGS)

cluster: $(VENV)/.installed-redis  ## two servers on one Redis until Ctrl-C; ARGS='--port 8000'
	$(BIN)/python deploy/cluster.py $(ARGS)

lab: $(VENV)/.installed  ## lessons on concurrency; ARGS='run frozen-reader' for one
	$(BIN)/chat-lab $(ARGS)

test: $(VENV)/.installed-dev  ## the tests; ARGS='tests/protocol -k nick' for some
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-long: $(VENV)/.installed-dev  ## the tests that start programs, or take longer
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "long and not alone" $(ARGS) || [ $$? = 5 ]
	$(BIN)/python -m pytest -m alone $(ARGS) || [ $$? = 5 ]  # 5: there is none among ARGS

test-bench: $(VENV)/.installed-dev  ## the tests of the benchmarks
	$(BIN)/python -m pytest -m bench tests/benchmarks $(ARGS)

test-redis: $(VENV)/.installed-dev  ## the tests of the server, with all logs in Redis
	$(BIN)/python -m pytest tests/chat_server --log redis -n $(WORKERS) --dist worksteal -m "not long and not bench and not alone" $(ARGS)

torture: $(VENV)/.installed-dev  ## kill the server and cut connections for minutes, and check every promise
	$(BIN)/python -m tests.torture $(ARGS)

stress-tls: $(VENV)/.installed-dev  ## TLS under load, every byte compared
	$(BIN)/python -m tests.stress_tls $(ARGS)

lint: $(VENV)/.installed-dev  ## check the style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev  ## check the types
	$(BIN)/mypy

bench: $(VENV)/.installed-dev  ## measure the fan-out of one busy room
	$(BIN)/python -m benchmarks.fanout $(ARGS)

bench-slow: $(VENV)/.installed-dev  ## measure it beside readers that stop
	$(BIN)/python -m benchmarks.slow_readers $(ARGS)

bench-crowd: $(VENV)/.installed-dev  ## measure thousands of idle clients
	$(BIN)/python -m benchmarks.crowd $(ARGS)

bench-servers: $(VENV)/.installed-dev  ## measure one server on SQLite, and one and two on Redis
	$(BIN)/python -m benchmarks.servers $(ARGS)

compare: $(VENV)/.installed-dev  ## measure beside Redis, NATS and others
	$(BIN)/python -m benchmarks.compare $(ARGS)

clean: ## remove .venv
	rm -rf $(VENV)

# Says what is missing before anything is made or installed.
define CHECK_PYTHON
import sys
if sys.version_info < (3, 11):
    sys.exit("Backchannel needs Python 3.11 or later; %s is %d.%d.%d. Name another one: make run "
             "PYTHON=python3.12" % (sys.argv[1], *sys.version_info[:3]))
try:
    import ensurepip, venv
except ImportError:
    sys.exit("%s cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv"
             % sys.argv[1])
endef
export CHECK_PYTHON

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here. Backchannel needs \
	Python 3.11 or later: make run PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c "$$CHECK_PYTHON" "$(PYTHON)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-redis: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[redis]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[metrics,test,dev]'
	touch $@ $(VENV)/.installed
