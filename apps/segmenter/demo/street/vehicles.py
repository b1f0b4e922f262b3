"""Cars, vans and buses: a side profile extruded to the car's width, then lights, windows and wheels."""
import cv2
import numpy as np

from .ground import contact_shadow
from .painter import CAR

PAINTS = [(0.75, 0.76, 0.76), (0.86, 0.87, 0.87), (0.16, 0.16, 0.17), (0.10, 0.10, 0.10), (0.42, 0.42, 0.42),
          (0.16, 0.14, 0.62), (0.50, 0.26, 0.10), (0.55, 0.40, 0.22), (0.24, 0.36, 0.16), (0.20, 0.55, 0.78),
          (0.62, 0.64, 0.60), (0.30, 0.20, 0.14), (0.14, 0.10, 0.36)]

# Profiles from the rear's foot over the roof to the front's foot: (along, up, kind of the piece that follows).
SHAPES = {
    "hatch": (1.70, [(-1.95, .30, "bumper"), (-2.0, .62, "rear"), (-1.92, .95, "back"), (-1.50, 1.40, "roof"),
                     (-.2, 1.47, "roof"), (.35, 1.43, "screen"), (1.05, .98, "bonnet"), (1.80, .80, "front"),
                     (1.98, .58, "bumper"), (1.95, .28, "")]),
    "sedan": (1.76, [(-2.2, .32, "bumper"), (-2.28, .62, "rear"), (-2.2, .93, "bonnet"), (-1.6, 1.0, "back"),
                     (-.95, 1.38, "roof"), (-.1, 1.43, "roof"), (.35, 1.39, "screen"), (1.15, .97, "bonnet"),
                     (2.05, .80, "front"), (2.22, .56, "bumper"), (2.18, .28, "")]),
    "estate": (1.82, [(-2.2, .36, "bumper"), (-2.26, .70, "rear"), (-2.2, 1.05, "back"), (-1.85, 1.58, "roof"),
                      (-.3, 1.68, "roof"), (.45, 1.62, "screen"), (1.15, 1.10, "bonnet"), (2.05, .95, "front"),
                      (2.2, .62, "bumper"), (2.16, .33, "")]),
    "van": (1.95, [(-2.5, .36, "rear"), (-2.55, 1.1, "back"), (-2.45, 2.05, "roof"), (.9, 2.12, "roof"),
                   (1.3, 2.05, "screen"), (2.0, 1.2, "bonnet"), (2.5, 1.0, "front"), (2.6, .62, "bumper"),
                   (2.55, .35, "")]),
    "bus": (2.5, [(-5.2, .35, "rear"), (-5.25, 1.5, "back"), (-5.2, 2.9, "roof"), (0, 3.05, "roof"),
                  (5.1, 2.95, "screen"), (5.25, 1.3, "front"), (5.2, .32, "")]),
}
BELT = {"hatch": .95, "sedan": .97, "estate": 1.06, "van": 1.25, "bus": 1.35}


class Vehicle:
    def __init__(self, rng, bus_share=0.05):
        self.shape = rng.choice(list(SHAPES), p=[.42, .26, .15, .17 - bus_share, bus_share])
        self.paint = np.array(PAINTS[rng.integers(len(PAINTS))]) * rng.uniform(0.85, 1.1)
        if self.shape == "bus":
            self.paint = np.array([(0.18, 0.14, 0.66), (0.55, 0.45, 0.12), (0.80, 0.82, 0.82)][rng.integers(3)])
        self.width, self.profile = SHAPES[self.shape]
        self.length = np.ptp([q[0] for q in self.profile])
        self.brake = bool(rng.uniform() < 0.3)
        self.plate = np.array([(0.86, 0.88, 0.88), (0.25, 0.75, 0.86)][rng.integers(2)])

    def footprint(self, x, z, heading):
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (self.width / 2, self.length / 2)
        c, s = np.cos(heading), np.sin(heading)
        return corners @ np.array([[c, -s], [s, c]]) + (x, z)


def paint_vehicle(p, car, x, z, heading):
    """Heading 0 drives away from the camera, pi towards it, +-pi/2 across."""
    light, belt = p.light, BELT[car.shape]
    tall = max(q[1] for q in car.profile)
    c, s = np.cos(heading), np.sin(heading)

    def at(across, up, along):
        return np.array([x + across * c + along * s, up, z - across * s + along * c])

    def half(up, shrink=0.80):  # the cabin narrows towards its roof
        k = np.clip((up - belt) / (tall - belt), 0, 1)
        return car.width / 2 * (1 - (1 - (shrink if car.shape not in ("van", "bus") else 0.95)) * k)

    def quad(pts, bgr, alpha=1.0, bgr2=None, glow=False, label=CAR, normal=None):
        tint = 1 if glow else light.shade(normal)
        second = None if bgr2 is None else np.asarray(bgr2) * tint
        p.face(np.array(pts), np.asarray(bgr) * tint, label, alpha, second)

    contact_shadow(p, car.footprint(x, z, heading), 0.75)
    body = car.paint
    dark = np.array([0.075, 0.075, 0.08])
    sky = np.minimum((light.low + light.zenith) * 0.5, 1.0)
    mirror = sky * 0.55 / np.maximum(light.shade((0, 1, -.4)), 0.3) + 0.05

    # Wheels first, so that the body covers their upper part where the arches are.
    radius = {"van": .34, "bus": .48}.get(car.shape, .31)
    axles = (car.profile[0][0] * 0.62, car.profile[-1][0] * 0.66)
    ring = np.linspace(0, 2 * np.pi, 24, endpoint=False)

    def wheel(side, axle, scale, bgr, out, label=CAR):
        w = side * (car.width / 2 + out)
        quad([at(w, radius + radius * scale * np.sin(a), axle + radius * scale * np.cos(a)) for a in ring], bgr,
             normal=(side * c, 0.3, -side * s), label=label)

    def tread(side, axle):
        outer = side * car.width / 2
        inner = outer - side * .2
        for a in (axle - .2, axle + .2):
            quad([at(inner, 0, a), at(outer, 0, a), at(outer, .4, a), at(inner, .4, a)], dark * 0.6, normal=(0, 1, 0))

    for side in (-1, 1):
        for axle in axles:
            tread(side, axle)
    under = car.profile[0][1] + 0.02
    w = car.width / 2 * 0.96
    quad([at(-w, under, car.profile[0][0]), at(w, under, car.profile[0][0]), at(w, under + .12, car.profile[-1][0]),
          at(-w, under + .12, car.profile[-1][0])], dark * 0.4, normal=(0, 1, 0))

    pieces = []
    for (a0, u0, kind), (a1, u1, _) in zip(car.profile, car.profile[1:]):
        pts = np.array([at(-half(u0), u0, a0), at(half(u0), u0, a0), at(half(u1), u1, a1), at(-half(u1), u1, a1)])
        pieces.append((pts, kind, a0, u0, a1, u1))
    outline = [(a, u) for a, u, _ in car.profile]
    for side in (-1, 1):
        pts = np.array([at(side * half(u), u, a) for a, u in outline])
        pieces.append((pts, "side", side, 0, 0, 0))
    pieces.sort(key=lambda q: -q[0][:, 2].mean())

    for pts, kind, a0, u0, a1, u1 in pieces:
        if kind == "side":
            side = a0
            normal = np.array([side * c, 0.12, -side * s])
            if normal[[0, 2]] @ -pts[:, [0, 2]].mean(0) <= 0:
                continue
            quad(pts, body * 1.05, bgr2=body * 0.62, normal=normal)
            _side(car, side, at, half, quad, normal, body, mirror, belt, tall)
            for axle in axles:
                wheel(side, axle, 1.18, dark * 0.5, 0.005, label=None)
                wheel(side, axle, 1.0, dark, 0.01)
                wheel(side, axle, 0.62, np.array([0.55, 0.55, 0.56]), 0.015, label=None)
                wheel(side, axle, 0.46, np.array([0.30, 0.30, 0.31]), 0.017, label=None)
                wheel(side, axle, 0.16, np.array([0.6, 0.6, 0.6]), 0.02, label=None)
            continue
        if not _visible(pts, at(0, tall * 0.5, 0), p.camera.eye):
            continue
        normal = np.cross(pts[1] - pts[0], pts[2] - pts[0])
        normal = normal * np.sign(normal @ (pts.mean(0) - at(0, tall * 0.5, 0))) / np.linalg.norm(normal)
        _piece(car, kind, pts, normal, quad, body, mirror, light)
    if light.lamps and abs(np.cos(heading)) > 0.8:
        _lamps_on(p, car, at, np.cos(heading) < 0)


def _visible(pts, centre, eye):
    """Whether the outer side of this piece of the hull faces the camera."""
    n = np.cross(pts[1] - pts[0], pts[2] - pts[0])
    middle = pts.mean(0)
    if n @ (middle - centre) < 0:
        n = -n
    return n @ (np.array([0, eye, 0]) - middle) > 0


def _mix(pts, a, b):
    """A point of a quad: a across from 0 to 1, b up from 0 to 1."""
    low, high = pts[0] + (pts[1] - pts[0]) * a, pts[3] + (pts[2] - pts[3]) * a
    return low + (high - low) * b


def _panel(pts, a0, a1, b0, b1):
    return [_mix(pts, a0, b0), _mix(pts, a1, b0), _mix(pts, a1, b1), _mix(pts, a0, b1)]


def _piece(car, kind, pts, normal, quad, body, mirror, light):
    shine = 1.0 + (0.18 if kind in ("roof", "bonnet") else 0)
    base = body * shine + (mirror * 0.10 if kind in ("roof", "bonnet") else 0)
    quad(pts, base, bgr2=base * 0.86, normal=normal)
    more = dict(normal=normal, label=None)
    if kind in ("back", "screen"):
        inset = _panel(pts, .07, .93, .10, .92)
        if car.shape in ("van", "bus") and kind == "back":
            inset = _panel(pts, .10, .90, .35, .90)
        quad(inset, mirror * 0.75, bgr2=mirror * 0.3, **more)
        if kind == "screen":
            quad(_panel(pts, .58, .80, .12, .38), np.array([0.07, 0.07, 0.08]), alpha=0.6, **more)
            quad(_panel(pts, .20, .42, .12, .38), np.array([0.07, 0.07, 0.08]), alpha=0.6, **more)
        else:
            quad(_panel(pts, .22, .40, .2, .5), np.array([0.07, 0.07, 0.08]), alpha=0.5, **more)
            quad(_panel(pts, .60, .78, .2, .5), np.array([0.07, 0.07, 0.08]), alpha=0.5, **more)
        if car.shape == "bus":
            quad(_panel(pts, .18, .82, .90, .98), np.array([0.1, 0.65, 0.9]), **more)
    elif kind == "bumper":
        quad(_panel(pts, 0, 1, 0, 1), body * 0.72, bgr2=body * 0.5, **more)
        quad(_panel(pts, .03, .97, .60, .74), body * 0.45, **more)
    elif kind == "rear":
        lamp = np.array([0.10, 0.10, 0.62]) * (1.7 if car.brake or light.lamps else 1)
        for a in (.02, .83):
            quad(_panel(pts, a, a + .15, .45, .95), lamp, glow=light.lamps or car.brake, **more)
            quad(_panel(pts, a + .02, a + .13, .62, .72), np.array([0.6, 0.7, 0.85]), **more)
        quad(_panel(pts, .36, .64, .40, .70), car.plate, **more)
        quad(_panel(pts, .39, .61, .48, .62), np.array([0.25, 0.25, 0.25]), alpha=0.6, **more)
    elif kind == "front":
        quad(_panel(pts, .26, .74, .40, .85), np.array([0.08, 0.08, 0.085]), **more)
        for a in (.03, .78):
            quad(_panel(pts, a, a + .19, .45, .92), np.array([0.84, 0.84, 0.82]), **more)
            quad(_panel(pts, a + .05, a + .14, .52, .85), np.array([0.55, 0.55, 0.55]), **more)
        quad(_panel(pts, .37, .63, .18, .40), car.plate, **more)


def _side(car, side, at, half, quad, normal, body, mirror, belt, tall):
    """Windows, door joints, handles and the sill of one flank."""
    glass = [q for q in car.profile if q[1] > belt - 0.03]
    rear, front = glass[0][0], glass[-1][0]
    roof = [q for q in glass if q[1] > tall - 0.16]
    if car.shape == "bus":
        panes = [(k, k, k + 1.0, k + 1.0) for k in np.arange(-4.9, 4.2, 1.12)]
        low, high = 1.35, 2.55
    elif car.shape == "van":
        panes, low, high = [(0.35, 0.35, 1.25, 1.75)], 1.25, 1.88
    else:
        r0, r1 = roof[0][0] + 0.10, roof[-1][0] - 0.04
        mid = (r0 + r1) / 2 + 0.1
        panes = [(rear + .18, r0, mid - .04, mid - .04), (mid + .04, mid + .04, r1, front - .22)]
        low, high = belt + .02, tall - .13

    def strip(a0, a1, u0, u1, bgr, alpha=1.0):
        quad([at(side * (half(u) + .004), u, a) for a, u in ((a0, u0), (a1, u0), (a1, u1), (a0, u1))], bgr, alpha,
             label=None, normal=normal)

    for b0, t0, t1, b1 in panes:
        pts = [(b0, low), (b1, low), (t1, high), (t0, high)]
        quad([at(side * (half(u) + .004), u, a) for a, u in pts], mirror * 0.8, bgr2=mirror * 0.3, label=None,
             normal=normal)
    lo = car.profile[0][1]
    strip(car.profile[0][0] + .1, car.profile[-1][0] - .1, lo, lo + .14, body * 0.35)
    if car.shape != "bus":
        joints = [panes[0][2] + .04, front - .15] + ([rear + .35] if car.shape != "van" else [])
        for a in joints:
            strip(a - .012, a + .012, lo + .16, belt - .03, body * 0.55)
        strip(panes[0][2] - .22, panes[0][2] - .05, belt - .16, belt - .12, body * 0.5)
    else:
        strip(-5.0, 5.0, .95, 1.1, np.array([0.85, 0.85, 0.85]))


def _lamps_on(p, car, at, oncoming):
    """Head or tail lamps as small suns: they bloom later."""
    end = car.profile[-2 if oncoming else 1]
    out = 0.06 if oncoming else -0.06
    bgr = np.array([2.2, 2.5, 2.6]) if oncoming else np.array([0.25, 0.25, 2.2])
    ring = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    for side in (-1, 1):
        centre = at(side * car.width * 0.40, end[1] + (0.10 if oncoming else 0.12), end[0] + out)
        r = 0.085 if oncoming else 0.07
        p.face([centre + [r * np.cos(a), r * np.sin(a), 0] for a in ring], bgr, None)


def vehicle_shadow(car, x, z, heading, reach):
    """Hull of the car's shadow on the ground; reach is the shadow of one metre of height."""
    foot = car.footprint(x, z, heading)
    tall = max(q[1] for q in car.profile)
    return cv2.convexHull(np.r_[foot, foot * 0.9 + np.mean(foot, 0) * 0.1 + reach * tall].astype(np.float32))[:, 0]
