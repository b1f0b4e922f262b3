#!/usr/bin/env bash
# Installs what is missing, builds with warnings as errors, and runs every test through ctest.
# Usage: tests/run.sh [release|debug|asan|tsan] [ctest arguments..]
# The sanitizer presets run the tests that need no OpenCL driver (drivers are not built for them).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
case "${1:-}" in release | debug | asan | tsan) preset=$1; shift ;; esac
arguments=("$@")
targets=(all)
case $preset in
  asan) arguments+=(-L host); targets=(host_tests) ;;
  tsan) arguments+=(-R '^host_threads$'); targets=(test_host_threads) ;;  # of those the suite that starts threads
esac

cmake/install_deps.sh tests
source cmake/build_env.sh
options=(-DTESSERA_TESTS=ON)
[[ ${targets[0]} == all ]] && options+=(-DTESSERA_BENCH=ON)
configure "$preset" "${options[@]}"
cmake --build "build/$preset" -j "$jobs" --target "${targets[@]}"
if [[ ${targets[0]} == all && -z "${TESSERA_PACKAGES:-}" ]]; then
  tests/fetch_packages.sh build/packages
  if [ -n "$(ls -A build/packages)" ]; then export TESSERA_PACKAGES=$PWD/build/packages; fi
fi
run=()
# ThreadSanitizer of GCC 12 can not place its memory where the kernel randomises addresses widely.
if [[ $preset == tsan ]] && setarch -R true 2>/dev/null; then run=(setarch -R); fi
"${run[@]}" ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure "${arguments[@]}"
