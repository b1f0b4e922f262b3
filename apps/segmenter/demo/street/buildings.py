"""Houses along the street: facade textures and the boxes that carry them."""
import cv2
import numpy as np

from .painter import BUILDING, NEAR
from .weather import sample_noise

WALLS = {  # BGR and how it varies
    "brick": [(0.26, 0.33, 0.58), (0.30, 0.42, 0.62), (0.36, 0.52, 0.68), (0.24, 0.30, 0.48)],
    "plaster": [(0.80, 0.88, 0.92), (0.66, 0.80, 0.88), (0.62, 0.74, 0.88), (0.80, 0.80, 0.74), (0.72, 0.84, 0.76),
                (0.86, 0.88, 0.90), (0.64, 0.68, 0.86), (0.84, 0.78, 0.70)],
    "stone": [(0.56, 0.66, 0.72), (0.60, 0.66, 0.70), (0.48, 0.58, 0.66)],
    "glass": [(0.46, 0.42, 0.38), (0.56, 0.54, 0.52)],
}
SIGNS = [(0.20, 0.20, 0.70), (0.55, 0.30, 0.12), (0.25, 0.45, 0.16), (0.10, 0.10, 0.12), (0.20, 0.62, 0.86),
         (0.80, 0.82, 0.84), (0.40, 0.15, 0.45)]


class House:
    """Size, style and colours of one house; its textures are drawn when it is painted."""

    def __init__(self, rng, length):
        u = rng.uniform
        self.seed = int(rng.integers(1 << 31))
        self.style = rng.choice(["brick", "plaster", "stone", "glass"], p=[0.40, 0.33, 0.15, 0.12])
        self.wall = np.array(WALLS[self.style][rng.integers(len(WALLS[self.style]))]) * u(0.82, 1.08)
        self.length = length
        self.storey = u(2.8, 3.4)
        self.floors = int(rng.integers(4, 8)) if self.style == "glass" else int(rng.choice([2, 3, 4, 5],
                                                                                            p=[.38, .34, .2, .08]))
        self.height = self.floors * self.storey + 0.7
        self.roof = u(1.6, 3.2) if self.style in ("brick", "plaster") and u() < 0.75 else 0.0
        self.roof_bgr = np.array([(0.30, 0.34, 0.50), (0.30, 0.31, 0.34), (0.24, 0.30, 0.42)][rng.integers(3)])
        self.shop = bool(u() < 0.45)
        self.sign = np.array(SIGNS[rng.integers(len(SIGNS))])
        self.bay = u(1.9, 3.0)
        self.window = (u(0.42, 0.6), u(0.5, 0.66))
        self.frame = np.array([(0.9, 0.92, 0.92), (0.86, 0.88, 0.88), (0.2, 0.22, 0.24)][rng.integers(3)])
        self.depth = u(8, 12)
        self.chimney = bool(self.roof and u() < 0.7)


def _rect(image, x0, y0, x1, y1, bgr):
    cv2.rectangle(image, (int(round(x0)), int(round(y0))), (int(round(x1)) - 1, int(round(y1)) - 1),
                  [float(c) for c in bgr], -1)


def _glass(image, rng, light, x0, y0, x1, y1, lit):
    """A pane: dark, with the sky towards its top, a curtain, or a lamp behind it."""
    x0, y0, x1, y1 = (int(round(c)) for c in (x0, y0, x1, y1))
    if x1 - x0 < 1 or y1 - y0 < 1:
        return
    if lit:
        base = np.array([0.50, 0.86, 1.16]) * rng.uniform(0.7, 1.1)
        ramp = np.linspace(1.1, 0.8, y1 - y0)[:, None, None] * base
    else:
        sky = (light.low * 0.5 + light.zenith * 0.5) / np.maximum(light.ambient + light.sun_bgr * 0.3, 0.4)
        mirror = rng.uniform(0.15, 0.65)
        ramp = np.linspace(1, 0.35, y1 - y0)[:, None, None] * sky * mirror + np.array([0.13, 0.12, 0.11])
    image[y0:y1, x0:x1] = ramp
    if rng.uniform() < 0.4:  # curtains
        cloth = np.array([0.74, 0.80, 0.84]) * (rng.uniform(0.5, 0.8) if not lit else 1.05)
        w = max(int((x1 - x0) * rng.uniform(0.12, 0.28)), 1)
        image[y0:y1, x0:x0 + w] = image[y0:y1, x0:x0 + w] * 0.4 + cloth * 0.6
        image[y0:y1, x1 - w:x1] = image[y0:y1, x1 - w:x1] * 0.4 + cloth * 0.6


def _wall(house, rng, width, height, r):
    """The bare wall: colour, stains, and courses of brick or blocks of stone where they can be seen."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / r
    at = rng.uniform(0, 512, 2)
    tone = 1 + 0.05 * sample_noise(4, 1.0, x * 20 + at[0], y * 20 + at[1])
    tone += 0.05 * sample_noise(5, 1.4, x * 6 + at[1], y * 3 + at[0])
    if house.style == "brick" and r > 16:
        course, brick = 0.15, 0.45
        row = np.floor(y / course)
        joint = ((y % course) < 0.025) | (((x + row % 2 * brick / 2) % brick) < 0.025)
        single = np.sin(row * 12.9898 + np.floor((x + row % 2 * brick / 2) / brick) * 78.233) * 43758.5453
        tone += 0.10 * (single % 1 - 0.5)
        tone = np.where(joint, tone * 1.14, tone)
    elif house.style == "stone" and r > 8:
        row = np.floor(y / 0.5)
        joint = ((y % 0.5) < 0.04) | (((x + row % 2 * 0.5) % 1.0) < 0.04)
        tone = np.where(joint, tone * 0.84, tone + 0.05 * np.sin(row * 5.1 + np.floor(x + row % 2 * 0.5) * 9.7))
    return tone[..., None] * house.wall.astype(np.float32)


def _upper_floor(image, house, rng, light, x0, y0, x1, y1, r):
    """One window with its frame, bars, sill and lintel in the cell x0..x1, y0..y1."""
    w, h = (x1 - x0) * house.window[0] / 2, (y1 - y0) * house.window[1] / 2
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    lit = light.lamps and rng.uniform() < 0.4
    edge = max(0.07 * r, 1)
    if house.style != "glass":
        _rect(image, cx - w - edge, cy - h - 2.4 * edge, cx + w + edge, cy - h - edge, house.wall * 1.15)
        _rect(image, cx - w - 2 * edge, cy + h + edge, cx + w + 2 * edge, cy + h + 2.2 * edge, house.wall * 1.25)
        _rect(image, cx - w - 2 * edge, cy + h + 2.2 * edge, cx + w + 2 * edge, cy + h + 3.4 * edge, house.wall * 0.7)
    _rect(image, cx - w - edge, cy - h - edge, cx + w + edge, cy + h + edge, house.frame)
    _glass(image, rng, light, cx - w, cy - h, cx + w, cy + h, lit)
    if r > 5:
        _rect(image, cx - edge * 0.35, cy - h, cx + edge * 0.35 + 1, cy + h, house.frame)
        _rect(image, cx - w, cy - edge * 0.35, cx + w, cy + edge * 0.35 + 1, house.frame)
        _rect(image, cx - w, cy - h, cx + w, cy - h + edge, image[int(max(cy - h, 0)), int(cx - w / 2)] * 0.6)


def _ground_floor(image, house, rng, light, width, top, bottom, r):
    """Shop windows below a sign, or doors and windows."""
    edge = max(0.08 * r, 1)
    if house.shop:
        sign = top + (bottom - top) * 0.22
        lit = light.lamps or rng.uniform() < 0.25
        frame = house.sign * 0.7
        _rect(image, 0.2 * r, top, width - 0.2 * r, bottom, frame)
        x = 0.4 * r
        door = rng.integers(0, max(int(house.length / 2.2), 1))
        index = 0
        while x < width - 1.2 * r:
            w = min((1.1 if index == door else rng.uniform(1.6, 2.6)) * r, width - 0.4 * r - x)
            low = bottom - (0.05 if index == door else 0.55) * r
            _glass(image, rng, light, x, sign + edge, x + w - edge, low, lit)
            if r > 14 and index != door:  # goods on display
                for _ in range(int(w / r * 4)):
                    gx, gw, gh = x + rng.uniform(0.05, 0.85) * w, rng.uniform(.1, .3) * r, rng.uniform(.15, .6) * r
                    _rect(image, gx, low - gh, min(gx + gw, x + w - edge), low, rng.uniform(0.2, 0.8, 3))
            x, index = x + w, index + 1
        _rect(image, 0.1 * r, top + edge, width - 0.1 * r, sign, house.sign * (1.25 if light.lamps else 1))
        ink = np.array([0.92, 0.94, 0.95]) if house.sign.mean() < 0.5 else np.array([0.15, 0.15, 0.2])
        letter = 0.26 * r
        if letter > 2:  # a name in strokes
            x = width * rng.uniform(0.2, 0.35)
            for _ in range(int(rng.integers(5, 11))):
                if x > width * 0.8:
                    break
                y0, y1 = top + (sign - top) * 0.3, top + (sign - top) * 0.8
                _rect(image, x, y0, x + letter * 0.25, y1, ink)
                if rng.uniform() < 0.75:
                    y = rng.choice([y0, (y0 + y1) / 2, y1 - letter * 0.2])
                    _rect(image, x, y, x + letter * 0.8, y + letter * 0.22, ink)
                if rng.uniform() < 0.5:
                    _rect(image, x + letter * 0.6, y0, x + letter * 0.8, y1, ink)
                x += letter * 1.25
        return
    n = max(int(width / r / house.bay), 1)
    cell = width / n
    door = rng.integers(n)
    paint = rng.uniform(0.1, 0.55, 3)
    for i in range(n):
        if i == door:
            cx, w, h = (i + 0.5) * cell, 0.5 * r, 2.15 * r
            _rect(image, cx - w - edge, bottom - h - edge, cx + w + edge, bottom, house.frame)
            _rect(image, cx - w, bottom - h, cx + w, bottom, paint)
            _glass(image, rng, light, cx - w * 0.7, bottom - h * 0.95, cx + w * 0.7, bottom - h * 0.78, light.lamps)
            for k in (0.68, 0.34):
                _rect(image, cx - w * 0.65, bottom - h * k, cx + w * 0.65, bottom - h * (k - 0.26), paint * 0.8)
        else:
            _upper_floor(image, house, rng, light, i * cell, top, (i + 1) * cell, bottom, r)


def facade(house, light, length, r, street_side=True):
    """Texture of a wall, r pixels per metre; its first row is the eaves."""
    rng = np.random.default_rng(house.seed + (0 if street_side else 1))
    width, height = max(int(length * r), 4), max(int(house.height * r), 8)
    image = _wall(house, rng, width, height, r)
    storey = house.storey * r
    n = max(int(length / house.bay), 1)
    cell = width / n
    for floor in range(house.floors):
        bottom = height - floor * storey
        if floor == 0 and street_side:
            _ground_floor(image, house, rng, light, width, bottom - storey, bottom, r)
            continue
        for i in range(n):
            if street_side or rng.uniform() < 0.3:
                _upper_floor(image, house, rng, light, i * cell, bottom - storey, (i + 1) * cell, bottom, r)
    if house.style == "glass":
        for floor in range(house.floors):
            y = height - (floor + 1) * storey
            _rect(image, 0, y, width, y + 0.3 * r, house.wall * 0.85)
    cornice = max(0.35 * r, 1)
    _rect(image, 0, 0, width, cornice, house.wall * 1.18)
    _rect(image, 0, cornice, width, cornice * 1.5, house.wall * 0.62)
    if house.style in ("stone", "plaster") and street_side:
        y = height - storey
        _rect(image, 0, y - 0.12 * r, width, y + 0.06 * r, house.wall * 1.15)
    up = (np.arange(height)[::-1] / r)[:, None, None]
    image *= (1 - 0.22 * np.exp(-up / 1.2)).astype(np.float32)  # grime and lost light near the ground
    if street_side and r > 4:  # a downpipe at the joint
        _rect(image, width - 0.14 * r, cornice, width - 0.04 * r, height, house.wall * 0.45)
    return image


def paint_house(p, house, where, wall, s0, s1):
    """A box at the building line: street front, near end, and the roof where it shows."""
    cam, light = p.camera, p.light
    seen_from = abs(where * wall - cam.offset) * cam.focal / cam.cx  # nearer than this it is out of the picture
    sharp = cam.focal / max(s0, seen_from * 0.9, 4)
    r = float(np.clip(sharp, 3, 95))
    (xa, za), (xb, zb) = cam.place(where * wall, s0), cam.place(where * wall, s1)
    back = where * house.depth
    h = house.height
    near, far = np.array([xa, 0, za]), np.array([xb, 0, zb])
    up, away = np.array([0, h, 0]), np.array([back, 0, 0])
    left, right = (far, near) if where > 0 else (near, far)
    normal = (-where, 0, 0.0)
    if house.chimney:  # before the walls, which hide all but its top
        for k in (0.25, 0.8):
            foot = near + (far - near) * k + away / 2
            w, tall = 0.45, h + house.roof + 1.2
            p.face([foot + [-w, 0, 0], foot + [w, 0, 0], foot + [w, tall, 0], foot + [-w, tall, 0]],
                   np.array([0.26, 0.33, 0.52]) * light.shade((0, 0, -1)), BUILDING)
    if s0 > NEAR:  # the end that faces the camera
        end = facade(house, light, house.depth, max(r * 0.8, 3), street_side=False) * light.shade((0, 0, -1))
        a, b = (near, near + away) if where > 0 else (near + away, near)
        p.texture([a, b, b + up, a + up], end.astype(np.float32), BUILDING)
        if house.roof:
            p.face([a + up, b + up, (a + b) / 2 + up + [0, house.roof, 0]], house.wall * 0.95 * light.shade((0, 0, -1)),
                   BUILDING)
    if house.roof:
        ridge = np.array([back / 2, house.roof, 0])
        slope = np.cross(ridge, far - near) * np.sign(-where)
        slope = slope if slope[1] > 0 else -slope
        centre = (near + far) / 2 + up + ridge / 2
        if slope @ (np.array([0, cam.eye, 0]) - centre) > 0:
            rows, cols = max(int(3 * r), 6), max(int((s1 - s0) * r), 6)
            y, x = np.mgrid[0:rows, 0:cols].astype(np.float32) / r
            tone = 1 + 0.10 * np.sin(np.floor(y / 0.3) * 7.1 + np.floor(x / 0.25) * 3.3)
            tone = np.where((y % 0.3) < 0.06, tone * 0.72, tone) + 0.06 * sample_noise(4, 1.0, x * 12, y * 12)
            tiles = tone[..., None] * house.roof_bgr * light.shade(slope)
            over = np.array([-where * 0.3, 0, 0])
            p.texture([left + up + over, right + up + over, right + up + ridge, left + up + ridge],
                      tiles.astype(np.float32), BUILDING)
    front = facade(house, light, s1 - s0, r) * light.shade(normal)
    p.texture([left, right, right + up, left + up], front.astype(np.float32), BUILDING)
