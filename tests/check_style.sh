#!/usr/bin/env bash
# Checks what a compiler does not: the format of all sources, the length of functions, what folders include, that public symbols
# are documented, that links between pages lead somewhere, and that charts show their pages' tables.
# Usage: tests/check_style.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0
sources() { find runtime clkernels importers exporters calib apps python bench tests docs \( -name '*.[ch]pp' -o -name '*.[ch]' \) -print0; }
python3 tests/check_includes.py || failed=1
python3 tests/check_functions.py --self-test || failed=1
sources | xargs -0 python3 tests/check_functions.py || failed=1
python3 tests/check_links.py README.md docs apps || failed=1
python3 tests/check_paths.py . README.md apps bench calib clkernels docs exporters importers python runtime tests || failed=1
if ! python3 bench/bars.py docs/performance.md --table "NVIDIA H200" --peer PyTorch | cmp -s - docs/images/speed_h200.svg; then
  echo "docs/images/speed_h200.svg is not docs/performance.md's table: see bench/bars.py"
  failed=1
fi
# Other versions of clang-format lay some lines out otherwise.
format=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $format || $("$format" --version) != *"version 14."* ]]; then
  echo "clang-format 14 is not here; the format is not checked"
elif ! sources | xargs -0 -P "$(nproc)" -n 40 "$format" --dry-run --Werror --style=file 2>/tmp/tessera-format.$$; then
  grep -o '^[^:]*' /tmp/tessera-format.$$ | sort -u | sed 's/$/: not formatted (clang-format -i)/' || true
  failed=1
fi
rm -f /tmp/tessera-format.$$
if ! command -v doxygen >/dev/null; then
  echo "doxygen is not here; comments of public symbols are not checked"
else
  written=$(mktemp -d)
  { cat docs/Doxyfile; echo "OUTPUT_DIRECTORY = $written"; } | doxygen - || failed=1
  rm -r "$written"
fi
exit $failed
