#!/usr/bin/env bash
# Runs the kernel tests in Oclgrind and fails on a data race, an access out of bounds or a wrong result.
# Usage: tests/oclgrind.sh [build/release/bin/test_kernels] [quick | FAMILY..]
# quick: families with local memory or vector accesses that take seconds; without arguments: every family, about an hour.
set -euo pipefail
program=${1:-"$(dirname "${BASH_SOURCE[0]}")/../build/release/bin/test_kernels"}
shift || true
quick=(copy depthwise_planar reformat pool_planar q_average_planar class_map softmax concat_channels concat_lanes channel_affine)
families=("$@")
if [[ ${#families[@]} -eq 0 ]]; then
  mapfile -t families < <("$program" --gtest_list_tests | sed -n 's|^  AgreesWithTheReference/\([a-z0-9_]*\).*|\1|p')
elif [[ ${families[0]} == quick ]]; then
  families=("${quick[@]}")
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
for family in "${families[@]}"; do
  begin=$SECONDS status=0
  oclgrind --data-races --max-errors 5 "$program" --gtest_brief=1 --gtest_filter="*/$family" >"$log" 2>&1 || status=$?
  if ((status != 0)) || ! grep -q "PASSED  . 1 test" "$log" || grep -qE "Invalid (read|write)|data race|divergence" "$log"; then
    failed=1
    echo "$family: failed (exit $status)"
    cat "$log"
  else
    echo "$family: clean, $((SECONDS - begin)) s"
  fi
done
exit $failed
