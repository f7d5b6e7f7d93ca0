# The commands of the project. Each one installs what it needs (as root or
# with sudo), configures by preset and builds; CMake knows the targets.

JOBS ?= $(shell nproc)
SETUP := scripts/setup.sh
# The main job: one shipped recording under these policies.
RECORDING ?= $(firstword $(wildcard traces/python*.quire) $(wildcard traces/*.quire))
POLICIES ?= never 64K 2M all 16K+64K

.PHONY: build everything run test asan tsan bench accuracy fuzz litmus mutations deb deb-try format tidy setup clean help

build: setup  ## the program, at build/quire
	@cmake --preset release --log-level=WARNING >/dev/null
	@cmake --build --preset release -j $(JOBS) --target quire

everything: setup  ## the program, the tests and the benchmarks
	@cmake --preset release --log-level=WARNING >/dev/null
	@cmake --build --preset release -j $(JOBS)

run: build  ## replay a shipped recording under five policies, advise, and make a report
	build/quire replay $(RECORDING) $(foreach p,$(POLICIES),--policy $(p))
	build/quire advise $(RECORDING)
	build/quire report $(RECORDING) -o build/report.html

test: setup  ## the whole suite, and the memory manager and recording reader again under sanitizers
	@JOBS=$(JOBS) scripts/test.sh release asan-manager

asan: setup  ## the whole suite under AddressSanitizer and UBSan
	@JOBS=$(JOBS) scripts/test.sh asan

tsan: setup  ## the whole suite under ThreadSanitizer
	@JOBS=$(JOBS) scripts/test.sh tsan

bench: everything  ## every benchmark, and our engine beside the live kernel
	@scripts/bench.py build $(BENCH)

accuracy: build  ## predicted against measured on real programs (needs root)
	@scripts/setup.sh scripts/packages-bench.txt
	@scripts/accuracy.py $(ACCURACY)

fuzz: setup  ## every fuzz target for FUZZ_SECONDS (default 60) each
	@JOBS=$(JOBS) scripts/fuzz.sh

litmus: build  ## every litmus file on both sides, then 10,000 random experiments (needs root)
	@scripts/litmus.sh

mutations: setup  ## small wrong changes to the engine, each of which an experiment must notice
	@scripts/mutations.py

deb: setup  ## Debian packages, in build-package/
	@scripts/setup.sh scripts/packages-deb.txt
	@JOBS=$(JOBS) scripts/deb.sh

deb-try:  ## these packages on a clean Debian 12, made for it (needs root, and a mirror)
	@scripts/deb_try.sh

format: setup  ## clang-format over every source
	@git ls-files -z '*.h' '*.cc' '*.c' | xargs -0 -r clang-format-19 -i

tidy: everything  ## clang-tidy over every product source; warnings are errors
	@JOBS=$(JOBS) scripts/tidy.py build

setup:
	@$(SETUP)

clean:  ## remove every build folder
	rm -rf build build-*

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | column -t -s '	'
