#!/usr/bin/env python3
"""Finds objects in every picture of a folder, in batches, with a detector from ONNX, and writes pictures with boxes.

Usage: detect.py MODEL.onnx FOLDER OUT [--preset yolov8] [--batch N] [--threshold X] [--labels FILE]

How pictures go in (letterbox, channels, scale) and what the outputs hold (one joined output, or three raw maps) is what
MODEL.json says, where it is there, else the preset. FILE has the name of a class on each line.
"""
import argparse
import pathlib

import numpy as np
from PIL import Image, ImageDraw

import tessera

COLOURS = ["#ff3838", "#48a0f8", "#3ddb86", "#ffb21d", "#cb38ff", "#00c2d4", "#ff95c8", "#92cc17"]


def description_of(model, preset):
    """What the file beside the model says, else the preset."""
    file = tessera.find_description(model)
    return tessera.NetworkDescription.read(file) if file else tessera.NetworkDescription.of_preset(preset)


def pictures_in(folder):
    """Names and BGR pixels of the pictures that can be read; says which can not."""
    for file in sorted(pathlib.Path(folder).iterdir()):
        if file.suffix.lower() not in (".jpg", ".jpeg", ".png", ".bmp"):
            continue
        try:
            yield file, np.ascontiguousarray(np.asarray(Image.open(file).convert("RGB"))[..., ::-1])
        except OSError as error:
            print(f"{file.name} was skipped: {error}")


def batches_of(items, size):
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def draw(pixels, objects, names, file):
    image = Image.fromarray(pixels[..., ::-1])
    canvas = ImageDraw.Draw(image)
    for found in objects:
        box, colour = found.box, COLOURS[found.index % len(COLOURS)]
        canvas.rectangle((box.left, box.top, box.right, box.bottom), outline=colour, width=2)
        canvas.text((box.left + 3, box.top + 1), f"{names(found.index)} {found.score:.2f}", fill=colour)
    image.save(file)


def runner_of(arguments, described, batch):
    """The network for `batch` pictures at a time."""
    how = described.preprocess
    size = (3, how.height or 640, how.width or 640)
    graph = tessera.import_model(arguments.model, batch=batch, open_shape=lambda name, extents: (batch, *size))
    options = described.runner_options()
    if arguments.threshold is not None:
        options = tessera.RunnerOptions(described.preset, preprocess=how, input=described.input,
                                        suppression=tessera.SuppressionOptions(threshold=arguments.threshold, overlap=0.6))
    return tessera.Runner(tessera.Engine.build(graph), options)


def main(arguments):
    described = description_of(arguments.model, arguments.preset)
    labels = described.labels if isinstance(described.labels, list) else None
    if arguments.labels:
        labels = pathlib.Path(arguments.labels).read_text(encoding="utf-8").splitlines()
    labels = [label["name"] if isinstance(label, dict) else label for label in labels or []]

    def names(index):
        return labels[index] if index < len(labels) else f"class {index}"

    try:
        runner = runner_of(arguments, described, arguments.batch)
    except tessera.Error:
        runner = runner_of(arguments, described, 1)  # the model may fix its batch within
    batch = runner.batch
    if batch != arguments.batch:
        print(f"{arguments.model} runs in its own batch of {batch}, not in one of {arguments.batch}")
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)

    waiting, count, milliseconds = [], 0, []

    def collect():
        nonlocal count
        done = runner.collect()
        milliseconds.append(done.network)
        for (file, pixels), answer in zip(waiting.pop(0), done.images):
            count += 1
            print(f"{file.name}: " + (", ".join(f"{names(o.index)} {o.score:.2f}" for o in answer.objects) or "nothing"))
            draw(pixels, answer.objects, names, out / f"{file.stem}_boxes.png")

    for pictures in batches_of(pictures_in(arguments.folder), batch):
        runner.submit([pixels for _, pixels in pictures])  # the device works on it while the last batch is drawn
        waiting.append(pictures)
        if len(waiting) == 2:
            collect()
    while waiting:
        collect()
    if milliseconds:
        print(f"{count} pictures, {np.median(milliseconds):.1f} ms a batch of {batch} on {runner.engine.device.caps.name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("out")
    parser.add_argument("--preset", default="yolov8")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--labels")
    try:
        main(parser.parse_args())
    except tessera.Error as error:
        raise SystemExit(str(error)) from None
