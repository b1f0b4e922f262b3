#!/usr/bin/env python3
"""Draws street scenes with their boxes: images as JPEG, one annotations.json beside them in COCO's format.

Example: render_boxes.py --out scenes --count 4 --seed 7 --size 960x720
"""
import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2

from scenes import NAMES, scene


def _one(seed, out, size, quality):
    image, classes, boxes, crowd = scene(seed, *size)
    name = f"street_{seed:05d}.jpg"
    cv2.imwrite(str(out / name), image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return seed, name, image.shape, classes.tolist(), boxes.tolist(), crowd.tolist()


def coco(scenes):
    images, annotations = [], []
    for seed, name, shape, classes, boxes, crowd in scenes:
        images.append({"id": seed, "file_name": name, "width": shape[1], "height": shape[0]})
        for kind, (left, top, right, bottom), hidden in zip(classes, boxes, crowd):
            annotations.append({"id": len(annotations) + 1, "image_id": seed, "category_id": kind + 1,
                                "bbox": [left, top, right - left, bottom - top],
                                "area": (right - left) * (bottom - top), "iscrowd": int(hidden)})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(NAMES)]
    return {"images": images, "annotations": annotations, "categories": categories}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first scene; the next scenes count up")
    parser.add_argument("--seeds", type=int, nargs="+", help="these seeds instead of a range")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--size", default="960x720", help="width x height")
    parser.add_argument("--quality", type=int, default=88, help="of JPEG")
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    work = partial(_one, out=args.out, size=tuple(int(n) for n in args.size.split("x")), quality=args.quality)
    with ProcessPoolExecutor(args.jobs) as pool:
        scenes = list(pool.map(work, args.seeds or range(args.seed, args.seed + args.count)))
    (args.out / "annotations.json").write_text(json.dumps(coco(scenes), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
