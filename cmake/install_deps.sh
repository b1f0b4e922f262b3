#!/usr/bin/env bash
# Installs the Debian packages Tessera needs, as root or through sudo; quick and silent where all are there.
# Usage: cmake/install_deps.sh [build|tests]   build: library and programs; tests (the default): those and the tests
set -euo pipefail

build=(
  g++ cmake ninja-build protobuf-compiler libprotobuf-dev flatbuffers-compiler libflatbuffers-dev
  ocl-icd-opencl-dev opencl-c-headers opencl-clhpp-headers pocl-opencl-icd
  libspdlog-dev libfmt-dev libxxhash-dev libclblast-dev
  libopencv-imgcodecs-dev libopencv-imgproc-dev libopencv-videoio-dev libjpeg-dev libcli11-dev nlohmann-json3-dev
)
tests=(
  libgtest-dev libgmock-dev libonnx-testdata mesa-opencl-icd oclgrind clinfo clang-format doxygen python3-minimal
  python3-dev python3-numpy python3-pytest python3-pil python3-venv pybind11-dev
  pkg-config dpkg-dev
)

case "${1:-tests}" in
  build) wanted=("${build[@]}") ;;
  tests) wanted=("${build[@]}" "${tests[@]}") ;;
  *) echo "usage: $0 [build|tests]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "This is not a Debian system; install the equivalents of: ${wanted[*]}" >&2
  exit 1
fi
missing=()
for package in "${wanted[@]}"; do
  [[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || { echo "Missing packages: ${missing[*]}; run this as root or install sudo." >&2; exit 1; }
  as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" >>"$log" 2>&1; }
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}" >&2
if ! { apt update && apt install --no-install-recommends -y "${missing[@]}"; }; then
  cat "$log" >&2
  echo "Installing packages failed." >&2
  exit 1
fi
