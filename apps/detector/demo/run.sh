#!/usr/bin/env bash
# Finds cars, people and signs in the street scenes with the network beside this script in fp32, calibrates INT8, finds
# them again, and prints both scores side by side. Pictures with boxes go to the folder OUT.
# Usage: run.sh OUT [detector options, e.g. --device gpu]
# The detector is $DETECTOR, else the one on the PATH. DEMO_PRECISIONS=fp32 leaves INT8 out.
set -euo pipefail
(($# > 0)) || { echo "usage: $0 OUT [detector options]" >&2; exit 2; }
out=$1
shift
demo=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for calibration in "$demo/../../segmenter/demo/calibration" "$demo/../calibration"; do  # of the same renderer
  [[ -d $calibration ]] && break
done

# Untuned, so that it is quick; TESSERA_TUNE=fast searches for faster kernels first, about a minute a precision.
export TESSERA_TUNE=${TESSERA_TUNE:-off}
detect() {
  local folder=$1; shift
  mkdir -p "$folder"
  "${DETECTOR:-detector}" --model "$demo/detector_street.onnx" --images "$demo/images" \
    --annotations "$demo/images/annotations.json" --out "$folder" --json "$folder/result.json" "$@" >"$folder/result.txt"
}
detect "$out" --precision fp32 "$@"
if [[ ${DEMO_PRECISIONS:-} == fp32 ]]; then cat "$out/result.txt"; exit; fi
detect "$out/int8" --precision int8 --calibration-images "$calibration" --calibration-limit 20 \
  --calibration-cache "$out/int8/net.calibration" "$@"

# What was found in fp32, then the scores of both.
sed '/^$/,$d' "$out/result.txt"
for precision in fp32 int8; do
  folder=$out
  [[ $precision == int8 ]] && folder=$out/int8
  echo
  grep -E '^(precision|latency|preprocess|postprocess) ' "$folder/result.txt"
  sed -n '/^class /,$p' "$folder/result.txt"
done
echo
echo "Pictures with boxes are in $out (fp32) and $out/int8; results for programs in result.json there."
