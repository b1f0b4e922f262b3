#!/usr/bin/env python3
"""Fails where a comment or a page names a source that is not there: runtime/ops/pool.cpp, records/record_store.hpp.

    python3 tests/check_paths.py ROOT FOLDER_OR_FILE..
"""
import pathlib
import re
import sys

# Where sources may be named from, beside the root and their own folder.
FROM = ["", "clkernels", "runtime", "runtime/tune", "runtime/include", "importers"]
TOP = "apps|bench|calib|clkernels|cmake|docs|exporters|importers|python|runtime|tests"
BELOW = "base|build|c_api|cl|common|conv_\\w+|exec|graph|launch|lower|ops|passes|plan|records|search|trial|tune|vision|watch"
PATH = re.compile(r"(?<![\w/.-])((?:" + TOP + "|" + BELOW + r")/[\w./-]*\.(?:cpp|hpp|cl|md|sh|py|def|proto))\b")
KINDS = {".cpp", ".hpp", ".cl", ".md", ".py", ".sh", ".def"}


def missing(root, file):
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        if "#include" in line:  # the compiler looks for those
            continue
        for name in PATH.findall(line):
            if not any((folder / name).exists() for folder in [root / f for f in FROM] + [file.parent]):
                yield f"{file.relative_to(root)}:{number}: no file {name}"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    given = [root / p for p in sys.argv[2:]]
    files = sorted(f for p in given for f in (p.rglob("*") if p.is_dir() else [p]) if f.suffix in KINDS and f.is_file())
    found = [line for file in files for line in missing(root, file)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
