"""The stubs say what the module has, and docs/python.md says what they say."""
import inspect
import re
import shutil
import subprocess
import sys

import pytest

import tessera
from conftest import ROOT

sys.path.insert(0, str(ROOT / "python/tools"))
import stubs  # noqa: E402

ENTRIES = stubs.read(ROOT / "python/tessera/__init__.pyi")
WITHOUT_OPENCV = {"ImageBatchStream", "ImageBatchStream.__init__", "calibration_images"}


def there_is(name):
    owner = tessera
    for part in name.split("."):
        if part not in vars(owner) and not (owner is not tessera and hasattr(owner, part)):
            return False
        owner = inspect.getattr_static(owner, part)
    return True


def bound_parameters(function):
    """Names that pybind11's signature, the first line of the docstring, has; without self."""
    if inspect.isfunction(function):  # of Python
        return list(inspect.signature(function).parameters)
    text = function.__doc__.split("\n", 1)[0]
    inside, depth, parts = re.match(r"\w+\((.*)\) -> ", text).group(1), 0, [""]
    for character in inside:
        depth += (character in "[({<") - (character in "])}>")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    names = [re.match(r"\s*(\w+|\*)", part).group(1) for part in parts if part.strip()]
    return [name for name in names if name not in ("self", "*")]


def test_every_entry_of_the_stubs_exists():
    missing = {name for name in ENTRIES if name and not there_is(name)}
    assert missing <= (set() if hasattr(tessera, "ImageBatchStream") else WITHOUT_OPENCV)


def test_everything_public_is_in_the_stubs():
    missing = []
    for name in tessera.__all__:
        value = getattr(tessera, name)
        if name in ENTRIES or name == "TUNE_WORKER":
            if inspect.isclass(value):
                missing += [f"{name}.{member}" for member in vars(value) if not member.startswith("_")
                            and not any(f"{base.__name__}.{member}" in ENTRIES for base in value.__mro__)]
        else:
            missing.append(name)
    assert not missing


def test_parameters_are_called_as_they_are_bound():
    wrong = {}
    for entry in ENTRIES.values():
        if entry.kind != "function" or not there_is(entry.name):
            continue
        owner = tessera
        for part in entry.name.split("."):
            owner = getattr(owner, part)
        bound = bound_parameters(owner)
        if bound != entry.parameters:
            wrong[entry.name] = (entry.parameters, bound)
    assert not wrong


def test_docstrings_are_the_stubs():
    for name, entry in ENTRIES.items():
        if not name or not there_is(name):
            continue
        owner = tessera
        for part in name.split("."):
            owner = inspect.getattr_static(owner, part)
        text = (getattr(owner, "__func__", owner)).__doc__ if not isinstance(owner, str) else None
        if inspect.isfunction(owner):
            assert inspect.cleandoc(text) == entry.doc, name
        if entry.kind in ("class", "property") or (entry.kind == "attribute" and text):
            assert entry.doc in text, name
    assert "numpy" in tessera.__doc__


def test_the_documentation_is_current():
    done = subprocess.run([sys.executable, ROOT / "python/tools/table.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not shutil.which("doxygen"), reason="doxygen, which reads the headers, is not here")
def test_the_cpp_api_is_all_here():
    done = subprocess.run([sys.executable, ROOT / "python/tools/api.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("doxygen"), reason="doxygen, which reads the headers, is not here")
def test_comparing_with_the_cpp_api_finds_what_is_missing(tmp_path, monkeypatch):
    import api
    text = api.STUBS.read_text()
    assert text.count("def launches(self)") == 1 and "class Ceiling:" in text
    shortened = tmp_path / "short.pyi"
    shortened.write_text(text.replace("def launches(self)", "def starts(self)").replace("class Ceiling:", "class Ceiled:"))
    listed = tmp_path / "listed.txt"
    listed.write_text(api.REASONS.read_text() + "NoSuchThing it is gone\n")
    monkeypatch.setattr(api, "STUBS", shortened)
    monkeypatch.setattr(api, "REASONS", listed)
    found = "\n".join(api.differences())
    for name in ("Engine::launches", "Ceiling", "Ceiling::gops"):
        assert f"{name} of C++ is neither" in found
    assert "NoSuchThing is needed for nothing" in found and len(found.splitlines()) == 6


@pytest.mark.parametrize("example, page", [("calibrate.py", "python_calibration.md"),
                                           ("classify.py", "python_classification.md"),
                                           ("detect.py", "python_detection.md"),
                                           ("yolox_int8.py", "python_yolox_int8.md")])
def test_tutorials_show_the_examples_verbatim(example, page):
    assert f"```python\n{(ROOT / 'python/examples' / example).read_text()}```\n" in (ROOT / "docs/tutorials" / page).read_text()
