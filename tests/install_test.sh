#!/usr/bin/env bash
# Installs a build and compiles docs/host_program, docs/c_program and docs/plugins/soft_argmax against the installed package, as a
# user does: with warnings as errors, without a message, and without a header of spdlog, fmt, protobuf or OpenCV. The shared library shows the
# public API and nothing else.
# Usage: tests/install_test.sh BUILD_DIR
set -euo pipefail
build=$1
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$source_dir/docs/host_program" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Wconversion -Werror" >/dev/null
cmake --build "$work/build" -v >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
if grep -E 'warning|note:|CL_TARGET_OPENCL_VERSION is' "$work/log"; then echo "The host program is not compiled silently."; exit 1; fi
if grep -E -- '-DSPDLOG|-DFMT' "$work/log"; then echo "The host program gets definitions of spdlog."; exit 1; fi

# Each public header by itself, as a system without CMake finds it.
for header in "$work"/prefix/include/tessera/*.hpp; do
  echo "#include <tessera/$(basename "$header")>" >"$work/one.cpp"
  "${CXX:-c++}" -std=c++20 -Wall -Wextra -Werror -M -MF "$work/headers" -fsyntax-only -I "$work/prefix/include" "$work/one.cpp" \
    2>"$work/message" || { cat "$work/message"; exit 1; }
  if [[ -s $work/message ]]; then cat "$work/message"; echo "$header is not read silently."; exit 1; fi
  if grep -oE '[^ ]*/(spdlog|fmt|google|opencv2|nlohmann)/[^ ]*' "$work/headers"; then echo "$header needs these."; exit 1; fi
done

status=0
"$work/build/host_program" "$work/none.onnx" 2>"$work/message" || status=$?
grep -q none.onnx "$work/message" && [[ $status == 1 ]] || { echo "host_program: $status"; cat "$work/message"; exit 1; }

# The program in C, by pkg-config with the shared library.
library=$(find "$work/prefix" -name libtessera.so)
export PKG_CONFIG_PATH=$(dirname "$library")/pkgconfig LD_LIBRARY_PATH=$(dirname "$library")
# shellcheck disable=SC2046  # several words are meant
"${CC:-cc}" -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror "$source_dir/docs/c_program/main.c" -o "$work/c_program" \
  $(pkg-config --cflags --libs tessera)
status=0
"$work/c_program" "$work/none.onnx" 2>"$work/message" || status=$?
grep -q none.onnx "$work/message" && [[ $status == 1 ]] || { echo "c_program: $status"; cat "$work/message"; exit 1; }

# The plugin of docs/plugins.md: it needs the small library alone.
# shellcheck disable=SC2046  # several words are meant
"${CXX:-c++}" -std=c++20 -shared -fPIC -Wall -Wextra -Wpedantic -Wconversion -Werror \
  "$source_dir/docs/plugins/soft_argmax/soft_argmax.cpp" -o "$work/soft_argmax.so" $(pkg-config --cflags tessera) \
  -L"$(dirname "$library")" -Wl,--no-undefined -ltessera_plugin

nm -DC --defined-only "$library" | cut -d' ' -f3- >"$work/shown"
grep -q '^tessera_engine_build' "$work/shown" || { echo "The C interface is not visible."; exit 1; }
if grep -E '^(google|spdlog|fmt|std|opencv|cl)::|^tessera::(KernelFamily|Operator|proto)' "$work/shown"; then
  echo "The shared library shows these, which are not its API."
  exit 1
fi
