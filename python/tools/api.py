#!/usr/bin/env python3
"""Compares the C++ API with the Python package: what C++ has is in the stubs, is said there in another way that a rule below
knows, or stands in spelled_otherwise.txt with the reason.

Usage: api.py   (exit status 1 and a line for each name that is missing, or row of spelled_otherwise.txt that nothing needs)
"""
import fnmatch
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

import stubs

ROOT = pathlib.Path(__file__).resolve().parents[2]
STUBS = ROOT / "python/tessera/__init__.pyi"
REASONS = pathlib.Path(__file__).with_name("spelled_otherwise.txt")


def described(folder):
    """What doxygen finds in the public headers: the root elements of its classes and namespaces."""
    settings = (ROOT / "docs/Doxyfile").read_text() + f"OUTPUT_DIRECTORY = {folder}\n"
    subprocess.run(["doxygen", "-"], input=settings, text=True, check=True, cwd=ROOT, capture_output=True)
    xml_folder = pathlib.Path(folder) / "xml"
    for entry in xml.parse(xml_folder / "index.xml").getroot():
        if entry.get("kind") in ("class", "struct", "namespace"):
            yield xml.parse(xml_folder / f"{entry.get('refid')}.xml").getroot()[0]


def public_names():
    """Names below namespace tessera, and the enumerations among them."""
    names, enumerations = set(), set()
    with tempfile.TemporaryDirectory() as folder:
        for element in described(folder):
            name = element.find("compoundname").text
            if element.get("prot") == "private" or name.split("::")[0] != "tessera":
                continue  # the C interface has names of its own
            inside = name.removeprefix("tessera").removeprefix("::")
            names |= {inside} - {""}
            for member in element.iter("memberdef"):
                own = member.find("name").text
                if member.get("prot") != "public" or member.get("kind") == "friend" or member.get("kind") == "define":
                    continue
                if own.startswith(("~", "operator")) or own == inside.split("::")[-1]:
                    continue  # made, let go, compared: not by name
                names.add(f"{inside}::{own}" if inside else own)
                if member.get("kind") == "enum":
                    enumerations.add(f"{inside}::{own}" if inside else own)
    return names, enumerations


def reasons():
    """Pattern -> how Python has it, in the file's order."""
    rows = [line.split(None, 1) for line in REASONS.read_text().splitlines() if line and not line.startswith("#")]
    return {pattern: reason.strip() for pattern, reason in rows}


def arguments(entries):
    """What a class of options is made of."""
    for entry in entries.values():
        owner, _, method = entry.name.rpartition(".")
        if method == "__init__" and entries[owner].cpp:
            for parameter in entry.parameters:
                yield entries[owner].cpp + "::" + stubs.camel_case(parameter)


def spelled_as_strings(names, enumerations):
    """Enumerations are strings in Python, so what turns them into strings is not needed."""
    for name in names:
        last = name.split("::")[-1]
        if name in enumerations or last == "toString" or name.removeprefix("parse") in enumerations:
            yield name


def differences():
    names, enumerations = public_names()
    entries = stubs.read(STUBS)
    known = {entry.cpp for entry in entries.values()} | set(arguments(entries)) | set(spelled_as_strings(names, enumerations))
    missing = sorted(names - known)
    rows = reasons()
    for pattern in rows:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in missing):
            yield f"spelled_otherwise.txt: {pattern} is needed for nothing"
    for name in missing:
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in rows):
            yield f"{name} of C++ is neither in the stubs nor in spelled_otherwise.txt"


if __name__ == "__main__":
    wrong = list(differences())
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(bool(wrong))
