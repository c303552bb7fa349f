# Everything a newcomer needs: `make test` and its friends set up what is missing.
.DEFAULT_GOAL := help
BIN := .venv/bin
SOURCES := interfaces modules controller sim tests
PIP := python -m pip --disable-pip-version-check
APT := $(if $(filter 0,$(shell id -u)),apt-get,sudo -n apt-get)
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
ORACLE := .cache/oracle

define filled
	@if command -v uv >/dev/null 2>&1; then \
		{ [ -x $(1)/bin/python ] || uv venv -q --seed $(1); }; \
		uv pip install -q --python $(1)/bin/python --require-hashes -r $(2) && \
		uv pip install -q --python $(1)/bin/python --no-deps --no-build-isolation -e .; \
	else \
		python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
			{ echo 'smartpole needs python3 3.11 or newer, or uv'; exit 1; }; \
		{ [ -x $(1)/bin/python ] || python3 -m venv $(1) || \
			{ echo 'python3 has no working venv module: install python3-venv'; exit 1; }; } && \
		$(1)/bin/$(PIP) install -q --require-hashes -r $(2) && \
		$(1)/bin/$(PIP) install -q --no-deps --no-build-isolation -e .; \
	fi
	@touch $@
endef

.PHONY: help setup demo test system-test oracle-test lint proto lock bench clean tools system-tools

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## a ready .venv with every dependency at its exact, hashed version

.venv/ready: requirements/dev.txt pyproject.toml
	$(call filled,.venv,requirements/dev.txt)

$(ORACLE)/ready: requirements/oracle.txt pyproject.toml
	$(call filled,$(ORACLE),requirements/oracle.txt)

tools: # the real broker the tests speak to, what checks the unit file, a browser
	@PATH="$$PATH:/usr/sbin" && for tool in mosquitto mosquitto_sub systemd-analyze; do \
		command -v $$tool >/dev/null || missing=1; done; \
	[ -z "$$missing" ] || \
		{ $(APT) update -qq && $(APT) install -y -qq mosquitto mosquitto-clients systemd >/dev/null; } || \
		{ echo 'the tests need: apt-get install mosquitto mosquitto-clients systemd'; exit 1; }
	@for browser in chromium chromium-browser google-chrome; do command -v $$browser >/dev/null && exit 0; done; \
		{ $(APT) update -qq && timeout 300 $(APT) install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 || \
		echo 'no browser can be installed here: the test of the page for browsers is skipped'

test: setup tools lint ## linters, types and the whole suite
	$(BIN)/pytest -q -n 2

system-tools: # an emulator and what makes a guest for it
	@PATH="$$PATH:/usr/sbin" && for tool in qemu-system-x86_64 qemu-img mmdebstrap mke2fs cpio zstd xz dpkg-deb; do \
		command -v $$tool >/dev/null || missing=1; done; \
	[ -z "$$missing" ] || \
		{ $(APT) update -qq && $(APT) install -y -qq --no-install-recommends qemu-system-x86 qemu-utils seabios \
			mmdebstrap e2fsprogs cpio zstd xz-utils >/dev/null; } || \
		{ echo 'see tests/system/README.md for what must be installed'; exit 1; }

system-test: setup system-tools ## the pole in a guest with a real kernel: USB, CAN, systemd (root, Debian)
	@[ "$$(id -u)" = 0 ] || { echo 'building the guest needs root'; exit 1; }
	tests/system/build_image.sh
	$(BIN)/pytest -q tests/system

oracle-test: $(ORACLE)/ready ## figures and cost beside trackeval, Stone Soup and SUMO, in an environment of their own
	$(ORACLE)/bin/python -c 'import stonesoup, sumo, trackeval' # a test that is skipped here proves nothing
	$(ORACLE)/bin/pytest -q tests/sim/evaluation/test_metrics.py tests/sim/evaluation/test_sumo.py
	$(ORACLE)/bin/python tests/bench/bench_fusion.py --against stonesoup

demo: setup ## a whole pole on this machine: broker, road, modules on ptys, daemon, picture
	$(BIN)/pole demo

lint: setup ## format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

proto: setup ## write the generated protobuf classes again
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I. --python_out=. --mypy_out=. $(wildcard interfaces/proto/*.proto)

lock: ## resolve exact versions and hashes again (needs uv in the .venv)
	$(COMPILE) pyproject.toml --extra sim -o requirements/run.txt
	$(COMPILE) pyproject.toml --extra test requirements/build.in -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra test --extra sumo --group oracle -c requirements/dev.txt requirements/build.in \
		-o requirements/oracle.txt

bench: setup ## every benchmark, one table
	$(BIN)/python tests/bench/run.py

clean: ## remove what setup and tests left
	rm -rf .cache .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
