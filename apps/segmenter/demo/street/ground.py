"""The ground: asphalt with its marks, kerbs, paving stones, verges, and the shadows that fall on it."""
import cv2
import numpy as np

from .painter import NEAR, PAVEMENT, ROAD, TREE
from .weather import sample_noise


def _edge(distance, half, pixel):
    """How much of a pixel a band of this half width covers: 0 to 1."""
    return np.clip((half - np.abs(distance)) / pixel + 0.5, 0, 1)


def _inside(value, low, high, pixel):
    return np.clip((value - low) / pixel + 0.5, 0, 1) * np.clip((high - value) / pixel + 0.5, 0, 1)


class Street:
    """The plan of one street: widths in metres from the road's middle, marks, side streets."""

    def __init__(self, rng):
        u = rng.uniform
        self.half = u(3.4, 5.6)  # half the carriageway
        self.walk = u(2.0, 4.2)  # pavement
        self.verge = [u(0.0, 4.0) if u() < 0.5 else 0.0 for _ in range(2)]  # grass behind it: left, right
        self.left_hand = bool(u() < 0.6)
        self.dash = [(2.0, 4.0), (4.0, 2.5), (3.0, 6.0)][rng.integers(3)]
        self.double = bool(u() < 0.4)  # double lines along the kerb
        self.edge_line = bool(u() < 0.35)
        self.yellow = bool(u() < 0.7)
        self.centre_solid = bool(u() < 0.15)
        self.bike_lane = u(1.2, 1.6) if self.half > 4.6 and u() < 0.35 else 0.0
        self.bike_red = bool(u() < 0.5)
        self.zebra = [s for s in [u(9, 45)] if u() < 0.35]
        self.side = []  # side streets: (-1 left or 1 right, from s, to s)
        for where in (-1, 1):
            if u() < 0.55:
                start = u(14, 60)
                self.side.append((where, start, start + u(6, 9)))
        self.tone = u(0.34, 0.48)
        self.tint = rng.normal(0, 0.012, 3)
        self.wear = u(-1.2, 0.4)
        self.slab = u(0.5, 0.9)
        self.slab_bgr = np.array([u(0.50, 0.60), u(0.52, 0.62), u(0.55, 0.66)]) * u(0.85, 1.1)
        self.seed = u(0, 512, 6)

    def wall(self, where):
        """Distance of the building line on this side (-1 left, 1 right)."""
        return self.half + self.walk + self.verge[(where + 1) // 2]

    def open_at(self, where, s):
        return any(w == where and a <= s <= b for w, a, b in self.side)


def paint_ground(p, street, shadows):
    """Paints everything below the horizon; `shadows` are polygons on the ground in camera (x, z)."""
    cam, light = p.camera, p.light
    top = int(np.ceil(cam.horizon + cam.height * 0.003))
    v = np.arange(top, cam.height)[:, None] + 0.5
    z = cam.focal * cam.eye / (v - cam.horizon)
    x = (np.arange(cam.width)[None, :] + 0.5 - cam.cx) * z / cam.focal
    z = z + 0 * x
    t, s = cam.road(x, z)
    px = z / cam.focal  # metres per pixel across
    pz = z * z / (cam.focal * cam.eye)  # and along
    a = np.abs(t)
    seed = street.seed
    near = np.clip(12 / z, 0, 1)

    fine = sample_noise(3, 0.3, t * 60 + seed[0], s * 60 + seed[1]) * np.clip(4 / z, 0, 1)
    middle = sample_noise(4, 1.0, t * 14 + seed[2], s * 9 + seed[3]) * np.clip(22 / z, 0, 1)
    broad = sample_noise(5, 1.4, t * 5 + seed[4], s * 1.6 + seed[5])

    # Asphalt, with the two darker tracks of the wheels in each lane, patches and cracks.
    lane = street.half / 2
    track = np.exp(-((np.abs(a - lane) - 0.75) / 0.32) ** 2)
    grey = street.tone * (1 + 0.035 * fine + 0.05 * middle + 0.06 * broad - 0.06 * track)
    patch = _edge(sample_noise(6, 2.0, t * 3 + seed[1], s * 2 + seed[2]) - 1.5, 0.25, 0.03)
    crack = np.exp(-(sample_noise(7, 1.6, t * 9 + seed[3], s * 6 + seed[0]) / 0.014) ** 2) * near
    grey = grey * (1 - 0.10 * patch) * (1 - 0.22 * crack * (broad > 0.1))
    colour = grey[..., None] * (1 + street.tint)
    if street.bike_lane:
        inside = _inside(a, street.half - street.bike_lane, street.half - 0.05, px)[..., None]
        if street.bike_red:
            colour = colour * (1 - 0.8 * inside) + inside * 0.8 * grey[..., None] * np.array([0.75, 0.8, 1.35])

    # Marks: each adds to one coverage map, thinned where the paint has worn.
    white = np.zeros_like(t)
    period = sum(street.dash)
    dashes = _inside((s + seed[0]) % period, 0, street.dash[0], pz)
    white = np.maximum(white, _edge(t, 0.06, px) * (1 if street.centre_solid else dashes))
    if street.bike_lane:
        white = np.maximum(white, _edge(a - (street.half - street.bike_lane), 0.07, px))
    yellow = np.zeros_like(t)
    if street.double:
        lines = np.maximum(_edge(a - street.half + 0.30, 0.045, px), _edge(a - street.half + 0.48, 0.045, px))
        yellow = lines if street.yellow else yellow
        white = white if street.yellow else np.maximum(white, lines)
    elif street.edge_line:
        white = np.maximum(white, _edge(a - street.half + 0.35, 0.06, px))
    for s0 in street.zebra:
        field = _inside(s, s0 - 1.2, s0 + 4.2, pz)
        white, yellow = white * (1 - field), yellow * (1 - field)
        bars = _inside((t + 50) % 1.1, 0.05, 0.58, px) * _inside(s, s0, s0 + 3, pz) * (a < street.half - 0.2)
        stop = _edge(s - s0 + 1.6, 0.13, pz) * (a < street.half - 0.2)
        driving = t < 0 if street.left_hand else t > 0
        white = np.maximum(np.maximum(white, bars), stop * driving)
    for where, s0, s1 in street.side:
        mouth = _inside(s, s0, s1, pz) * (a > street.half - 0.7) * (t * where > 0)
        give_way = _edge(a - street.half - 0.1, 0.09, px) * _inside((s * 1.0) % 0.9, 0.1, 0.65, pz)
        white, yellow = white * (1 - mouth), yellow * (1 - mouth)
        white = np.maximum(white, give_way * mouth)
    worn = np.clip(0.92 - 0.35 * np.clip(middle * 0.8 + broad * 0.5 + street.wear, 0, 2), 0.15, 1)
    road_edge = a < street.half
    for cover, paint in ((white, (0.86, 0.88, 0.88)), (yellow, (0.25, 0.68, 0.84))):
        k = (cover * worn)[..., None]
        colour = colour * (1 - k) + np.array(paint) * k
    for _ in range(3):  # manholes
        mt, ms = (seed[1] * 7.3 % 1 - 0.5) * street.half, 6 + seed[2] % 11
        seed = np.roll(seed, 1)
        ring = np.hypot(t - mt, s - ms)
        disc = np.clip((0.28 - ring) / px + 0.5, 0, 1)[..., None]
        rim = _edge(ring - 0.28, 0.03, px)[..., None]
        lattice = ((((t * 9) % 1) > 0.5) ^ (((s * 9) % 1) > 0.5))[..., None] * near[..., None]
        colour = colour * (1 - disc * 0.8) + disc * 0.8 * (0.20 + 0.07 * lattice)
        colour = colour * (1 - rim * 0.4)

    # Pavement in slabs, kerb stones, verge of grass.
    label = np.full(t.shape, ROAD, np.uint8)
    side_road = np.zeros(t.shape, bool)
    for where, s0, s1 in street.side:
        side_road |= (t * where > 0) & (s > s0) & (s < s1)
    beyond = (a >= street.half) & ~side_road
    label[beyond] = PAVEMENT
    row = np.floor(s / street.slab)
    joints = np.maximum(_edge((s % street.slab) - street.slab / 2, 0.012, pz) * np.clip(0.08 / pz, 0, 1),
                        _edge(((t + row % 2 * 0.3) % 0.6) - 0.3, 0.010, px) * np.clip(0.05 / px, 0, 1))
    tone = np.sin(row * 12.99 + np.floor((t + row % 2 * 0.3) / 0.6) * 78.2) * 0.03 * near
    slabs = (1 + 0.03 * fine + 0.05 * middle + 0.06 * broad + tone - 0.30 * joints)[..., None] * street.slab_bgr
    stone = _inside(a, street.half, street.half + 0.16, px)
    seam = _edge((s % 0.9) - 0.45, 0.015, pz) * np.clip(0.05 / pz, 0, 1)
    kerb = (0.60 * (1 + 0.04 * middle - 0.3 * seam))[..., None] * np.array([0.97, 1, 1.01])
    slabs = slabs * (1 - stone[..., None]) + kerb * stone[..., None]
    gutter = np.clip(1 - np.abs(a - street.half + 0.06) / 0.10, 0, 1) * ~side_road
    colour = colour * (1 - 0.35 * gutter * road_edge)[..., None]
    colour[beyond] = slabs[beyond]
    for i, where in enumerate((-1, 1)):
        if street.verge[i] > 0:
            grass = beyond & (t * where > street.half + street.walk)
            blades = 1 + 0.12 * fine + 0.13 * middle + 0.10 * broad
            lawn = blades[..., None] * np.array([0.17, 0.42, 0.33])
            colour[grass] = lawn[grass]
            label[grass] = TREE
    backyard = (a > np.where(t < 0, street.wall(-1), street.wall(1)) + 0.5) & ~side_road
    colour[backyard] *= 0.8

    # Light: sun and sky on a level surface, minus the cast shadows.
    shade = np.zeros((cam.height, cam.width), np.float32)
    for polygon in shadows:
        keep = polygon[:, 1] > NEAR
        if keep.sum() < 3:
            continue
        flat = polygon.copy()
        flat[:, 1] = np.maximum(flat[:, 1], NEAR)
        pts = cam.project(np.c_[flat[:, 0], np.zeros(len(flat)), flat[:, 1]])
        cv2.fillConvexPoly(shade, np.round(np.clip(pts, -2e4, 2e4) * 8).astype(np.int32), 1.0, cv2.LINE_8, 3)
    shade = cv2.GaussianBlur(shade, (0, 0), 1.5 * cam.height / 720)[top:]
    full = light.shade((0, 1, 0))
    colour = colour * (full * (1 - light.shadow * 1.15 * shade[..., None]))
    p.colour[top:] = colour
    p.label[top:] = label
    p.depth[top:] = z
    p.wetness = np.zeros((cam.height, cam.width), np.float32)
    p.wetness[top:] = broad
    if top > int(cam.horizon):
        rows = slice(int(cam.horizon), top)
        p.colour[rows], p.label[rows], p.depth[rows] = p.colour[top], p.label[top], p.depth[top]


def contact_shadow(p, polygon, strength):
    """A soft dark patch below something that stands on the ground; polygon in camera (x, z)."""
    if polygon[:, 1].min() < NEAR:
        return
    pts = p.camera.project(np.c_[polygon[:, 0], np.zeros(len(polygon)), polygon[:, 1]])
    pad = np.ptp(pts[:, 0]) * 0.12 + 3
    box = p._window(np.r_[pts - pad, pts + pad])
    if box is None:
        return
    x0, y0, x1, y1 = box
    mask = np.zeros((y1 - y0, x1 - x0), np.float32)
    hull = cv2.convexHull(np.round((pts - (x0, y0)) * 8).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1.0, cv2.LINE_8, 3)
    mask = cv2.GaussianBlur(mask, (0, 0), max(np.ptp(pts[:, 1]) * 0.10, 1.0))
    level = (p.label[y0:y1, x0:x1] == ROAD) | (p.label[y0:y1, x0:x1] == PAVEMENT)
    p.colour[y0:y1, x0:x1] *= (1 - strength * mask * level)[..., None]
