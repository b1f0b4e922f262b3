#!/usr/bin/env python3
"""Writes the docstrings of the stubs as rows of a C++ table, {name, text}, sorted by name.

Usage: docstrings.py STUBS OUT
"""
import sys

import stubs


def literal(text):
    """Adjacent literals of one line each: a single one has a length limit in standard C++."""
    escaped = [line.replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n")]
    return " ".join(f'"{line}\\n"' for line in escaped[:-1]) + f' "{escaped[-1]}"'


def main(source, target):
    entries = stubs.read(source)
    with open(target, "w", encoding="utf-8") as out:
        for name in sorted(entries):
            if entries[name].doc:
                out.write(f'{{"{name}", {literal(entries[name].doc)}}},\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
