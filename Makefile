# make setup | demo | test | bench | ladder | lint | clean. Nothing is installed outside .venv, except system
# packages that are missing (scripts/need.sh names them).
SHELL := /bin/bash -o pipefail
.DELETE_ON_ERROR:
.DEFAULT_GOAL := setup

JOBS ?= $(shell nproc)
PYTHON ?= python3
BIN := .venv/bin
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)

WHEEL_SOURCES := $(shell find cpp cmake python -type f -not -name '*.pyc') CMakeLists.txt pyproject.toml
CPP_FILES := $(shell find cpp tests/cpp benchmarks -name '*.h' -o -name '*.cpp' 2>/dev/null)
PYTHON_FOLDERS := python scripts tests/python benchmarks examples

.PHONY: setup demo test test-cpp test-asan test-tsan test-python bench ladder lint reference clean

setup: .venv/installed

.venv/tools: pyproject.toml
	scripts/need.sh compiler cmake venv
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet ninja 'scikit-build-core>=0.10' 'pybind11>=2.13' \
	  numpy pytest h5py hypothesis matplotlib pandas pillow tensorboardX scikit-learn scipy
	touch $@

# A wheel from the tree, then the wheel installed: tests see what users get. Rebuilds only what changed.
# The C++ suite is built in the same folder, from the same objects.
.venv/installed: .venv/tools $(WHEEL_SOURCES)
	rm -rf dist
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pip wheel --quiet --no-deps --no-build-isolation -w dist \
	  -C build-dir=build/release -C cmake.define.RANVIER_WERROR=ON .
	$(BIN)/pip install --quiet --no-deps --force-reinstall dist/ranvier-*.whl
	touch $@

.venv/dev: .venv/tools
	$(BIN)/pip install --quiet 'ruff>=0.5' 'mypy>=1.10' clang-format==14.0.6
	touch $@

demo: setup
	$(BIN)/python -m ranvier demo

test: lint test-cpp test-python test-asan test-tsan

# $(call cpp_suite,folder,CMake options,targets,tests that run)
define cpp_suite
	scripts/need.sh doctest
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake -S . -B build/$(1) -G Ninja -DRANVIER_TESTS=ON -DRANVIER_WERROR=ON \
	  -DRANVIER_UNITY=ON $(2) >/dev/null
	$(BIN)/ninja -C build/$(1) -j$(JOBS) --quiet $(3)
	ctest --test-dir build/$(1) --output-on-failure --no-tests=error --timeout 900 -j$(JOBS) $(4)
endef

test-cpp: setup
	$(call cpp_suite,release)
	$(PYTHON) scripts/check_symbols.py build/release

test-asan: .venv/tools
	$(call cpp_suite,asan,-DRANVIER_ASAN=ON)

# The suites in which threads meet.
TSAN_SUITES := base tensor runtime
test-tsan: .venv/tools
	$(call cpp_suite,tsan,-DRANVIER_TSAN=ON,$(TSAN_SUITES:%=test_%),-R '^($(subst $() ,|,$(TSAN_SUITES)))$$')

test-python: setup
	$(BIN)/python -m pytest

bench: setup
	$(BIN)/python -m benchmarks

# The programs that docs/performance.md climbs.
ladder: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake -S . -B build/release -G Ninja -DRANVIER_BENCHMARKS=ON >/dev/null
	$(BIN)/ninja -C build/release -j$(JOBS) --quiet ladder_gemm ladder_conv
	build/release/benchmarks/ladder/ladder_gemm
	build/release/benchmarks/ladder/ladder_conv
	$(BIN)/python benchmarks/ladder/step.py

lint: .venv/dev
	$(PYTHON) scripts/check_floors.py
	$(PYTHON) scripts/check_sizes.py
	$(BIN)/clang-format --dry-run --Werror $(CPP_FILES)
	$(BIN)/ruff check $(PYTHON_FOLDERS)
	$(BIN)/ruff format --check $(PYTHON_FOLDERS)
	$(BIN)/mypy

# Reference pages of the public API, one per namespace, into docs/reference.
reference: setup
	$(BIN)/python scripts/build_reference.py

clean:
	rm -rf build dist .venv
