# `make` alone lists the targets.
#
# Environments are made from pyproject.toml alone, and made again when it changes:
#   .venv/host    torch, onnx and the ORT-training wheel: export, development, documentation, the whole suite
#   .venv/device  stock onnxruntime, no torch, no onnx: what a board has
#   .venv/demo    a user's installation: `pip install .` and nothing else
# `onnxruntime` and `onnxruntime-training-cpu` own the same import package, so the device environment
# takes both out before it puts the stock wheel in.

SHELL := /bin/bash
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help host-env device-env check docs format system-tools test test-host test-device demo demo-daemon bench crash clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH ?= torch==2.13.0
export EDGECL_DATA ?= $(abspath ../shared/data)
export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

HOST := .venv/host
DEVICE := .venv/device
DEMO := .venv/demo
SYSTEM_TOOLS := mosquitto systemd alsa-utils libportaudio2 chromium fonts-dejavu-core
ONCE := tests/device/daemon tests/device/tools/test_demo.py tests/device/workflows/test_rejection_of_other_sounds.py
SOURCES := pyproject.toml $(shell find edgecl device_runtime export -type f -not -name '*.pyc')

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables: PYTHON=$(PYTHON) EDGECL_DATA=$(EDGECL_DATA) TORCH='$(TORCH)'"

host-env: $(HOST)/.ready  ## make .venv/host: torch + onnxruntime-training-cpu
$(HOST)/.ready: pyproject.toml
	$(PYTHON) -m venv $(HOST)
	$(HOST)/bin/python -m pip install --quiet $(TORCH)
	$(HOST)/bin/python -m pip install --quiet --editable '.[host,dev,docs,test]'
	touch $@

device-env: $(DEVICE)/.ready  ## make .venv/device: stock onnxruntime, no torch, no onnx
$(DEVICE)/.ready: pyproject.toml
	$(PYTHON) -m venv $(DEVICE)
	$(DEVICE)/bin/python -m pip install --quiet --editable '.[dev]'
	$(DEVICE)/bin/python -m pip uninstall --quiet --yes onnxruntime-training-cpu onnxruntime onnx
	$(DEVICE)/bin/python -m pip install --quiet 'onnxruntime>=1.22'
	touch $@

$(DEMO)/.ready: $(SOURCES)
	$(PYTHON) -m venv $(DEMO)
	rm -rf build
	$(DEMO)/bin/python -m pip install --quiet .
	touch $@

check: $(HOST)/.ready  ## format, lint, wording, documentation and types
	$(HOST)/bin/ruff format --check .
	$(HOST)/bin/ruff check .
	$(HOST)/bin/python -m tools.lint
	$(HOST)/bin/python -m tools.docs --check
	$(HOST)/bin/mypy

format: $(HOST)/.ready  ## let ruff format and sort
	$(HOST)/bin/ruff check --fix .
	$(HOST)/bin/ruff format .

docs: $(HOST)/.ready  ## check the documentation and build it strictly into build/site
	$(HOST)/bin/python -m tools.docs --check
	$(HOST)/bin/mkdocs build --quiet --strict

test: system-tools test-host test-device  ## run the suite in both environments

system-tools:  ## as root on Debian: what tests of the daemon need beside Python, and are skipped without
	@PATH=$$PATH:/usr/sbin; if type mosquitto systemd-analyze arecord chromium >/dev/null 2>&1 && ldconfig -p | grep -q portaudio; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
			$(SYSTEM_TOOLS) >/dev/null || echo "not installed: some tests of the daemon will be skipped"; \
	else echo "some tests of the daemon are skipped: apt-get install $(SYSTEM_TOOLS)"; fi

test-host: $(HOST)/.ready  ## … in .venv/host alone; what no engine changes and takes long is tested in .venv/device only
	$(HOST)/bin/python -m tools.environment host
	$(HOST)/bin/python -m pytest tests/edgecl tests/device tests/host $(addprefix --ignore ,$(ONCE))

test-device: $(DEVICE)/.ready  ## … in .venv/device alone
	$(DEVICE)/bin/python -m tools.environment device
	$(DEVICE)/bin/python -m pytest tests/edgecl tests/device

demo: $(DEMO)/.ready  ## enrol two tasks of synthetic sounds and detect them in a recording
	$(DEMO)/bin/python -m tools.demo

demo-daemon: $(DEMO)/.daemon-ready  ## enrol and correct a task while a daemon listens to a simulated microphone (STAY=1: and goes on)
	$(DEMO)/bin/python -m tools.demo.daemon $(if $(STAY),--stay)

$(DEMO)/.daemon-ready: $(DEMO)/.ready
	$(DEMO)/bin/python -m pip install --quiet '.[daemon]'
	touch $@

bench: $(HOST)/.ready  ## measure speed, memory and bytes on this machine
	$(HOST)/bin/python -m tools.bench

crash: $(DEMO)/.ready  ## kill edgecl 200 times and look for damage
	$(DEMO)/bin/python -m tools.crash

clean:  ## remove caches and build products (the environments stay: rm -r .venv)
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
