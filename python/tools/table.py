#!/usr/bin/env python3
"""Writes the tables of docs/python.md: C++ beside Python from the stubs, and what C++ has under other names.

Usage: table.py          (writes docs/python.md anew, between its marks)
       table.py --check  (exit status 1 where it is not current, or a name of C++ does not exist)
"""
import difflib
import pathlib
import re
import sys

import api
import stubs

ROOT = pathlib.Path(__file__).resolve().parents[2]
STUBS = ROOT / "python/tessera/__init__.pyi"
PAGE = ROOT / "docs/python.md"
BEGIN, END = "<!-- written by python/tools/table.py -->\n", "<!-- end -->\n"
BEGIN_OTHERS = "<!-- written by python/tools/table.py from spelled_otherwise.txt -->\n"


def headers():
    files = [*(ROOT / "runtime/include/tessera").glob("*.hpp"), *(ROOT / "calib/images").glob("*.hpp")]
    return {word for file in files for word in re.findall(r"\w+", file.read_text())}


def first_sentence(text):
    paragraph = " ".join(text.split("\n\n")[0].split())
    sentence = re.match(r"(.*?[^.])\.(\s|$)", paragraph)
    return (sentence.group(1) if sentence else paragraph).replace("|", "\\|")


def row(python, cpp, doc):
    return f"| `{python}` | {f'`{cpp}`' if cpp else ''} | {first_sentence(doc)} |".replace("|  |", "| |")


def table(entries):
    """A heading for each class and for the functions between them."""
    lines = ["| Python | C++ | |", "| --- | --- | --- |"]
    for entry in entries.values():
        if entry.kind == "module" or entry.name.endswith(("__init__", "__await__")):
            continue
        if entry.kind == "class":
            made = entries.get(entry.name + ".__init__")
            shown = entry.name + (f"({', '.join(made.parameters)})" if made else "")
        else:
            shown = entry.name + (f"({', '.join(entry.parameters)})" if entry.kind == "function" else "")
        lines.append(row(shown, entry.cpp, entry.doc))
    return "\n".join(lines) + "\n"


def unknown(entries):
    words = headers()
    return [f"{entry.name}: there is no {entry.cpp} in C++" for entry in entries.values()
            for part in entry.cpp.split("::") if entry.cpp and part not in words]


def others():
    """Rows with one reason side by side, without the members of classes that have a row of their own."""
    by_reason = {}
    for pattern, reason in api.reasons().items():
        if not pattern.endswith("::*"):
            by_reason.setdefault(reason, []).append(f"`{pattern}`")
    return "".join(["| C++ | Python |\n| --- | --- |\n"] +
                   [f"| {', '.join(names)} | {reason} |\n" for reason, names in by_reason.items()])


def between(text, begin, content):
    before, rest = text.split(begin)
    return before + begin + content + END + rest.split(END, 1)[1]


def page(entries):
    text = between(PAGE.read_text(), BEGIN, table(entries))
    return between(text, BEGIN_OTHERS, others())


def main(arguments):
    entries = stubs.read(STUBS)
    wrong = unknown(entries) + [f"{e.name} has no docstring" for e in entries.values() if not e.doc]
    written, now = PAGE.read_text(), page(entries)
    if arguments == ["--check"]:
        wrong += list(difflib.unified_diff(written.splitlines(), now.splitlines(), "docs/python.md",
                                           "python/tools/table.py", lineterm="", n=0))
    else:
        PAGE.write_text(now)
    print("\n".join(wrong), end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
