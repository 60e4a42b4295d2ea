# Everything a person could type by hand, under short names. `make help` lists them.

PREFIX ?= /usr/local
SWIFT ?= swift
BUILD := .build/release
LIBRARY := $(BUILD)/libcnn.so
VENV := .venv
PYTHON := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup build test demo lint format bench bench-peers sanitize install wheel clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## install the Debian packages that are missing, and a Python environment in .venv
	@Tools/setup

build: setup ## build the shared library, the command and the Swift modules
	$(SWIFT) build -c release
	@ln -sf libcnn.so $(BUILD)/libcnn.so.0

test: build ## run all tests: Swift, C, Python, the examples
	@Tools/setup --test
	@$(PYTHON) Tools/run_tests.py

demo: build ## recognise photos, draw where the network looked, teach it new classes
	@$(PYTHON) Tools/demo.py $(if $(DATA),--data $(DATA))

lint: ## check formatting and warnings
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests examples
	@Tools/check_sizes

format: ## format the Swift code
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests examples

bench: build ## measure how fast the library is; BENCH="--only resnet50 --quick" measures a part
	@$(PYTHON) Benchmarks/bench.py $(BENCH)

bench-peers: build ## the same beside PyTorch, ONNX Runtime, TensorFlow and oneDNN, into Benchmarks/results
	@$(PYTHON) Benchmarks/bench.py --peers all --results Benchmarks/results $(BENCH)

sanitize: setup ## run the C tests under AddressSanitizer and ThreadSanitizer
	@Tools/sanitize

install: build ## install header, library, command, pkg-config and CMake files below PREFIX
	@Tools/install "$(DESTDIR)$(PREFIX)" "$(PREFIX)"

wheel: build ## build a Python wheel that carries the library
	$(PYTHON) -m pip wheel --no-deps -w dist bindings/python

clean: ## remove everything that was built
	rm -rf .build .build-* dist $(VENV)
