"""Folders of images with class maps, how they are prepared for the network, and how its answers are scored."""
from pathlib import Path

import cv2
import numpy as np

from network import CLASSES, MEAN, SIZE, STD
from street.painter import CLASSES as NAMES
from street.painter import VOID


def load(images, annotations, size=(360, 480)):
    """All images (N, H, W, 3, BGR) and class maps (N, H, W) of two folders whose files share their stems."""
    pictures, labels = [], []
    for path in sorted(p for p in Path(images).iterdir() if p.suffix in (".jpg", ".png")):
        image = cv2.imread(str(path))
        classes = cv2.imread(str(Path(annotations) / f"{path.stem}.png"), cv2.IMREAD_UNCHANGED)
        if image.shape[:2] != size:
            image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
            classes = cv2.resize(classes, size[::-1], interpolation=cv2.INTER_NEAREST)
        pictures.append(image)
        labels.append(np.minimum(classes, VOID))
    return np.stack(pictures), np.stack(labels)


def prepare(image):
    """One BGR image as the network's input, 3 x H x W: what the sidecar file describes."""
    image = cv2.resize(image, SIZE[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return np.ascontiguousarray(((image - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1))


def confusion(scores, labels):
    """Counts (true, predicted) for one image; the class map is resized, nearest, to the labels' size."""
    found = scores.argmax(0).astype(np.uint8)
    found = cv2.resize(found, labels.shape[::-1], interpolation=cv2.INTER_NEAREST)
    known = labels < CLASSES
    pairs = labels[known].astype(np.int64) * CLASSES + found[known]
    return np.bincount(pairs, minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)


def report(counts):
    """IoU per class, their mean, and the share of right pixels, from a pooled confusion matrix."""
    right = np.diag(counts).astype(np.float64)
    iou = right / np.maximum(counts.sum(0) + counts.sum(1) - right, 1)
    return {"iou": {n: round(float(v), 4) for n, v in zip(NAMES, iou)}, "miou": round(float(iou.mean()), 4),
            "pixel_accuracy": round(float(right.sum() / counts.sum()), 4)}
