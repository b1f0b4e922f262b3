"""Where the time of a run goes, where two engines differ, and options that decide how a network runs."""
import json

import numpy as np
import pytest

import tessera
from conftest import convolutions

X = np.random.default_rng(3).standard_normal((1, 3, 8, 8)).astype(np.float32)


def build(device, tuning, precision="fp32", **options):
    return tessera.Engine.build(convolutions()[0], device, tessera.EngineOptions(precision, tuning=tuning, **options))


def test_traces_tell_every_launch(device, tuning, tmp_path):
    engine = build(device, tuning)
    context = tessera.Context(engine)
    context.upload("x", X)
    launches = context.trace()
    assert len(launches) == engine.launches >= len({launch.layer for launch in launches}) > 1
    assert launches[0].begin == 0 and all(launch.begin <= launch.end and launch.kernel for launch in launches)
    assert [launch.layer for launch in launches] == sorted(launch.layer for launch in launches)
    tessera.write_trace(tmp_path / "run.json", context)
    events = json.loads((tmp_path / "run.json").read_text())["traceEvents"]
    kernels = [event for event in events if event.get("cat") == "kernel"]
    assert len(kernels) == engine.launches and kernels[0]["args"]["layer"] == engine.layers[launches[0].layer].name
    spans = {event["name"]: event for event in events if event["ph"] == "X" and event["tid"] == 1}
    assert set(spans) == {engine.layers[launch.layer].name for launch in launches}


def test_a_trace_waits_for_no_run_that_was_started(device, tuning):
    context = tessera.Context(build(device, tuning))
    run = context.start({"x": X})
    with pytest.raises(tessera.InvalidArgument, match="not collected"):
        context.trace()
    run.result()
    assert context.trace()


def test_fused_layers_are_told_by_name(device, tuning):
    graph, _ = convolutions()
    engine = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
    assert tessera.members_of(graph, engine.graph) == {"conv0": ["relu0"], "conv1": ["relu1"]}


def test_a_ceiling_is_measured(device):
    ceiling = tessera.measure_ceiling(device, "fp32")
    assert ceiling.gops > 0 and ceiling.gbps > 0 and "fp32" in ceiling.by
    with pytest.raises(tessera.InvalidArgument):
        tessera.measure_ceiling(device, "fp8")


def test_engines_are_compared_layer_by_layer(device, tuning):
    exact, half = tessera.Context(build(device, tuning)), tessera.Context(build(device, tuning, "fp16"))
    found = tessera.compare_runs(exact, half, {"x": X})
    assert found.first_bad is None and [output.layer for output in found.outputs] == ["y"]
    by_name = {layer.layer: layer for layer in found.layers}
    assert {"conv0", "conv1"} <= set(by_name) and not by_name["conv0"].bad
    assert 0 < by_name["conv0"].isolated.relative < 0.01 and 0 < by_name["conv0"].isolated.largest < 0.01
    strict = tessera.compare_runs(exact, half, {"x": X}, tolerance=1e-7)
    assert strict.first_bad == 0 and strict.layers[0].bad
    same = tessera.compare_runs(exact, tessera.Context(exact.engine), {"x": X})
    assert all(layer.accumulated.relative == 0 for layer in same.layers)
    with pytest.raises(tessera.InvalidArgument, match="two contexts"):
        tessera.compare_runs(exact, exact, {"x": X})
    with pytest.raises(tessera.InvalidArgument, match="'x'"):
        tessera.compare_runs(exact, half, {})


def test_checksums_are_of_bytes_in_c_order():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert tessera.checksum(x) == tessera.checksum(np.asfortranarray(x)) != tessera.checksum(x.T)
    assert tessera.checksum(np.zeros(0, np.uint8)) == "2d06800538d394c2"  # XXH3 of nothing
    with pytest.raises(tessera.InvalidArgument):
        tessera.checksum(np.zeros(2, np.complex64))


def test_deterministic_engines_sum_in_one_order(device, tuning):
    engine = build(device, tuning, deterministic=True)
    y = tessera.Context(engine).run({"x": X})["y"]
    np.testing.assert_allclose(y, convolutions()[1](X), rtol=1e-5, atol=1e-6)
    assert {layer.family for layer in engine.layers if layer.op == "Convolution"} != \
        {layer.family for layer in build(device, tuning).layers if layer.op == "Convolution"}
    graph = tessera.Graph("waves")
    graph.mark_output(graph.add("Sin", "wave", [graph.add_input("x", (4,))]))
    with pytest.raises(tessera.Unsupported, match="wave"):
        tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning, deterministic=True))


def test_launches_are_chosen(device, tuning):
    options = tessera.EngineOptions(launches="steps")
    assert options.launches == "steps" and not options.deterministic and tessera.EngineOptions().launches == "measured"
    options.deterministic, options.launches = True, "one"
    assert options.deterministic and options.launches == "one"
    assert build(device, tuning, launches="steps").launches > 1
    try:
        assert build(device, tuning, launches="one").launches == 1
    except tessera.Unsupported as refused:
        assert "one launch" in str(refused)
    with pytest.raises(tessera.InvalidArgument, match="often"):
        tessera.EngineOptions(launches="often")
