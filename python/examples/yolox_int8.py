#!/usr/bin/env python3
"""Calibrates a YOLOX for INT8 from a list of images, and finds objects in pictures in INT8 and in FP32, side by side.

Usage: yolox_int8.py MODEL.onnx LIST PICTURE.. [--cache FILE] [--method auto] [--limit N] [--threshold X]

LIST is a text file with the path of an image on each line. MODEL has one output with all boxes, or three: N x (5 + classes) x
H x W for strides 8, 16 and 32. The scales are written to FILE, and read from there when it is there already.
"""
import argparse

import numpy as np
from PIL import Image

import tessera


def overlap(a, b):
    """Intersection over union of two boxes."""
    width, height = min(a.right, b.right) - max(a.left, b.left), min(a.bottom, b.bottom) - max(a.top, b.top)
    common = max(width, 0) * max(height, 0)
    areas = sum((x.right - x.left) * (x.bottom - x.top) for x in (a, b))
    return common / (areas - common) if areas > common else 0.0


def calibrate(graph, device, files, how, cache, method, limit):
    """Scales for every tensor, from images that go in as they will later."""
    (binding,) = (graph.tensor(i) for i in graph.inputs)
    height, width = binding.shape[2:]
    size = tessera.ImagePreprocess(height, width, resize=how.resize, fit=how.fit, order=how.order, mean=how.mean,
                                   deviation=how.deviation, scale=how.scale, pad=how.pad)
    stream = tessera.ImageBatchStream(files, input=binding.name, preprocess=size, batch_size=binding.shape[0], limit=limit,
                                      cache_file=cache)
    return tessera.calibrate(graph, device, stream, tessera.CalibrationOptions(method))


def compare(exact, coded):
    """Of objects found in FP32: how many INT8 finds at the same place, and the least overlap of these."""
    overlaps = [max((overlap(a.box, b.box) for b in coded if b.index == a.index), default=0) for a in exact]
    same = [value for value in overlaps if value > 0.5]
    return len(same), min(same, default=1.0)


def detect(graph, files, pictures, cache="", method="auto", limit=100, threshold=0.3, device=""):
    device = tessera.Device.select(device) if isinstance(device, str) else device
    described = tessera.NetworkDescription.of_preset("yolox")
    found = calibrate(graph, device, files, described.preprocess, cache, method, limit)
    print("scales from the cache" if found.from_cache else f"scales from {found.batches} batches, {found.calibration.method}")
    options = tessera.RunnerOptions("yolox", suppression=tessera.SuppressionOptions(threshold=threshold, overlap=0.45))
    runners = {}
    for precision in ("fp32", "int8"):
        build = tessera.EngineOptions(precision, calibration=found.calibration if precision == "int8" else None)
        engine = tessera.Engine.build(graph, device, build)
        runners[precision] = tessera.Runner(engine, options)
        if precision == "int8":
            coded = sum(layer.multiply_adds for layer in engine.precisions if layer.precision == "int8")
            print(f"{coded / sum(layer.multiply_adds for layer in engine.precisions):.1%} of the multiply-adds in INT8")
    results = []
    for file in pictures:
        pixels = np.ascontiguousarray(np.asarray(Image.open(file).convert("RGB"))[..., ::-1])
        exact, coded = (runners[precision].run(pixels).objects for precision in ("fp32", "int8"))
        same, least = compare(exact, coded)
        results.append((exact, coded))
        print(f"{file}: {len(exact)} objects in FP32, {len(coded)} in INT8; {same} the same, overlapping by {least:.2f} or more")
        for one in coded:
            box = one.box
            print(f"  class {one.index} {one.score:.2f}: {box.left:.0f} {box.top:.0f} {box.right:.0f} {box.bottom:.0f}")
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("list")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--cache", default="")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--threshold", type=float, default=0.3)
    arguments = parser.parse_args()
    try:
        detect(tessera.import_model(arguments.model), tessera.calibration_images([arguments.list]), arguments.pictures,
               arguments.cache, arguments.method, arguments.limit, arguments.threshold)
    except tessera.Error as error:
        raise SystemExit(str(error)) from None
