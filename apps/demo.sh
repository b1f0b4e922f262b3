#!/usr/bin/env bash
# Shows Tessera at work: installs what is missing, builds segmenter and detector, and runs apps/segmenter/demo/run.sh and
# apps/detector/demo/run.sh, which look at the embedded street scenes with the embedded networks in fp32 and in INT8.
# Usage: apps/demo.sh [OUT] [options that all programs take, e.g. --device gpu]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=build/demo
if [[ $# -gt 0 && $1 != -* ]]; then out=$1; shift; fi

cmake/install_deps.sh build
source cmake/build_env.sh
if [[ ! -f build/release/CMakeCache.txt ]]; then configure release -DTESSERA_TESTS=OFF -DTESSERA_BENCH=OFF; fi
cmake --build build/release -j "$jobs" --target segmenter_program detector_program
SEGMENTER=build/release/bin/segmenter apps/segmenter/demo/run.sh "$out" "$@"
echo
DETECTOR=build/release/bin/detector apps/detector/demo/run.sh "$out/detector" "$@"
