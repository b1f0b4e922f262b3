#!/usr/bin/env bash
# Shows Tessera at work: installs what is missing, builds the segmenter, segments the embedded street scenes with the
# embedded network in fp32, calibrates INT8 on the embedded calibration images, segments again, and prints both side by
# side. Class maps, colour maps and overlays go to the folder OUT.
# Usage: apps/demo.sh [OUT] [segmenter options, e.g. --device gpu]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=build/demo
if [[ $# -gt 0 && $1 != -* ]]; then out=$1; shift; fi

cmake/install_deps.sh build
source cmake/build_env.sh
if [[ ! -f build/release/CMakeCache.txt ]]; then configure release -DTESSERA_TESTS=OFF -DTESSERA_BENCH=OFF; fi
cmake --build build/release -j "$jobs" --target segmenter_program

# Untuned, so that it is quick; TESSERA_TUNE=fast searches for faster kernels first, about a minute a precision.
export TESSERA_TUNE=${TESSERA_TUNE:-off}
demo=apps/segmenter/demo
segment() {
  local folder=$1; shift
  mkdir -p "$folder"
  build/release/bin/segmenter --model $demo/fcn8s_street.onnx --images $demo/images --annotations $demo/images/labels \
    --out "$folder" --json "$folder/result.json" --legend "$@" >"$folder/result.txt"
}
segment "$out" --precision fp32 "$@"
segment "$out/int8" --precision int8 --calibration-images $demo/calibration --calibration-cache "$out/int8/net.calibration" "$@"

# Both results side by side: lines up to the first value are the same in both.
paste -d '\t' "$out/result.txt" "$out/int8/result.txt" | awk -F '\t' '
  $1 == "" { print ""; next }
  { match($1, /^[A-Za-z ]*[A-Za-z]  +/); name = substr($1, 1, RLENGTH); left = substr($1, RLENGTH + 1)
    right = substr($2, RLENGTH + 1) }
  $1 ~ /^(model|device|images)/ { print $1; next }
  { printf "%-16s %-46s %s\n", name, left, right }'
echo
echo "Class maps, colour maps and overlays are in $out (fp32) and $out/int8; results for programs in result.json there."
echo "$out/int8/net.calibration holds the scales: it gives the same class maps on any device, without the images."
