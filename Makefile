# The front door. Everything is built by CMake below build/; Python things live in .venv.
SHELL := /bin/sh
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: help demo test test-fast asan tsan bench fmt fmt-check lint install clean bootstrap \
    bootstrap-tests
.NOTPARALLEL:

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | \
	    awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

bootstrap: ## install what building needs (Debian packages), or say what to install
	@tools/bootstrap

bootstrap-tests:
	@tools/bootstrap --tests

demo: bootstrap ## build, make a snapshot of 4,000 real rows, get and search in it
	@tools/demo.sh

$(VENV)/.stamp: requirements-test.txt tools/venv
	@tools/venv $@ requirements-test.txt

$(VENV)/.stamp-bench: requirements-test.txt requirements-bench.txt tools/venv
	@tools/venv $@ requirements-bench.txt g++ c++

test: $(VENV)/.stamp bootstrap-tests ## everything: C, sanitizers, CLI, Python, official engines
	@$(PY) tools/test.py --jobs $(JOBS)

test-fast: bootstrap-tests ## C unit tests, fuzz replay, command line; no Python environment
	@python3 tools/test.py --fast --jobs $(JOBS)

asan: bootstrap-tests ## C tests under address and undefined behaviour sanitizers
	@python3 tools/test.py --only asan --jobs $(JOBS)

tsan: bootstrap-tests ## C tests under the thread sanitizer
	@python3 tools/test.py --only tsan --jobs $(JOBS)

bench: $(VENV)/.stamp-bench bootstrap-tests ## compare with the official packages; prints ratios
	@$(PY) bench/run.py

fmt: $(VENV)/.stamp ## format all C files
	@git ls-files '*.c' '*.h' | xargs $(VENV)/bin/clang-format -i

fmt-check: $(VENV)/.stamp ## fail if a C file is not formatted
	@git ls-files '*.c' '*.h' | xargs $(VENV)/bin/clang-format --dry-run -Werror

lint: bootstrap-tests ## layers and sizes
	@python3 tools/check_layers.py
	@python3 tools/check_size.py

install: bootstrap ## install the library and the shardy command (PREFIX=/usr/local)
	@cmake -S . -B build/install -G Ninja -DCMAKE_BUILD_TYPE=Release \
	    -DCMAKE_INSTALL_PREFIX=$(or $(PREFIX),/usr/local) >/dev/null
	@cmake --build build/install -j $(JOBS)
	@cmake --install build/install

clean: ## remove everything that was built
	rm -rf build demo dist $(VENV)
