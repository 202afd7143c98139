# The commands of this project. Everything else hangs off CMake presets (cmake --list-presets).
.PHONY: demo test bench dist reproduce arm64 setup release dev sanitize fuzz coverage lint clean

demo: release ## builds, then wraps a third-party image that runs as root and prints the proof that root is gone
	@scripts/demo

test: ## does all the set-up, builds, and passes every test
	@scripts/test

bench: release ## measures start-up, memory and size against the peers and prints the table
	@toolchain/setup bench
	@bench/run
	@bench/verify.py
	@bench/seccomp.py

dist: setup ## all that is given to others, in build/dist: packages, image, checksums, what is inside
	@toolchain/setup dist
	@scripts/dist

reproduce: setup ## builds all of `make dist` twice, in two folders and on two days, and compares the bits
	@toolchain/setup dist
	@scripts/reproduce

arm64: setup ## builds the release for arm64 on this machine and tests it under qemu, on an arm64 kernel
	@toolchain/setup test dist
	@scripts/arm64

setup: ## installs Debian packages and builds the musl and libc++ sysroot, both once
	@toolchain/setup build

release: setup ## the binary that ships: build/release/stepdown
	@cmake --preset release --log-level=NOTICE
	@cmake --build --preset release

dev: setup ## a developer's build with unit and kernel tests
	@toolchain/setup test
	@cmake --workflow --preset dev

sanitize: setup ## unit tests, corpora and the kernel tests without a filter, under AddressSanitizer and UndefinedBehaviorSanitizer
	@toolchain/setup test
	@cmake --workflow --preset asan

fuzz: setup ## every fuzzer over its corpus, and on for FUZZ_SECONDS (60), under the sanitizers
	@toolchain/setup test
	@cmake --preset fuzz --log-level=NOTICE
	@cmake --build --preset fuzz
	@ctest --preset fuzz

coverage: setup ## what the unit and kernel tests reach: a table, and build/coverage/html
	@toolchain/setup test
	@scripts/coverage

lint: setup ## clang-format, clang-tidy, shellcheck; findings are errors
	@toolchain/setup test
	@scripts/lint

clean:
	@rm -rf build
