#!/usr/bin/env python3
"""Calibrates a segmentation network for INT8 from a folder of images, builds an engine from the cache alone, and saves
the colour map of one image.

Usage: calibrate.py MODEL.onnx CALIBRATION_FOLDER CACHE IMAGE OUT.png [LIMIT]

MODEL.json beside the model says how images become its input (docs/programs.md).
"""
import json
import pathlib
import sys

import numpy as np
from PIL import Image

import tessera

BATCH = 5
COLORS = [(128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0), (192, 128, 128),
          (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192)]  # CamVid's, by class


def prepare(file, how):
    """An image file as the network's input, 1 x 3 x height x width."""
    height, width = how["size"]
    pixels = np.asarray(Image.open(file).convert("RGB").resize((width, height), Image.BILINEAR), np.float32)
    if how["channels"] == "BGR":
        pixels = pixels[..., ::-1]
    normal = (pixels - np.float32(how["mean"])) / np.float32(how["std"]) * np.float32(how["scale"])
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None])


class FolderCalibrator(tessera.Calibrator):
    """The images of a folder in batches; what is found goes into a file, and is taken from there the next time."""

    def __init__(self, folder, how, cache, limit):
        super().__init__()
        self.files = sorted(folder.glob("*.jpg"))[:limit]
        self.how, self.cache = how, cache
        self.next = 0

    def batch_size(self):
        return BATCH

    def batch_count(self):
        return len(self.files) // BATCH

    def next_batch(self):
        files = self.files[self.next:self.next + BATCH]
        if len(files) < BATCH:
            return None
        self.next += BATCH
        return {self.how["name"]: np.concatenate([prepare(file, self.how) for file in files])}

    def last_batch(self):
        return ", ".join(file.name for file in self.files[self.next - BATCH:self.next])

    def read_cache(self):
        return self.cache.read_text() if self.cache.exists() else None

    def write_cache(self, text):
        self.cache.write_text(text)


def main(model, folder, cache, image, out, limit="100"):
    how = json.loads(pathlib.Path(model).with_suffix(".json").read_text())["input"]
    cache = pathlib.Path(cache)
    device = tessera.Device.select()

    # 1. Calibrate, in batches; nothing is run where the cache is there already.
    calibrator = FolderCalibrator(pathlib.Path(folder), how, cache, int(limit))
    result = tessera.calibrate(tessera.import_model(model, batch=BATCH), device, calibrator)
    print(f"{len(result.calibration.scales)} scales",
          "from the cache" if result.from_cache else f"from {result.batches} batches by {result.chosen}")

    # 2. What a target does: the model and the cache, no images. The cache serves any batch size.
    calibration = tessera.Calibration.parse(cache.read_text(), str(cache))
    engine = tessera.Engine.build(tessera.import_model(model), device,
                                  tessera.EngineOptions("int8", calibration=calibration))
    in_int8 = sum(p.precision == "int8" for p in engine.precisions)
    print(f"{in_int8} of {len(engine.precisions)} layers in INT8 on {device.caps.name}")

    # 3. One image.
    (scores,) = tessera.Context(engine).run({how["name"]: prepare(image, how)}).values()
    classes = scores[0].argmax(axis=0)
    Image.fromarray(np.array(COLORS, np.uint8)[classes]).resize(Image.open(image).size, Image.NEAREST).save(out)
    print(f"{out}: {len(np.unique(classes))} classes")


if __name__ == "__main__":
    if len(sys.argv) not in (6, 7):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except tessera.Error as error:
        sys.exit(str(error))
