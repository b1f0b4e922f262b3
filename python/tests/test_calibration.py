"""Calibrators of Python and of the library, caches, INT8 engines."""
import gc
import time

import numpy as np
import pytest
from PIL import Image

import tessera
from conftest import ROOT, convolutions

DEMO = ROOT / "apps/segmenter/demo"


class Batches(tessera.Calibrator):
    def __init__(self, count=3, batch=2, cache=None):
        super().__init__()
        self.batch, self.left, self.cache, self.written = batch, count, cache, None
        self.random = np.random.default_rng(5)

    def batch_size(self):
        return self.batch

    def next_batch(self):
        if self.left == 0:
            return None
        self.left -= 1
        return {"x": self.random.standard_normal((self.batch, 3, 8, 8)).astype(np.float32)}

    def read_cache(self):
        return self.cache

    def write_cache(self, text):
        self.written = text


def test_a_cache_alone_makes_the_int8_engine(device, tuning):
    calibrator = Batches()
    stages = []
    options = tessera.CalibrationOptions(progress=lambda stage, done, total: stages.append(stage))
    result = tessera.calibrate(convolutions(batch=2)[0], device, calibrator, options)
    assert result.batches == 3 and not result.from_cache and result.chosen and stages
    assert set(result.damage) >= {"minmax", "entropy"} and calibrator.written == result.calibration.text()
    assert result.damage["minmax"].error >= 0

    class OnlyCache(Batches):
        def next_batch(self):
            raise AssertionError("nothing is to be run")

    graph, reference = convolutions()  # of another batch size
    for cache in (calibrator.written, calibrator.written.encode(), result.calibration.tensorrt_text()):
        again = tessera.calibrate(graph, device, OnlyCache(cache=cache))
        assert again.from_cache and again.calibration.scales == pytest.approx(result.calibration.scales)
    calibration = tessera.Calibration.parse(calibrator.written, "net.calibration")
    assert calibration.graph_hash == result.calibration.graph_hash and calibration.graph_name == "small"
    engine = tessera.Engine.build(graph, device, tessera.EngineOptions("int8", calibration=calibration, tuning=tuning))
    assert any(p.precision == "int8" for p in engine.precisions)
    x = np.random.default_rng(6).standard_normal((1, 3, 8, 8)).astype(np.float32)
    y, wanted = tessera.Context(engine).run({"x": x})["y"], reference(x)
    assert 0 < np.abs(y - wanted).max() < 0.05 * np.abs(wanted).max()


def test_a_calibrated_network_is_written_as_onnx(device, tuning, tmp_path):
    graph, _ = convolutions()
    calibration = tessera.calibrate(graph, device, Batches(batch=1), tessera.CalibrationOptions("minmax")).calibration
    tessera.export_qdq(graph, calibration, tmp_path / "net.onnx")
    x = {"x": np.random.default_rng(6).standard_normal((1, 3, 8, 8)).astype(np.float32)}

    def run(network, **options):
        engine = tessera.Engine.build(network, device, tessera.EngineOptions("int8", tuning=tuning, **options))
        return tessera.Context(engine).run(x)["y"]

    np.testing.assert_array_equal(run(tessera.import_model(tmp_path / "net.onnx")), run(graph, calibration=calibration))
    with pytest.raises(tessera.InvalidArgument):
        tessera.export_qdq(graph, calibration, tmp_path / "none" / "net.onnx")


def test_a_graph_is_written_as_onnx(device, tuning, tmp_path):
    graph, _ = convolutions()
    tessera.export_onnx(graph, tmp_path / "net.onnx")
    x = {"x": np.random.default_rng(6).standard_normal((1, 3, 8, 8)).astype(np.float32)}
    given, read = (tessera.Context(tessera.Engine.build(g, device, tessera.EngineOptions(tuning=tuning))).run(x)["y"]
                   for g in (graph, tessera.import_model(tmp_path / "net.onnx")))
    np.testing.assert_array_equal(given, read)
    with pytest.raises(tessera.InvalidArgument):
        tessera.export_onnx(graph, tmp_path / "none" / "net.onnx")


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile", "mse"])
def test_methods(device, method):
    result = tessera.calibrate(convolutions(batch=2)[0], device, Batches(), tessera.CalibrationOptions(method))
    assert result.chosen == result.calibration.method == method and result.calibration.scales["x"] > 0


def test_layers_are_ranked(device):
    graph, _ = convolutions(batch=2)
    calibration = tessera.calibrate(graph, device, Batches(), tessera.CalibrationOptions("minmax")).calibration
    layers = tessera.rank_layers(graph, device, Batches(), calibration, batches=2)
    assert {layer.layer for layer in layers} == {"conv0", "conv1"}
    assert layers[0].damage.error >= layers[1].damage.error > 0 and layers[0].multiply_adds > 0


def test_what_a_calibrator_raises_comes_through(device):
    class Failing(Batches):
        def next_batch(self):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        tessera.calibrate(convolutions(batch=2)[0], device, Failing())


@pytest.mark.parametrize("batch, words", [
    ({"x": np.zeros((2, 3, 8, 8))}, ["'x'", "float64", "astype"]),
    ({"x": np.zeros((1, 3, 8, 8), np.float32)}, ["'x'", "2x3x8x8", "1x3x8x8"]),
    ({}, ["'x' was not given"]),
    ({"z": np.zeros((2, 3, 8, 8), np.float32)}, ["z"]),
    ([1], ["next_batch()", "mapping"]),
    ({"x": np.full((2, 3, 8, 8), np.nan, np.float32)}, ["NaN", "the third batch"]),
])
def test_wrong_batches_are_refused_by_name(device, batch, words):
    class Wrong(Batches):
        def next_batch(self):
            return batch

        def last_batch(self):
            return "the third batch"

    with pytest.raises(tessera.InvalidArgument) as refused:
        tessera.calibrate(convolutions(batch=2)[0], device, Wrong())
    for word in words:
        assert word in str(refused.value)


def test_incomplete_calibrators_are_refused_by_name(device):
    class Nothing(tessera.Calibrator):
        pass

    class Forgetful(tessera.Calibrator):
        def __init__(self):
            pass

    with pytest.raises(tessera.InvalidArgument, match=r"Nothing has no method next_batch\(\)"):
        tessera.calibrate(convolutions()[0], device, Nothing())
    with pytest.raises(TypeError, match="__init__"):
        tessera.calibrate(convolutions()[0], device, Forgetful())
    with pytest.raises(tessera.InvalidArgument, match="no batch"):
        tessera.calibrate(convolutions(batch=2)[0], device, Batches(count=0))
    with pytest.raises(tessera.InvalidArgument, match="often"):
        tessera.CalibrationOptions("often")


def test_caches_of_others_are_refused(device, tuning):
    calibration = tessera.calibrate(convolutions(batch=2)[0], device, Batches(),
                                    tessera.CalibrationOptions("minmax")).calibration
    other = tessera.Graph("other")
    x = other.add_input("x", (1, 3, 8, 8))
    w = other.add_constant("w", np.ones((4, 3, 1, 1), np.float32))
    other.mark_output(other.add("Convolution", "conv", [x, w]))
    with pytest.raises(tessera.BadCache, match="small"):
        tessera.Engine.build(other, device, tessera.EngineOptions("int8", calibration=calibration, tuning=tuning))
    with pytest.raises(tessera.BadCache, match="my.cache"):
        tessera.Calibration.parse("what is this", "my.cache")
    with pytest.raises(tessera.Error, match="calibration"):
        tessera.Engine.build(other, device, tessera.EngineOptions("int8", tuning=tuning))
    scales = calibration.scales
    scales["x"] = 0.0
    calibration.scales = scales
    with pytest.raises(tessera.BadCache, match="x"):
        tessera.Engine.build(convolutions()[0], device,
                             tessera.EngineOptions("int8", calibration=calibration, tuning=tuning))


needs_images = pytest.mark.skipif(not hasattr(tessera, "ImageBatchStream"), reason="built without OpenCV")


@needs_images
def test_image_streams_give_what_numpy_computes(tmp_path):
    random = np.random.default_rng(2)
    pictures = {}
    for i in range(5):
        pixels = random.integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        pictures[f"{i}.png"] = pixels[..., ::-1].astype(np.float32)  # BGR
    how = tessera.ImagePreprocess(6, 8, mean=(1, 2, 3), deviation=(4, 5, 6), scale=0.5)
    files = tessera.calibration_images([tmp_path])
    assert [f.name for f in files] == sorted(pictures)
    cache = tmp_path / "net.calibration"
    stream = tessera.ImageBatchStream(files, input="image", preprocess=how, batch_size=2, cache_file=cache)
    assert (stream.batch_size(), stream.batch_count()) == (2, 3)  # the last is filled up
    seen = []
    while (batch := stream.next_batch()) is not None:
        names = [name.rsplit("/", 1)[1] for name in stream.last_batch().split(", ")]
        for name, x in zip(names, batch["image"]):
            wanted = (pictures[name] - np.float32([1, 2, 3])) / np.float32([4, 5, 6]) * np.float32(0.5)
            np.testing.assert_allclose(x, wanted.transpose(2, 0, 1), rtol=1e-6, atol=1e-6)
        seen += names
    assert len(set(seen)) == 5
    assert stream.read_cache() == ""
    stream.write_cache("kept")
    assert cache.read_text() == stream.read_cache() == "kept"
    with pytest.raises(tessera.InvalidArgument, match="nowhere"):
        tessera.calibration_images([tmp_path / "nowhere"])
    with pytest.raises(tessera.InvalidArgument, match="no calibration images"):
        tessera.ImageBatchStream([], input="image", preprocess=how, batch_size=6)


@needs_images
def test_a_stream_that_logs_while_it_is_dropped_does_not_hang(tmp_path):
    for i in range(30):
        (tmp_path / f"{i}.jpg").write_bytes(b"no picture")
    told = []
    tessera.set_logger(lambda level, message: told.append(message))
    try:
        how = tessera.ImagePreprocess(4, 4)
        stream = tessera.ImageBatchStream(tessera.calibration_images([tmp_path]), input="x", preprocess=how)
        with pytest.raises(tessera.InvalidArgument, match="none of"):
            stream.next_batch()
        assert len(told) == 30 and ".jpg" in told[0]
        begin = time.monotonic()
        for _ in range(20):
            stream = tessera.ImageBatchStream(tessera.calibration_images([tmp_path]), input="x", preprocess=how)
            with pytest.raises(tessera.InvalidArgument):
                stream.next_batch()
            del stream
            gc.collect()
        assert time.monotonic() - begin < 30
    finally:
        tessera.set_logger(None)


@needs_images
def test_the_embedded_network_calibrates_from_a_stream(device):
    graph = tessera.import_model(DEMO / "fcn8s_street.onnx", input_shapes={"input": (2, 3, 96, 128)})
    how = tessera.ImagePreprocess(96, 128, mean=(103.53, 116.28, 123.675), deviation=(57.375, 57.12, 58.395))
    stream = tessera.ImageBatchStream(tessera.calibration_images([DEMO / "calibration"]), input="input", preprocess=how,
                                      batch_size=2, limit=4)
    result = tessera.calibrate(graph, device, stream, tessera.CalibrationOptions("minmax"))
    assert result.batches == 2 and result.calibration.scales["input"] > 0
