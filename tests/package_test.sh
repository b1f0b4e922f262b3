#!/usr/bin/env bash
# Makes the Debian package, unpacks it into an empty root, and runs the demo from there.
# Usage: tests/package_test.sh BUILD_DIR
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$build" && cpack -B "$work" >"$work/log" 2>&1) || { cat "$work/log"; exit 1; }
package=$(find "$work" -maxdepth 1 -name 'tessera_*.deb')
[[ -f $package ]] || { echo "There is no package."; cat "$work/log"; exit 1; }
depends=$(dpkg-deb -f "$package" Depends)
for needed in libopencv-imgcodecs libprotobuf ocl-icd-libopencl1; do
  [[ $depends == *"$needed"* ]] || { echo "The package does not depend on $needed: $depends"; exit 1; }
done

# What the static library is linked with, and the terms of it all.
suggests=$(dpkg-deb -f "$package" Suggests)
for needed in opencl-c-headers libspdlog-dev libfmt-dev libprotobuf-dev libxxhash-dev; do
  [[ $suggests == *"$needed"* ]] || { echo "The package does not suggest $needed: $suggests"; exit 1; }
done
[[ $depends != *libclblast* || $suggests == *libclblast-dev* ]] || { echo "The package does not suggest libclblast-dev."; exit 1; }

dpkg-deb -x "$package" "$work/root"
cmp LICENSE "$work/root/usr/share/doc/tessera/copyright"
DEMO_PRECISIONS=fp32 SEGMENTER="$work/root/usr/bin/segmenter" "$work/root/usr/share/tessera/demo/run.sh" "$work/out" >"$work/result"
python3 - "$work/out/result.json" <<'PYTHON'
import json
import sys
result = json.load(open(sys.argv[1]))
assert result["images"] == 6 and result["miou"] > 0.7, result
PYTHON
DEMO_PRECISIONS=fp32 DETECTOR="$work/root/usr/bin/detector" "$work/root/usr/share/tessera/demo/detector/run.sh" \
  "$work/detector" >"$work/detector_result"
python3 - "$work/detector/result.json" <<'PYTHON'
import json
import sys
result = json.load(open(sys.argv[1]))
assert result["images"] == 6 and result["map50"] > 0.6, result
PYTHON
