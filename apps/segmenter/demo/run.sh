#!/usr/bin/env bash
# Segments the street scenes with the network beside this script in fp32, calibrates INT8 on the calibration images,
# segments again, and prints both side by side. Class maps, colour maps and overlays go to the folder OUT.
# Usage: run.sh OUT [segmenter options, e.g. --device gpu]
# The segmenter is $SEGMENTER, else the one on the PATH. DEMO_PRECISIONS=fp32 leaves INT8 out.
set -euo pipefail
(($# > 0)) || { echo "usage: $0 OUT [segmenter options]" >&2; exit 2; }
out=$1
shift
demo=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Untuned, so that it is quick; TESSERA_TUNE=fast searches for faster kernels first, about a minute a precision.
export TESSERA_TUNE=${TESSERA_TUNE:-off}
segment() {
  local folder=$1; shift
  mkdir -p "$folder"
  "${SEGMENTER:-segmenter}" --model "$demo/fcn8s_street.onnx" --images "$demo/images" --annotations "$demo/images/labels" \
    --out "$folder" --json "$folder/result.json" --legend "$@" >"$folder/result.txt"
}
segment "$out" --precision fp32 "$@"
if [[ ${DEMO_PRECISIONS:-} == fp32 ]]; then cat "$out/result.txt"; exit; fi
segment "$out/int8" --precision int8 --calibration-images "$demo/calibration" --calibration-cache "$out/int8/net.calibration" "$@"

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
