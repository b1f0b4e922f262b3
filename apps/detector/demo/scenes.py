"""Street scenes with boxes: what render_boxes.py writes and train_detector.py learns from.

The renderer, and parts of the training, are those of the segmenter's demo.
"""
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "segmenter" / "demo"))

from street.layout import render_objects  # noqa: E402
from street.painter import BICYCLIST, CAR, PEDESTRIAN, SIGN  # noqa: E402

NAMES = ("car", "person", "sign")
CLASS_OF = {CAR: 0, PEDESTRIAN: 1, BICYCLIST: 1, SIGN: 2}  # a cyclist is a person, whose box holds the bicycle, too

# What is too small or too hidden to be asked for, in parts of the image's height; such things are "crowd": finding
# them is neither right nor wrong.
LEAST_LONG, LEAST_SHORT, LEAST_VISIBLE = 12 / 384, 6 / 384, 0.3


def is_crowd(boxes, visible, height):
    """Of boxes (N, 4: left, top, right, bottom) in an image of that height."""
    sides = (boxes[:, 2:] - boxes[:, :2]) / height
    return (sides.max(1) < LEAST_LONG) | (sides.min(1) < LEAST_SHORT) | (visible < LEAST_VISIBLE)


def scene(seed, width, height, weather=None):
    """Image (BGR), classes (N), boxes (N, 4), crowd (N)."""
    cv2.setNumThreads(1)
    image, things = render_objects(seed, list(CLASS_OF), width, height, weather)
    classes = np.array([CLASS_OF[t[0]] for t in things], np.int64)
    boxes = np.array([t[1:5] for t in things], np.float32).reshape(-1, 4)
    visible = np.array([t[5] for t in things], np.float32)
    return image, classes, boxes, is_crowd(boxes, visible, height)
