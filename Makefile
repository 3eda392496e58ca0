# Everything that is done with a checkout. `make demo` is the place to start; CI runs `check`, `test` and `test-browser`.

PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := .venv/bin

# Modules that compute from what they are given and touch nothing else: tests reach every branch of them.
PURE := summarizer/records.py,summarizer/prices.py,summarizer/backends/pace.py,summarizer/parsing.py,summarizer/lines.py,summarizer/grounding.py,summarizer/passages.py,summarizer/results.py,summarizer/claims.py,summarizer/contributions.py,summarizer/rules.py,summarizer/sentences.py,summarizer/repairing.py,summarizer/verification.py,summarizer/folding.py,summarizer/latex.py,summarizer/quantities.py,summarizer/names.py,summarizer/acronyms.py,summarizer/labels.py,summarizer/aliases.py,summarizer/tagging.py,summarizer/writing/markdown.py,summarizer/writing/html.py,summarizer/writing/grouping.py,summarizer/writing/harmless.py,summarizer/reading/page.py,summarizer/reading/jsonl.py,summarizer/reading/documents.py,summarizer/reading/shapes.py,summarizer/reading/table.py,summarizer/reading/fields.py,summarizer/reading/identity.py,evals/metrics/*,evals/statistics.py,evals/baselines.py,evals/comparing.py,evals/counterfactuals/change.py,evals/counterfactuals/names.py,evals/counterfactuals/negations.py,evals/judging/blinding.py,evals/judging/normal.py

.PHONY: help setup demo demo-eval adapter test test-browser check format schema bench clean

help:
	@echo "make setup    install the tested versions into .venv"
	@echo "make demo     read the example papers with the small model and write demo/digest.html"
	@echo "make demo-eval  how good the small model is, on invented papers with labels: demo/eval/report.html"
	@echo "make adapter  train the adapter of the small model, from the published data in DATA"
	@echo "make test     run the tests; make test-browser: those that drive chromium"
	@echo "make check    formatting, lint, types, layers"
	@echo "make format   put the code into the format that check wants"
	@echo "make schema   write docs/record.schema.json anew"
	@echo "make bench    measure; takes about two hours"

PIP := $(BIN)/pip install --quiet --disable-pip-version-check

# The lock holds every package that is needed, so nothing is resolved: what was tested is what is installed. Only torch
# brings what it needs itself, because its builds for other processors need other packages.
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) --constraint requirements.lock "$$(grep '^torch==' requirements.lock)"
	$(PIP) --no-deps -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

setup: .venv/installed

demo: setup
	mkdir -p demo
	$(BIN)/summarizer run examples/papers.jsonl -o demo/papers.records.jsonl --overwrite || test $$? -eq 1
	$(BIN)/summarizer digest demo/papers.records.jsonl -o demo/digest.html --title "Example papers"
	$(BIN)/summarizer digest demo/papers.records.jsonl -o demo/digest.md --title "Example papers"
	@echo "Open demo/digest.html in a browser."

# With DATA=FOLDER also on fifty papers of SciTLDR dev, whose file is there.
demo-eval: setup
	$(BIN)/summarizer eval smoke -o demo/eval || test $$? -eq 1
	$(if $(DATA),$(BIN)/summarizer eval scitldr --data "$(DATA)" --limit 50 -o demo/eval || test $$? -eq 1)
	@echo "Open demo/eval/report.html in a browser."

# The adapter that ships, from the published data in the folder DATA (docs/adapter.md); takes four hours on two cores that compute
# in bfloat16, more on others, and goes on where it was stopped. Drawing is in int8, for x86-64.
LESSONS := build/adapter
TUNE := $(BIN)/summarizer tune --dtype bfloat16 --epochs 1 --licence Apache-2.0 --dev $(LESSONS)/scirex.held.jsonl
DRAW := $(BIN)/summarizer choices --device cpu --dtype int8 --batch-size 64 --max-tokens 100
adapter: setup
	$(if $(DATA),,$(error DATA=FOLDER is wanted, with the published files))
	$(BIN)/python benchmarks/adapter_data.py "$(DATA)" $(LESSONS)
	$(TUNE) -o $(LESSONS)/one --learning-rate 0.001 \
	  --train $(LESSONS)/scitldr.train.jsonl $(LESSONS)/tdmsci.train.jsonl $(foreach time,1 2 3,$(LESSONS)/scirex.train.jsonl)
	$(DRAW) $(LESSONS)/scitldr.first.jsonl --adapter $(LESSONS)/one --temperature 0.7 -n 7 -o $(LESSONS)/first.choices.jsonl
	$(TUNE) -o $(LESSONS)/two --learning-rate 0.0003 --adapter $(LESSONS)/one \
	  --train $(LESSONS)/scitldr.first.jsonl --choices $(LESSONS)/first.choices.jsonl
	$(DRAW) $(LESSONS)/scitldr.second.jsonl --adapter $(LESSONS)/two --temperature 0.7 -n 9 -o $(LESSONS)/second.choices.jsonl
	$(TUNE) -o $(LESSONS)/three --learning-rate 0.0003 --adapter $(LESSONS)/two \
	  --train $(LESSONS)/scitldr.second.jsonl --choices $(LESSONS)/second.choices.jsonl
	$(DRAW) $(LESSONS)/scitldr.third.jsonl --adapter $(LESSONS)/three --temperature 1 -n 9 -o $(LESSONS)/third.choices.jsonl
	$(TUNE) -o $(LESSONS)/four --learning-rate 0.0002 --lessons 16 --adapter $(LESSONS)/three --policy \
	  --train $(LESSONS)/scitldr.third.jsonl --choices $(LESSONS)/third.choices.jsonl
	$(DRAW) $(LESSONS)/scitldr.fourth.jsonl --adapter $(LESSONS)/four --temperature 1 -n 9 -o $(LESSONS)/fourth.choices.jsonl
	$(TUNE) -o $(LESSONS)/five --learning-rate 0.0003 --lessons 16 --adapter $(LESSONS)/four --policy \
	  --train $(LESSONS)/scitldr.fourth.jsonl --choices $(LESSONS)/fourth.choices.jsonl
	$(DRAW) $(LESSONS)/scitldr.fifth.jsonl --adapter $(LESSONS)/five --temperature 1 -n 9 -o $(LESSONS)/fifth.choices.jsonl
	$(TUNE) -o $(LESSONS)/six --learning-rate 0.001 --share 0.25 --lessons 16 --adapter $(LESSONS)/five --policy \
	  --train $(LESSONS)/scitldr.fifth.jsonl --choices $(LESSONS)/fifth.choices.jsonl
	$(BIN)/python benchmarks/ship_adapter.py $(LESSONS)/six

# A process for each core. Each computes with one thread: threads of several wait for one another, spinning.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not browser" --numprocesses auto --dist worksteal --cov --cov-report=term-missing:skip-covered
	$(BIN)/coverage report --include="$(PURE)" --fail-under=100 --format=total

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
	$(BIN)/python -m benchmarks.hosted_faults
	$(BIN)/python benchmarks/local_throughput.py
	$(BIN)/python benchmarks/hosted_throughput.py

clean:
	rm -rf .venv demo dist build .mypy_cache .ruff_cache .pytest_cache .coverage
