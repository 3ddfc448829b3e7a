# Each target works in a fresh clone: it makes .venv and installs the pinned packages first, then once more when they change.
# Another Python: make test PYTHON=python3.12

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
BIN := .venv/bin
INSTALLED := .venv/installed
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --custom-compile-command "make lock"

.PHONY: demo play screenshot test lint check bench quotas fit install format lock clean
.DEFAULT_GOAL := check

demo: $(INSTALLED)  ## play the story in the sandbox
	$(BIN)/headroom demo

play: $(INSTALLED)  ## the same in a browser: Slack, CRM, PostHog, faults and time on one page of this machine
	$(BIN)/headroom demo --serve $(ARGS)

test: $(INSTALLED)  ## all tests; those on PostgreSQL where its server is installed
	$(BIN)/pytest --numprocesses auto --dist loadfile $(ARGS)

screenshot: $(INSTALLED)  ## README's picture, made by the browser test of the story
	HEADROOM_SCREENSHOT=$(CURDIR)/tests/browser/screenshot.png $(BIN)/pytest tests/browser -k won_deal

lint: $(INSTALLED)  ## format, lint, types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/mypy tests

check: lint test

bench: $(INSTALLED)  ## measure: accounts a second, an evaluation by stage, jobs a second, click to deal
	$(BIN)/python -m sandbox.bench.detection
	$(BIN)/python -m sandbox.bench.evaluation
	$(BIN)/python -m sandbox.bench.jobs
	$(BIN)/python -m sandbox.bench.push
	$(BIN)/python -m sandbox.bench.replay

fit: $(INSTALLED)  ## work the forecast's constants out again from the benchmark's public half
	$(BIN)/python -m sandbox.bench.fit $(ARGS)

quotas: $(INSTALLED)  ## hold the growth rule against months of real quotas, from the same benchmark
	$(BIN)/python -m sandbox.bench.quotas $(ARGS)

install: $(INSTALLED)

format: $(INSTALLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(INSTALLED)  ## pin the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --all-extras --upgrade -o requirements/development.txt pyproject.toml
	$(LOCK) --extra postgres -c requirements/development.txt -o requirements/production.txt pyproject.toml

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(INSTALLED): requirements/development.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Headroom needs Python 3.11 or newer; name yours: make PYTHON=/path/to/python"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/development.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
