#!/usr/bin/env bash
# Runs the operators' tests on Mesa's software device (rusticl on llvmpipe), an OpenCL driver that shares nothing with PoCL.
# Usage: tests/rusticl.sh [build/release/bin/test_ops] [quick | options of GoogleTest..]
# quick: a sample of every operator, the pinned bits, and what contexts do, in minutes: most of the time llvmpipe compiles.
set -euo pipefail
program=${1:-"$(dirname "${BASH_SOURCE[0]}")/../build/release/bin/test_ops"}
shift || true
if [[ ${1:-} == quick ]]; then
  set -- "--gtest_filter=All/Samples.*:In/OrderedSums.*:Int8Network.HasThePinnedChecksums:Execution.*:Shapes.*:CApi.*:Threads.*"
fi
export RUSTICL_ENABLE=llvmpipe TESSERA_TEST_DEVICE=llvmpipe
exec "$program" --gtest_brief=1 "$@"
