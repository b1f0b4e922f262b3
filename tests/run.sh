#!/usr/bin/env bash
# Installs what is missing, builds with warnings as errors, and runs every test through ctest.
# Usage: tests/run.sh [release|debug|asan|tsan] [ctest arguments..]
# The sanitizer presets run the tests that need no OpenCL driver (drivers are not built for them).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
case "${1:-}" in release | debug | asan | tsan) preset=$1; shift ;; esac
arguments=("$@")
if [[ $preset == asan || $preset == tsan ]]; then arguments+=(-L host); fi

cmake/install_deps.sh tests
source cmake/build_env.sh
cmake --preset "$preset" -DTESSERA_WERROR=ON -DTESSERA_TESTS=ON -DTESSERA_BENCH=ON "${launcher[@]}" >/dev/null
cmake --build "build/$preset" -j "$jobs"
ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure "${arguments[@]}"
