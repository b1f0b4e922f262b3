#!/usr/bin/env python3
"""Draws street scenes with their labels: images as JPEG or PNG, class ids (0-10, 11 = none) as PNG.

Example: render.py --out scenes --count 4 --seed 7 --size 960x720
"""
import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from street.layout import render
from street.weather import WEATHERS

PALETTE = np.array([  # RGB of the classes, the 12th is "not labelled"
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0), (192, 128, 128),
    (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192), (0, 0, 0)], np.uint8)


def colour_map(labels):
    """Class ids as a BGR picture."""
    return PALETTE[labels][..., ::-1]


def _one(seed, out, size, weather, suffix, quality, preview, labels):
    cv2.setNumThreads(1)
    image, classes = render(seed, *size, weather=weather)
    stem = f"street_{seed:05d}"
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    cv2.imwrite(str(out / f"{stem}{suffix}"), image, options)
    if labels:
        cv2.imwrite(str(out / "labels" / f"{stem}.png"), classes, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if preview:
        cv2.imwrite(str(out / "preview" / f"{stem}.png"), np.hstack([image, colour_map(classes)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first scene; the next scenes count up")
    parser.add_argument("--seeds", type=int, nargs="+", help="these seeds instead of a range")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--size", default="480x360", help="width x height")
    parser.add_argument("--weather", choices=WEATHERS, help="default: drawn from the seed")
    parser.add_argument("--suffix", default=".jpg", choices=[".jpg", ".png"])
    parser.add_argument("--quality", type=int, default=92, help="of JPEG")
    parser.add_argument("--preview", action="store_true", help="also image and colour map side by side")
    parser.add_argument("--no-labels", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    size = tuple(int(n) for n in args.size.split("x"))
    for folder in [args.out] + [args.out / "labels"] * (not args.no_labels) + [args.out / "preview"] * args.preview:
        folder.mkdir(parents=True, exist_ok=True)
    work = partial(_one, out=args.out, size=size, weather=args.weather, suffix=args.suffix, quality=args.quality,
                   preview=args.preview, labels=not args.no_labels)
    seeds = args.seeds or range(args.seed, args.seed + args.count)
    with ProcessPoolExecutor(args.jobs) as pool:
        list(pool.map(work, seeds))


if __name__ == "__main__":
    main()
