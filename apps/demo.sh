#!/usr/bin/env bash
# Shows Tessera at work: installs what is missing, builds the segmenter, and runs apps/segmenter/demo/run.sh, which segments
# the embedded street scenes with the embedded network in fp32 and in INT8.
# Usage: apps/demo.sh [OUT] [segmenter options, e.g. --device gpu]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=build/demo
if [[ $# -gt 0 && $1 != -* ]]; then out=$1; shift; fi

cmake/install_deps.sh build
source cmake/build_env.sh
if [[ ! -f build/release/CMakeCache.txt ]]; then configure release -DTESSERA_TESTS=OFF -DTESSERA_BENCH=OFF; fi
cmake --build build/release -j "$jobs" --target segmenter_program
SEGMENTER=build/release/bin/segmenter apps/segmenter/demo/run.sh "$out" "$@"
