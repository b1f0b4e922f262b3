#!/usr/bin/env python3
"""Classifies images with an ImageNet network in FP32 and in FP16, and says how far the two differ.

Usage: classify.py MODEL.onnx IMAGE.. [--labels FILE] [--top N]

FILE has the name of a class on each line. Images are scaled so that the shorter side is 8/7 of the network's, cut to its
size in the middle, and normalised as torchvision does.
"""
import argparse

import numpy as np
from PIL import Image

import tessera

MEAN, STD = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)


def prepare(file, height, width):
    """An image file as 1 x 3 x height x width."""
    image = Image.open(file).convert("RGB")
    ratio = max(height / image.height, width / image.width) * 8 / 7
    image = image.resize((round(image.width * ratio), round(image.height * ratio)), Image.BILINEAR)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    pixels = np.asarray(image.crop((left, top, left + width, top + height)), np.float32) / 255
    return np.ascontiguousarray(((pixels - MEAN) / STD).transpose(2, 0, 1)[None])


def confidences(scores):
    """Of a network's scores; of one that ends in a softmax as they are."""
    scores = scores.reshape(-1).astype(np.float64)
    if scores.min() >= 0 and abs(scores.sum() - 1) < 1e-2:
        return scores
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum()


def main(arguments):
    device = tessera.Device.select()
    graph = tessera.import_model(arguments.model)
    engines = {precision: tessera.Engine.build(graph, device, tessera.EngineOptions(precision))
               for precision in ("fp32", "fp16")}
    contexts = {precision: tessera.Context(engine) for precision, engine in engines.items()}
    (binding,) = engines["fp32"].inputs
    names = open(arguments.labels, encoding="utf-8").read().splitlines() if arguments.labels else None

    largest, agreeing = 0.0, 0
    for file in arguments.images:
        image = prepare(file, *binding.shape[2:])
        found = {precision: confidences(next(iter(context.run({binding.name: image}).values())))
                 for precision, context in contexts.items()}
        print(file)
        for index in np.argsort(-found["fp32"])[:arguments.top]:
            name = names[index] if names else f"class {index}"
            print(f"  {found['fp32'][index]:.4f}  {found['fp16'][index]:.4f}  {name}")
        largest = max(largest, np.abs(found["fp32"] - found["fp16"]).max())
        agreeing += found["fp32"].argmax() == found["fp16"].argmax()
    print(f"FP16 against FP32: the same class for {agreeing} of {len(arguments.images)} images, "
          f"confidences differ by {largest:.1e} at most; weights take "
          f"{engines['fp16'].memory.weights / engines['fp32'].memory.weights:.0%} of the memory")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("images", nargs="+")
    parser.add_argument("--labels")
    parser.add_argument("--top", type=int, default=5)
    try:
        main(parser.parse_args())
    except tessera.Error as error:
        raise SystemExit(str(error)) from None
