#!/usr/bin/env python3
"""What INT8 costs: Tessera's calibration beside ONNX Runtime's static quantisation, on the same images, as SQNR of the outputs.

    PYTHONPATH=build/release/python python3 bench/int8_peers.py MODEL.onnx --calibration FOLDER --images FOLDER
            [--description MODEL.json] [--count 30] [--limit 100] [--methods auto] [--peer-methods MinMax,Entropy,Percentile]
            [--json F]

The description (docs/programs.md) says how images become the input; without one they are RGB in [0, 1]. `--count` images are for
calibration, evenly spread over the folder; `--limit` others, of the second folder, are what is judged. For each output: SQNR in dB
over all images, 10 log10(sum of y^2 / sum of (y - y8)^2); of outputs N x classes, and of N x classes x H x W where the description's
task is segmentation, the share of positions whose largest class is another one, too. FP32 is each runtime's own. Needs numpy, Pillow, onnx and onnxruntime.
"""
import argparse
import json
import math
import pathlib
import sys
import tempfile

import numpy as np
from PIL import Image

import tessera

IMAGES = {".jpg", ".jpeg", ".png"}


def spread(folder, count):
    files = sorted(f for f in pathlib.Path(folder).rglob("*") if f.suffix.lower() in IMAGES)
    if not files:
        sys.exit(f"{folder} has no images")
    count = min(count, len(files))
    return [files[i * len(files) // count] for i in range(count)]


class Preparation:
    """Image files as a network's input, the same for both runtimes."""

    def __init__(self, graph, description):
        tensor = graph.tensor(graph.inputs[0])
        self.name, self.size = tensor.name, tuple(int(e) for e in tensor.shape[2:])
        described = json.loads(pathlib.Path(description).read_text()) if description else {}
        self.task, how = described.get("task", "segmentation" if description else ""), described.get("input", {})
        self.channels = how.get("channels", "RGB")
        self.mean = np.float32(how.get("mean", [0, 0, 0]))
        self.deviation = np.float32(how.get("std", [1, 1, 1] if description else [255, 255, 255]))
        self.scale = np.float32(how.get("scale", 1))

    def __call__(self, file):
        height, width = self.size
        pixels = np.asarray(Image.open(file).convert("RGB").resize((width, height), Image.BILINEAR), np.float32)
        if self.channels == "BGR":
            pixels = pixels[..., ::-1]
        pixels = (pixels - self.mean) / self.deviation * self.scale
        return {self.name: np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])}


class Feeds(tessera.Calibrator):
    def __init__(self, feeds):
        super().__init__()
        self.feeds, self.given = feeds, 0

    def batch_size(self):
        return 1

    def next_batch(self):
        self.given += 1
        return self.feeds[self.given - 1] if self.given <= len(self.feeds) else None


class OfTessera:
    def __init__(self, model, calibration, methods):
        self.graph, self.feeds, self.methods = tessera.import_model(model), calibration, methods

    def runs(self):
        yield "fp32", self.runner(tessera.EngineOptions())
        for method in self.methods:
            found = tessera.calibrate(self.graph, "cpu", Feeds(self.feeds), tessera.CalibrationOptions(method))
            yield method, self.runner(tessera.EngineOptions("int8", calibration=found.calibration))

    def runner(self, options):
        context = tessera.Context(tessera.Engine.build(self.graph, "cpu", options))
        return lambda feed: {name: np.array(value, np.float64) for name, value in context.run(feed).items()}


class OfOnnxRuntime:
    def __init__(self, model, calibration, methods):
        self.model, self.feeds, self.methods = model, calibration, methods

    def runs(self):
        import onnx.version_converter
        yield "fp32", self.runner(self.model)
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
        with tempfile.TemporaryDirectory() as folder:
            raised, prepared = pathlib.Path(folder) / "raised.onnx", pathlib.Path(folder) / "prepared.onnx"
            # Scales per channel need opset 13.
            model = onnx.load(self.model)
            onnx.save(onnx.version_converter.convert_version(model, max(13, model.opset_import[0].version)), raised)
            quant_pre_process(str(raised), str(prepared), skip_symbolic_shape=True)
            for method in self.methods:
                quantised = pathlib.Path(folder) / f"{method}.onnx"
                quantize_static(str(prepared), str(quantised), _Reader(self.feeds), quant_format=QuantFormat.QDQ,
                                per_channel=True, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
                                calibrate_method=getattr(CalibrationMethod, method))
                yield method, self.runner(quantised)

    @staticmethod
    def runner(model):
        import onnxruntime
        onnxruntime.set_default_logger_severity(3)
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return lambda feed: dict(zip(names, (np.array(v, np.float64) for v in session.run(None, feed))))


class _Reader:
    """What quantize_static() asks for its data."""

    def __init__(self, feeds):
        self.rest = iter(feeds)

    def get_next(self):
        return next(self.rest, None)


class Judge:
    """Signal, noise and changed classes of each output, added up over images."""

    def __init__(self, task):
        self.sums, self.ranks = {}, (2, 4) if task == "segmentation" else (2,)

    def add(self, wanted, got):
        for name, y in wanted.items():
            sums = self.sums.setdefault(name, [0.0, 0.0, 0, 0])
            noise = got[name].reshape(y.shape) - y
            sums[0] += float((y * y).sum())
            sums[1] += float((noise * noise).sum())
            if (y.ndim in self.ranks or y.shape[2:] == (1, 1)) and y.shape[1] > 1:
                changed = np.argmax(y, 1) != np.argmax(got[name].reshape(y.shape), 1)
                sums[2] += int(changed.sum())
                sums[3] += changed.size

    def rows(self):
        for name, (signal, noise, changed, positions) in self.sums.items():
            yield name, 10 * math.log10(signal / noise) if noise > 0 else math.inf, changed / positions if positions else None


def judged(runtime, title, feeds, task):
    rows, wanted = [], None
    for method, run in runtime.runs():
        answers = [run(feed) for feed in feeds]
        if wanted is None:
            wanted = answers
            continue
        judge = Judge(task)
        for y, y8 in zip(wanted, answers):
            judge.add(y, y8)
        for output, decibel, changed in judge.rows():
            rows.append({"runtime": title, "method": method, "output": output, "sqnr_db": decibel, "changed": changed})
            share = "" if changed is None else f"{changed * 100:9.3f} %"
            print(f"{title:<14}{method:<12}{output:<28}{decibel:8.2f} dB{share}", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--calibration", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--description")
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--methods", default="auto")
    parser.add_argument("--peer-methods", default="MinMax,Entropy,Percentile")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    prepare = Preparation(tessera.import_model(arguments.model), arguments.description)
    calibration = [prepare(file) for file in spread(arguments.calibration, arguments.count)]
    feeds = [prepare(file) for file in spread(arguments.images, arguments.limit)]
    rows = judged(OfTessera(arguments.model, calibration, arguments.methods.split(",")), "Tessera", feeds, prepare.task)
    rows += judged(OfOnnxRuntime(arguments.model, calibration, arguments.peer_methods.split(",")), "ONNX Runtime", feeds,
                   prepare.task)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
