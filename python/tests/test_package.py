"""The package as users get it: installed by CMake, and as a wheel of `pip install .`; imported and run outside the sources."""
import os
import pathlib
import subprocess
import sys
import tomllib
import zipfile

import pytest

import tessera
from conftest import ROOT

PACKAGE = pathlib.Path(tessera.__file__).parent
BUILT = PACKAGE.parents[1]
PLAIN = {"tessera-worker"} | {path.name for path in (ROOT / "python/tessera").iterdir()
                              if path.suffix in (".py", ".pyi", ".typed")} | {path.name for path in PACKAGE.glob("tessera-media.so")}
SESSION = """
import numpy as np, pathlib, sys, tessera
assert pathlib.Path(tessera.__file__).is_relative_to(sys.argv[1]), tessera.__file__
graph = tessera.Graph("g")
graph.mark_output(graph.add("Neg", "y", [graph.add_input("x", (4,))], {}, ["y"]))
engine = tessera.Engine.build(graph, sys.argv[2], tessera.EngineOptions(tuning=tessera.TuneOptions("off", folder="")))
print(tessera.__version__, *tessera.Context(engine).run({"x": np.arange(4, dtype=np.float32)})["y"])
"""


pytestmark = pytest.mark.skipif(not (BUILT / "CMakeCache.txt").is_file(),
                                reason=f"{PACKAGE} is not in a build folder, which these tests install from")


def version():
    line = next(line for line in (ROOT / "CMakeLists.txt").read_text().splitlines() if line.startswith("project("))
    return line.split("VERSION ")[1].split()[0]


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_session(python, package_in, device, cwd, *, path=None):
    """A network built and run by the package below `package_in`, whatever else lies in this process's path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path:
        environment["PYTHONPATH"] = str(path)
    out = run(python, "-c", SESSION, package_in, device.caps.name, cwd=cwd, env=environment)
    assert out.split()[0] == version() and [float(value) for value in out.split()[1:]] == [0, -1, -2, -3]


def test_cmake_installs_a_package_that_runs_elsewhere(device, tmp_path):
    run("cmake", "--install", BUILT, "--component", "python", "--prefix", tmp_path / "p")
    (module,) = (tmp_path / "p").rglob("_core.*")
    assert {path.name for path in module.parent.iterdir()} == PLAIN | {module.name}
    check_session(sys.executable, tmp_path, device, tmp_path, path=module.parents[1])


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment with what pyproject.toml says that a build needs."""
    folder = tmp_path_factory.mktemp("wheel") / "venv"
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True)
    if made.returncode:
        pytest.skip("this Python makes no virtual environments: " + (made.stdout + made.stderr).strip()[:200])
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    got = subprocess.run([folder / "bin/pip", "install", "-q", "--retries", "0", "--timeout", "10", *needed, "numpy<2"],
                         capture_output=True, text=True)
    if got.returncode:
        pytest.skip("the package index gives no scikit-build-core here: " + got.stderr.strip()[-200:])
    return folder


def test_pip_makes_a_wheel_that_runs_elsewhere(environment, device, tmp_path):
    """With the extension module that is built already: what a build for pip alone adds is compiling it once more."""
    run(environment / "bin/pip", "wheel", ROOT, "--no-deps", "--no-build-isolation", "-w", tmp_path,
        f"--config-settings=cmake.define.TESSERA_PYTHON_BUILT={BUILT}", f"--config-settings=build-dir={tmp_path / 'build'}")
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"tessera-{version()}-cp") and "linux" in wheel.name
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    (module,) = {name for name in names if name.startswith("tessera/_core.")}
    assert names == {"tessera/" + name for name in PLAIN} | {module}
    run(environment / "bin/pip", "install", "--no-index", "--no-deps", wheel)
    check_session(environment / "bin/python", environment, device, tmp_path)


def test_a_tree_for_another_python_is_refused(environment, tmp_path):
    (tmp_path / "python/tessera").mkdir(parents=True)
    (tmp_path / "python/tessera/_core.cpython-27.so").touch()
    done = subprocess.run([environment / "bin/pip", "wheel", ROOT, "--no-deps", "--no-build-isolation", "-w", tmp_path,
                           f"--config-settings=cmake.define.TESSERA_PYTHON_BUILT={tmp_path}",
                           f"--config-settings=build-dir={tmp_path / 'build'}"],
                          capture_output=True, text=True)
    said = "".join((done.stdout + done.stderr).split())  # CMake breaks lines
    assert done.returncode != 0 and "TESSERA_PYTHON_BUILT:thereisno" in said and "_core.cpython-27.so" in said
