# Everything that is done with a checkout. `make demo` is the place to start; CI runs `make check` and `make test`.

PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := .venv/bin

.PHONY: help setup demo test test-browser check format schema bench clean

help:
	@echo "make setup    install the tested versions into .venv"
	@echo "make demo     read the example papers with the small model and write demo/digest.html"
	@echo "make test     run the tests; make test-browser: those that drive chromium"
	@echo "make check    formatting, lint, types, layers"
	@echo "make format   put the code into the format that check wants"
	@echo "make schema   write docs/record.schema.json anew"
	@echo "make bench    measure; takes about half an hour"

# The lock holds every package that is needed, so nothing is resolved: what was tested is what is installed.
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

setup: .venv/installed

demo: setup
	mkdir -p demo
	$(BIN)/summarizer run examples/papers.jsonl -o demo/papers.records.jsonl || test $$? -eq 1
	$(BIN)/summarizer digest demo/papers.records.jsonl -o demo/digest.html --title "Example papers"
	$(BIN)/summarizer digest demo/papers.records.jsonl -o demo/digest.md --title "Example papers"
	@echo "Open demo/digest.html in a browser."

test: setup
	$(BIN)/pytest -m "not browser" --cov --cov-report=term-missing:skip-covered

# Apart, because it needs chromium and chromedriver, which pip cannot install.
test-browser: setup
	$(BIN)/pytest -m browser

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: setup
	$(BIN)/python -c "import json; from summarizer.records import record_schema; print(json.dumps(record_schema(), indent=2))" > docs/record.schema.json

bench: setup
	$(BIN)/python benchmarks/cached_run.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/constraint.py
	$(BIN)/python benchmarks/local_throughput.py

clean:
	rm -rf .venv demo dist build .mypy_cache .ruff_cache .pytest_cache .coverage
