#!/usr/bin/env bash
# Shows Tessera at work: installs what is missing, builds the segmenter, and segments the embedded street scenes with
# the embedded network. Class maps, colour maps and overlays go to the folder OUT.
# Usage: apps/demo.sh [OUT] [segmenter options, e.g. --device gpu]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=build/demo
if [[ $# -gt 0 && $1 != -* ]]; then out=$1; shift; fi

cmake/install_deps.sh build
source cmake/build_env.sh
if [[ ! -f build/release/CMakeCache.txt ]]; then
  cmake --preset release -DTESSERA_TESTS=OFF -DTESSERA_BENCH=OFF "${launcher[@]}" >/dev/null
fi
cmake --build build/release -j "$jobs" --target segmenter_program

demo=apps/segmenter/demo
build/release/bin/segmenter --model $demo/fcn8s_street.onnx --images $demo/images --annotations $demo/images/labels \
  --out "$out" --json "$out/result.json" --legend "$@"
echo
echo "Class maps, colour maps and overlays are in $out; the same result for programs is in $out/result.json."
