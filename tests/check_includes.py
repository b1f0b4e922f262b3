#!/usr/bin/env python3
"""Checks that folders include each other's headers only as the table in docs/architecture.md says.

Usage: tests/check_includes.py   (from anywhere; exit status 1 and one line for each include that is not allowed)
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEARCHED = ("", "runtime", "runtime/include")  # as the compiler does


def table():
    """Folder -> folders and single headers that it may include, as the table lists them."""
    allowed = {}
    for line in (ROOT / "docs/architecture.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and re.fullmatch(r"`[\w/-]+`", cells[0]):
            allowed[cells[0].strip("`")] = re.findall(r"`([\w/.-]+)`", cells[2])
    return allowed


def within(path, folder):
    return path == folder or path.startswith(folder + "/")


def folder_of(path, folders):
    fitting = [folder for folder in folders if within(path, folder)]
    return max(fitting, key=len) if fitting else None


def included(path):
    """The project's headers that a file includes, as paths below the root."""
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if match := re.match(r'\s*#\s*include\s+"([^"]+)"', line):
            for base in SEARCHED:
                if (ROOT / base / match.group(1)).is_file():
                    yield number, (pathlib.PurePosixPath(base) / match.group(1)).as_posix()
                    break


def main():
    allowed = table()
    if len(allowed) < 5:
        sys.exit("docs/architecture.md: the table of folders was not found")
    order = list(allowed)
    wrong = [f"docs/architecture.md: {folder} names {other}, which stands below it"
             for folder in order for other in allowed[folder] if other in order and order.index(other) > order.index(folder)]
    for folder in order:
        for path in sorted((ROOT / folder).rglob("*.[ch]pp")):
            name = path.relative_to(ROOT).as_posix()
            if folder_of(name, order) != folder:
                continue
            for line, header in included(path):
                fine = any(within(header, f) for f in ("runtime/include", "runtime/base", folder))
                if not fine and not any(within(header, other) for other in allowed[folder]):
                    wrong.append(f"{name}:{line}: {folder} may not include {header}")
    for path in sorted((ROOT / "runtime/include").rglob("*.hpp")):
        wrong += [f"{path.relative_to(ROOT)}:{line}: a public header may not include {header}"
                  for line, header in included(path) if not within(header, "runtime/include")]
    print("\n".join(wrong) if wrong else f"{len(order)} folders include what they may")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
