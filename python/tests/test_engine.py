"""Options, plans, precision, tuning, devices, errors, the log."""
import logging
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import tessera
from conftest import convolutions

X = np.random.default_rng(3).standard_normal((1, 3, 8, 8)).astype(np.float32)


def test_devices_are_listed_and_selected(device):
    names = [d.caps.name for d in tessera.Device.all()]
    assert device.caps.name in names
    caps = tessera.Device.select(device.caps.name).caps
    assert caps.name == device.caps.name and caps.kind in ("cpu", "gpu", "other")
    assert caps.is_cpu == (caps.kind == "cpu") and len(caps.max_work_item) == 3
    assert caps.global_memory > 0 and caps.fingerprint() and caps.classes()
    with pytest.raises(tessera.DeviceError) as refused:
        tessera.Device.select("no such device")
    assert all(name in str(refused.value) for name in names)


def test_half_keeps_floats_outside_and_saves_memory(device, tuning):
    graph, reference = convolutions()
    half = tessera.Engine.build(graph, device, tessera.EngineOptions("fp16", tuning=tuning))
    full = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
    y = tessera.Context(half).run({"x": X})["y"]
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, reference(X), rtol=5e-3, atol=1e-3)
    assert half.memory.weights < full.memory.weights and half.precision == "fp16"
    assert {p.precision for p in half.precisions} == {"fp16"} and all(p.reason for p in half.precisions)
    kept = tessera.Engine.build(graph, device, tessera.EngineOptions("fp16", keep_fp32=["conv0"], tuning=tuning))
    assert {p.layer for p in kept.precisions if p.precision == "fp32"} == {"conv0"}
    with pytest.raises(tessera.InvalidArgument, match="nobody"):
        tessera.Engine.build(graph, device, tessera.EngineOptions("fp16", keep_fp32=["nobody"], tuning=tuning))


def test_options_are_attributes(tuning):
    options = tessera.EngineOptions("int8", keep_fp32=["b", "a"], passes_off=["fuse-pointwise"], description="{}")
    assert (options.precision, options.precision_choice) == ("int8", "rules")
    assert options.keep_fp32 == ["a", "b"] and options.passes_off == ["fuse-pointwise"]
    assert options.calibration is None and options.share_programs is None and not options.keep_first_last
    options.precision, options.keep_first_last, options.tuning = "fp16", True, tuning
    assert options.precision == "fp16" and options.keep_first_last and options.tuning.mode == "off"
    assert tuning.folder == "" and tessera.TuneOptions().folder is None
    assert tessera.TuneOptions(workspace_limit=4096).workspace_limit == 4096 and tuning.workspace_limit is None
    for wrong in (lambda: tessera.EngineOptions("fp8"), lambda: tessera.TuneOptions("often"),
                  lambda: tessera.EngineOptions(precision_choice="always")):
        with pytest.raises(tessera.InvalidArgument):
            wrong()
    with pytest.raises(TypeError):
        tessera.EngineOptions("fp32", tuning)  # by keyword only


def test_a_limit_of_the_workspace_is_told_of(device, tuning):
    graph, reference = convolutions()
    tuning.workspace_limit = 0
    limited = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
    np.testing.assert_allclose(tessera.Context(limited).run({"x": X})["y"], reference(X), rtol=1e-4, atol=1e-4)
    names = {layer.name for layer in limited.layers}
    for layer in limited.tuning.limited:
        assert layer.layer in names and layer.workspace > 0 and layer.taken != layer.wanted


def test_plans_are_saved_appended_and_loaded(device, tuning, tmp_path):
    graph, reference = convolutions()
    engine = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning, description='{"task": "none"}'))
    plan = tmp_path / "small.plan"
    engine.save(plan)
    assert tessera.is_plan(plan) and not tessera.is_plan(tmp_path)
    engine.append_to(plan)
    loaded = tessera.Engine.load(plan, device, tuning)
    assert loaded.description == '{"task": "none"}' and loaded.text() == engine.text()
    assert loaded.tuning.planned == loaded.tuning.problems > 0
    same = tessera.Context(engine).run({"x": X})["y"]
    np.testing.assert_array_equal(tessera.Context(loaded).run({"x": X})["y"], same)
    np.testing.assert_allclose(same, reference(X), rtol=1e-5, atol=1e-6)
    report = tessera.check_plan(plan, device)
    assert report.used and report.name == "small" and report.precision == "fp32" and len(report.sections) == 1
    assert report.sections[0].kernels == len(engine.layers) and report.bytes == plan.stat().st_size
    assert loaded.self_check().outputs == 1 and engine.self_check() is None
    chosen = tessera.Engine.load(plan, device, tuning, network_only=True)
    assert chosen.tuning.planned == 0
    engine.save(tmp_path / "bare.plan", programs=False, weights=False)
    assert (tmp_path / "bare.plan").stat().st_size <= plan.stat().st_size
    plan.write_bytes(plan.read_bytes()[:100])
    with pytest.raises(tessera.BadCache, match="small.plan"):
        tessera.Engine.load(plan, device, tuning)


def test_kernels_are_shared_and_graphs_stay_as_they_are(device, tuning):
    graph, _ = convolutions()
    before = graph.hash()
    first = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
    second = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning, share_programs=first))
    assert graph.hash() == before and second.graph.hash() == first.graph.hash() != before
    options = tessera.EngineOptions(tuning=tuning, optimized=True)
    assert tessera.Engine.build(first.graph, device, options).text() == first.text()


def test_tuning_reports_its_progress(device, tmp_path):
    graph, reference = convolutions()
    seen = []
    tuning = tessera.TuneOptions("fast", seconds=1.5, folder=tmp_path, progress=seen.append)
    engine = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
    assert seen and seen[0].budget > 0 and seen[-1].candidates >= seen[0].candidates
    assert engine.tuning.candidates > 0 and list(tmp_path.glob("*.tactics"))
    np.testing.assert_allclose(tessera.Context(engine).run({"x": X})["y"], reference(X), rtol=1e-4, atol=1e-5)
    again = tessera.Engine.build(graph, device,
                                 tessera.EngineOptions(tuning=tessera.TuneOptions("cached", folder=tmp_path)))
    assert again.tuning.candidates == 0 and again.tuning.exact > 0


def test_an_exception_ends_a_search(device):
    def stop(progress):
        raise KeyboardInterrupt

    graph, _ = convolutions()
    tuning = tessera.TuneOptions("fast", seconds=30, folder="", progress=stop)
    with pytest.raises(KeyboardInterrupt):
        tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))


def test_candidates_can_run_in_a_process_of_their_own(device):
    graph, _ = convolutions()
    tuning = tessera.TuneOptions("fast", seconds=1.5, folder="", worker=tessera.TUNE_WORKER)
    engine = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
    assert engine.tuning.candidates > engine.tuning.bad


def test_a_process_with_tensorflow_is_refused(tmp_path):
    """Before it crashes: TensorFlow's protobuf and LLVM are everybody's."""
    library = tmp_path / "libtensorflow_framework.so.2"
    library.write_bytes(b"x" * 4096)
    script = f"""
import mmap
with open({str(library)!r}, "rb") as file:
    held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
try:
    import tessera
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(pathlib.Path(tessera.__file__).parents[1])})
    assert "TensorFlow is loaded in this process" in done.stdout, done.stdout + done.stderr


def test_errors_have_classes_and_codes():
    classes = tessera.Error.__subclasses__()
    assert {c.code for c in classes} == {"InvalidArgument", "Unsupported", "BadModel", "DeviceError", "OutOfMemory",
                                         "BadCache", "Internal"}
    assert all(getattr(tessera, c.code) is c and c.__module__ == "tessera" for c in classes)
    assert issubclass(tessera.InvalidArgument, ValueError) and issubclass(tessera.OutOfMemory, MemoryError)


def test_the_log_goes_to_a_callable_and_to_logging(device, tuning, tmp_path, caplog):
    graph, _ = convolutions()
    plan = tmp_path / "other.plan"
    tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning)).save(plan)
    told = []
    try:
        tessera.set_logger(lambda level, message: told.append((level, message)))
        tessera.set_log_level("debug")
        tessera.Engine.load(plan, device, tuning)
        tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
        assert told and all(level in ("debug", "info", "warning") for level, _ in told)
        count = len(told)
        with caplog.at_level(logging.DEBUG, "net"):
            tessera.set_logger(logging.getLogger("net"))
            tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
        assert len(told) == count and any(record.name == "net" for record in caplog.records)
        with pytest.raises(tessera.InvalidArgument, match="loud"):
            tessera.set_log_level("loud")
    finally:
        tessera.set_logger(None)
        tessera.set_log_level("warning")


def test_the_interpreter_ends_cleanly_whatever_is_alive(device):
    code = f"""
import numpy as np, tessera, threading
tessera.set_logger(lambda level, message: None)
graph = tessera.Graph('g'); graph.mark_output(graph.add('Neg', 'y', [graph.add_input('x', (4,))]))
engine = tessera.Engine.build(graph, {device.caps.name!r}, tessera.EngineOptions(tuning=tessera.TuneOptions('off', folder='')))
context = tessera.Context(engine)
run = context.start({{'x': np.zeros(4, np.float32)}})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
