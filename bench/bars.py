#!/usr/bin/env python3
"""Draws a Markdown table of times as bars of speed, as SVG on standard output.

    python3 bench/bars.py docs/performance.md --table "H200" --peer "PyTorch" > docs/images/speed_h200.svg

Takes the first table behind the heading that contains --table. Its first column names the networks, the column that contains
--peer holds the times that count as 1, and every other column whose cells are plain numbers becomes a series: a bar is the
peer's time by the series' own, so longer is faster. Cells without a number are left out.
"""
import argparse
import html
import pathlib
import re
import sys

COLOURS = ("#9db4c8", "#4f86b8", "#17406d", "#c77f3a")
LABELS, WIDTH, BAR, GAP, TOP = 190, 760, 13, 14, 58


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def table_behind(text, heading):
    """The header and rows of the first table behind the heading that contains `heading`."""
    found = re.search(rf"^#+ .*{re.escape(heading)}.*$", text, re.MULTILINE)
    if not found:
        raise SystemExit(f"no heading contains '{heading}'")
    lines = text[found.end():].splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("|")), None)
    if start is None:
        raise SystemExit(f"no table behind the heading '{found.group()}'")
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append(cells(line))
    return rows[0], rows[2:]


def number(cell):
    return float(cell) if re.fullmatch(r"\d+(\.\d+)?", cell) else None


def speeds(header, rows, peer):
    """Names of the series, and for each network its name and the speeds of those series that were measured."""
    column = next((i for i, name in enumerate(header) if peer in name), None)
    if column is None:
        raise SystemExit(f"no column contains '{peer}': {', '.join(header)}")
    series = [i for i in range(1, len(header)) if i != column and any(number(row[i]) for row in rows)]
    networks = [(row[0], [(s, number(row[column]) / number(row[i])) for s, i in enumerate(series) if number(row[i])])
                for row in rows if number(row[column])]
    return [header[i] for i in series], header[column], networks


def bars(names, peer, networks):
    """The lines of the SVG."""
    most = max(speed for _, found in networks for _, speed in found)
    scale = (WIDTH - LABELS - 60) / most
    height = TOP + sum(len(found) * BAR + GAP for _, found in networks) + 8
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
           'font-family="sans-serif" font-size="12">')
    yield f'<rect width="{WIDTH}" height="{height}" fill="white"/>'
    yield f'<text x="{LABELS}" y="18" font-weight="bold">Speed; {html.escape(peer)} is 1</text>'
    for s, name in enumerate(names):
        x = LABELS + s * 150
        yield f'<rect x="{x}" y="28" width="12" height="12" fill="{COLOURS[s % len(COLOURS)]}"/>'
        yield f'<text x="{x + 17}" y="38">{html.escape(name)}</text>'
    y = TOP
    for network, found in networks:
        yield f'<text x="{LABELS - 8}" y="{y + len(found) * BAR / 2 + 4:g}" text-anchor="end">{html.escape(network)}</text>'
        for s, speed in found:
            yield f'<rect x="{LABELS}" y="{y}" width="{speed * scale:.1f}" height="{BAR - 2}" fill="{COLOURS[s % len(COLOURS)]}"/>'
            yield f'<text x="{LABELS + speed * scale + 4:.1f}" y="{y + 9}" font-size="10">{speed:.2f}</text>'
            y += BAR
        y += GAP
    yield f'<line x1="{LABELS + scale:.1f}" y1="{TOP - 6}" x2="{LABELS + scale:.1f}" y2="{height - 8}" stroke="#b03030" stroke-dasharray="4 3"/>'
    yield "</svg>"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", type=pathlib.Path, help="Markdown")
    options.add_argument("--table", required=True, metavar="WORDS", help="of the heading before the table")
    options.add_argument("--peer", required=True, metavar="WORDS", help="of the column that counts as 1")
    given = options.parse_args()
    names, peer, networks = speeds(*table_behind(given.file.read_text(), given.table), given.peer)
    print("\n".join(bars(names, peer, networks)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
