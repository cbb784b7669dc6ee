# `make` alone lists the targets.
#
# Environments are made from pyproject.toml alone, and made again when it changes:
#   .venv/host    torch, onnx and the training wheel of onnxruntime: export, development, documentation
#   .venv/device  stock onnxruntime, no torch, no onnx: what a board has
#   .venv/demo    a user's installation: `pip install .` and nothing else
#   .venv/release the tools of a release alone: lock, bill of materials, audit
# Nothing is compiled when it is installed: most modules of torch and its company are never imported.
# `onnxruntime` and `onnxruntime-training-cpu` own the same import package and damage each other: an environment
# has one of the two, and both are taken out before one is put in.

SHELL := /bin/bash
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help host-env device-env check docs format system-tools test test-host test-device coverage demo demo-daemon bench battery check-aarch64 lock sbom audit clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH ?= torch==2.13.0
export EDGECL_DATA ?= $(abspath ../shared/data)
export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE

HOST := .venv/host
TRAINING_WHEEL := requirements-ort-training.txt
RUNTIMES := onnxruntime onnxruntime-training-cpu
DEVICE := .venv/device
DEMO := .venv/demo
INSTALL := pip install --quiet --no-compile
RELEASE := .venv/release
RELEASE_TOOLS := uv==0.13.9 cyclonedx-bom==7.5.0 pip-audit==2.10.1
LOCK := requirements.lock
PYPI := --no-config --quiet --default-index https://pypi.org/simple
SYSTEM_TOOLS := mosquitto systemd alsa-utils libportaudio2 strace chromium fonts-dejavu-core
MERGE := test_consolidate.py::test_merged_tasks_share_an_adapter_and_the_others_stay_byte_for_byte
ENGINES := $(addprefix tests/device/training/,test_adapter.py test_auto.py test_efficiency.py test_portable_engine.py) \
	$(addprefix tests/device/consolidation/,test_distillation.py $(MERGE)) \
	$(addprefix tests/device/workflows/,test_enroller.py test_plot.py)
IN_PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder
HOST_LEG := test-host
SOURCES := pyproject.toml $(shell find edgecl device_runtime export -type f -not -name '*.pyc')

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables: PYTHON=$(PYTHON) EDGECL_DATA=$(EDGECL_DATA) TORCH='$(TORCH)'"

host-env: $(HOST)/.ready  ## make .venv/host: torch + onnxruntime-training-cpu
$(HOST)/.ready: pyproject.toml $(TRAINING_WHEEL)
	$(PYTHON) -m venv $(HOST)
	$(HOST)/bin/python -m pip uninstall --quiet --yes $(RUNTIMES)
	$(HOST)/bin/python -m $(INSTALL) $(TORCH)
	$(HOST)/bin/python -m $(INSTALL) --editable '.[host,dev,docs,test]'
	$(HOST)/bin/python -m pip uninstall --quiet --yes onnxruntime
	$(HOST)/bin/python -m $(INSTALL) --requirement $(TRAINING_WHEEL)
	touch $@

device-env: $(DEVICE)/.ready  ## make .venv/device: stock onnxruntime, no torch, no onnx
$(DEVICE)/.ready: pyproject.toml
	$(PYTHON) -m venv $(DEVICE)
	$(DEVICE)/bin/python -m $(INSTALL) --editable '.[dev]'
	touch $@

$(DEMO)/.ready: $(SOURCES)
	$(PYTHON) -m venv --clear $(DEMO)
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

# Files are run in their order: by the number of their tests, those with few, long ones would come last.
# The daemon's tests wait for workers of low priority, so the host's leg takes only what they leave.
test: system-tools  ## the whole suite, both environments side by side
	@mkdir -p build; setsid nice -n 19 sh -c '(echo 19 >/proc/self/autogroup) 2>/dev/null; exec $(MAKE) --no-print-directory $(HOST_LEG)' \
		>build/test-host.log 2>&1 & host=$$!; trap 'kill -- -$$host 2>/dev/null' EXIT; \
	$(MAKE) --no-print-directory test-device; device=$$?; \
	wait $$host; host=$$?; trap - EXIT; cat build/test-host.log; \
	exit $$((host || device))

system-tools:  ## as root on Debian: what tests of the daemon need beside Python, and are skipped without
	@PATH=$$PATH:/usr/sbin; if type mosquitto systemd-analyze arecord strace chromium >/dev/null 2>&1 && ldconfig -p | grep -q portaudio; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
			$(SYSTEM_TOOLS) >/dev/null || echo "not installed: some tests of the daemon will be skipped"; \
	else echo "some tests of the daemon are skipped: apt-get install $(SYSTEM_TOOLS)"; fi

test-host: $(HOST)/.ready  ## … in .venv/host: export, tools, and what a training engine can change on the device
	$(HOST)/bin/python -m tools.environment host
	COVERAGE_FILE=build/.coverage.host $(HOST)/bin/python -m pytest $(IN_PARALLEL) $(COVERAGE) tests/host $(ENGINES)

test-device: $(DEVICE)/.ready  ## … in .venv/device: everything that runs on a board
	$(DEVICE)/bin/python -m tools.environment device
	COVERAGE_FILE=build/.coverage.device $(DEVICE)/bin/python -m pytest $(IN_PARALLEL) $(COVERAGE) tests/device tests/edgecl

# A target of its own, since Python outside of these packages, such as torch's exporter, takes half as long again, too.
coverage: $(HOST)/.ready  ## the whole suite, and the share of the code that it runs
	@rm -f build/.coverage*
	$(MAKE) --no-print-directory test COVERAGE='--cov --cov-report='
	@$(HOST)/bin/python -m coverage combine --quiet build
	@$(HOST)/bin/python -m coverage report --skip-covered --format=total | sed 's/^/coverage: /; s/$$/ %/'

demo: $(DEMO)/.ready  ## enrol two tasks of synthetic sounds and detect them in a recording
	$(DEMO)/bin/python -m tools.demo

demo-daemon: $(DEMO)/.daemon-ready  ## enrol and correct a task while a daemon listens to a simulated microphone (STAY=1: and goes on)
	$(DEMO)/bin/python -m tools.demo.daemon $(if $(STAY),--stay)

$(DEMO)/.daemon-ready: $(DEMO)/.ready
	$(DEMO)/bin/python -m pip install --quiet '.[daemon]'
	touch $@

bench: $(HOST)/.ready  ## measure speed, memory and bytes on this machine
	$(HOST)/bin/python -m tools.bench

battery: system-tools $(DEVICE)/.ready  ## break edgecl in every way and write the table in docs/reliability.md
	$(DEVICE)/bin/python -m tools.battery

check-aarch64: $(DEMO)/.daemon-ready  ## as root on Debian: install edgecl on an emulated 64-bit board and compare it with this machine
	$(DEMO)/bin/python -m tools.aarch64

$(RELEASE)/.ready: Makefile
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/python -m $(INSTALL) $(RELEASE_TOOLS)
	touch $@

# From PyPI alone, whatever else pip is told to use here. Versions stay as they are; UPGRADE=--upgrade takes the newest.
lock: $(RELEASE)/.ready  ## lock what a board installs, with hashes; refused where a wheel for a board is missing
	$(RELEASE)/bin/uv pip compile $(PYPI) --universal --python-version 3.11 --generate-hashes $(UPGRADE) \
		--extra daemon --extra mic --extra signatures --custom-compile-command 'make lock' --output-file $(LOCK) pyproject.toml
	@for version in 3.11 3.12 3.13; do for machine in x86_64 aarch64; do \
		$(RELEASE)/bin/uv pip install $(PYPI) --python $(RELEASE)/bin/python --dry-run --require-hashes --only-binary :all: --target build/lock \
			--python-version $$version --python-platform $$machine-manylinux_2_28 --requirement $(LOCK) || exit 1; \
	done; done

sbom: $(RELEASE)/.ready  ## write build/edgecl.cdx.json: what a release consists of, in CycloneDX
	@mkdir -p build
	$(RELEASE)/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-file build/edgecl.cdx.json $(LOCK)

audit: $(RELEASE)/.ready  ## look up known vulnerabilities of what is locked; fails where the service cannot be asked
	$(RELEASE)/bin/pip-audit --strict --require-hashes --disable-pip --requirement $(LOCK)

clean:  ## remove caches and build products (the environments stay: rm -r .venv)
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
