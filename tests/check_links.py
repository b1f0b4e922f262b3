#!/usr/bin/env python3
"""Fails where a link of a Markdown page leads to no file, or to no heading of that file.

    python3 tests/check_links.py FOLDER_OR_FILE..
"""
import pathlib
import re
import sys


def anchors(text):
    """What GitHub makes of the headings: lower case, without punctuation, spaces as hyphens."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", h) for h in headings]
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in plain}


def broken(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = page.parent / name if name else page
        if not there.exists():
            yield f"{page}: no file {target}"
        elif anchor and anchor not in anchors(there.read_text()):
            yield f"{page}: no heading {target}"


def main():
    given = [pathlib.Path(p) for p in sys.argv[1:]]
    pages = sorted(page for p in given for page in (p.rglob("*.md") if p.is_dir() else [p]))
    found = [line for page in pages for line in broken(page)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
