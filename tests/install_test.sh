#!/usr/bin/env bash
# Installs a build and compiles docs/host_program against the installed package, as a user does.
# Usage: tests/install_test.sh BUILD_DIR
set -euo pipefail
build=$1
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$source_dir/docs/host_program" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/build"
status=0
"$work/build/host_program" "$work/none.onnx" 2>"$work/message" || status=$?
grep -q none.onnx "$work/message" && [[ $status == 1 ]] || { echo "host_program: $status"; cat "$work/message"; exit 1; }
