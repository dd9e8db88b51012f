# `make run` and `make test` install all they need and ask no questions. They need Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
# The number of test processes, for two cores: one more than cores, because many tests wait for other processes.
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
COLLECTED := $(or $(DATA_DIR),var)/static/staticfiles.json
MANAGE := $(BIN)/python manage.py
# Many short processes run this code. Decode processes may write no files, so they could not store compiled modules.
COMPILE := $(BIN)/python -m compileall -q moderation reviewqueue $(wildcard localpg)
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: install install-dev install-torch lock licences run test test-slow check coverage format bench bench-screening bench-claiming bench-draft bench-evasion bench-statistics bench-rollup bench-night stop clean

install: $(VENV)/installed
	@$(COMPILE)

install-dev: $(VENV)/installed-dev
	@$(COMPILE)

install-torch: $(VENV)/installed-torch

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: no python3 was found." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or later is needed; {sys.executable} is {sys.version.split()[0]}. Set PYTHON=...")'
	"$(PYTHON)" -m venv $(VENV)

# Make skips the installation, and so the network, while this file is newer than the locked file. pip compares hashes.
$(VENV)/installed: requirements.txt | $(BIN)/python
	$(PIP_INSTALL) --require-hashes --requirement requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt requirements.txt | $(BIN)/python
	$(PIP_INSTALL) --require-hashes --requirement requirements-dev.txt
	@touch $@ $(VENV)/installed

# A gigabyte that one slow test needs: the networks' own framework, for comparison. Only torch is installed without a
# hash: its CPU and CUDA builds share a version but not a file, and the test accepts either. --no-deps leaves out
# torchvision, which nothing needs.
$(VENV)/installed-torch: requirements-torch.txt $(VENV)/installed-dev
	$(PIP_INSTALL) --require-hashes --no-deps --requirement requirements-torch.txt
	$(PIP_INSTALL) --no-warn-conflicts torch==2.13.0
	@touch $@

# Versions change only for the named packages: make lock UPGRADE="pillow numpy", or UPGRADE=all.
LOCK = $(BIN)/uv pip compile --quiet $(if $(filter all,$(UPGRADE)),--upgrade,$(UPGRADE:%=--upgrade-package %))

# Write the locked files from the .in files. uv resolves for the oldest supported Python, whichever version runs it, and
# takes the hashes for all platforms from the index without downloading a file.
lock: $(BIN)/python
	$(PIP_INSTALL) uv==0.13.9
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) requirements.in requirements-dev.in --constraint requirements.txt --output-file requirements-dev.txt
	$(LOCK) requirements-torch.in --constraint requirements-dev.txt --output-file requirements-torch.txt
	@echo "Now run 'make licences', which installs them and lists their licences in docs/dependencies.md."

licences: install-dev
	$(BIN)/python docs/list_dependencies.py

# Collecting and compressing the static files takes half a minute, so it is done only after a change.
$(COLLECTED): $(VENV)/installed $(shell find static -type f)
	@$(MANAGE) collectstatic --noinput --verbosity 0
	@touch $@

# The first command that needs the private PostgreSQL starts it.
run: install $(COLLECTED)
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) demo $(if $(IMAGES),--images "$(IMAGES)")
	@$(MANAGE) prescreen
	@$(MANAGE) serve --port $(PORT)

test: install-dev
	@$(BIN)/python -m tests.chromium --ensure
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

test-slow: install-torch
	@$(BIN)/python -m tests.chromium --ensure
	$(BIN)/python -m pytest -m slow

check: install-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry . --config .ci/deptry.toml
	$(BIN)/deptry . --config .ci/deptry-dev.toml
	$(BIN)/python docs/list_dependencies.py --check
	@git ls-files -z 'templates/*.html' | xargs -0 $(BIN)/djade --target-version 5.2 --check
	$(MANAGE) makemigrations --check --dry-run
	HTTPS=True SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')" $(MANAGE) check --deploy --fail-level WARNING
	@$(MAKE) --no-print-directory coverage

# Tests that need no database, no browser and few other processes.
FAST_TESTS := tests/moderation/statistics \
	tests/moderation/classifiers/conversion/vit \
	tests/moderation/decoding/test_fingerprints.py \
	tests/moderation/decoding/test_protocol.py \
	tests/moderation/inference/test_classifier.py \
	tests/moderation/inference/test_manifest.py \
	tests/moderation/review/test_status.py \
	tests/moderation/test_env.py \
	tests/moderation/test_routing.py \
	tests/moderation/test_storage.py \
	tests/reviewqueue/charts
# The code under these tests, as folder/* or a module: tests mirror the packages.
FAST_CODE := $(foreach path,$(subst test_,,$(FAST_TESTS:tests/%=%)),$(path)$(if $(filter %.py,$(path)),,/*))
comma := ,
space := $() $()

# Report the branches that the fast tests reach; no figure makes it fail. The database does not exist, so a test that
# needs one fails here.
coverage: install-dev
	DATABASE_URL=postgresql://nobody@localhost/none $(BIN)/coverage run -m pytest $(FAST_TESTS)
	$(BIN)/coverage report --include '$(subst $(space),$(comma),$(FAST_CODE))'

format: install-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	@git ls-files -z 'templates/*.html' | xargs -0 $(BIN)/djade --target-version 5.2

# `make bench` runs the benchmark of the pre-screen. Each of the others has its own target.
bench: bench-screening
	@echo "Also: make bench-claiming, bench-draft, bench-evasion, bench-statistics (minutes each), bench-rollup and bench-night (half an hour each, 20 and 3 GB)"

bench-screening: install-dev
	$(BIN)/python -m benchmarks.screening $(if $(IMAGES),--images "$(IMAGES)")

bench-claiming: install-dev
	$(BIN)/python -m benchmarks.claiming $(if $(SIZES),--sizes $(SIZES))

bench-draft: install-dev
	$(BIN)/python -m benchmarks.draft $(if $(IMAGES),--images "$(IMAGES)")

bench-evasion: install-dev
	$(BIN)/python -m benchmarks.evasion $(if $(IMAGES),--images "$(IMAGES)")

bench-statistics: install-dev
	$(BIN)/python -m benchmarks.statistics

bench-rollup: install-dev
	$(BIN)/python -m benchmarks.rollup $(if $(SIZES),--sizes $(SIZES))

bench-night: install-dev
	$(BIN)/python -m benchmarks.night $(if $(IMAGES),--images "$(IMAGES)") $(if $(COUNT),--count $(COUNT))

stop:
	@test ! -x $(BIN)/python || $(MANAGE) pg stop

clean: stop
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
