"""Plans a street: which things stand where, then paints them far to near."""
import cv2
import numpy as np

from . import furniture as fu
from .buildings import House, paint_house
from .ground import Street, paint_ground
from .painter import BUILDING, NEAR, TREE, Camera, Painter
from .people import paint_cyclist, paint_person
from .vehicles import Vehicle, paint_vehicle, vehicle_shadow
from .weather import WEATHERS, Light, expose, haze, paint_sky, reflect

FAR = 130.0  # metres of street that are planned


class Plan:
    """Things to paint, each with the distance that orders it, and the shadows they cast."""

    def __init__(self, camera, light):
        self.camera, self.light = camera, light
        self.things, self.shadows = [], []
        k = 1 / max(light.sun[1], 0.12)
        self.reach = -light.sun[[0, 2]] * min(k, 5.0)  # ground shadow of one metre of height
        self.taken = []  # (t, s, radius) of upright things, so that none stand in each other

    def add(self, s, paint, *arguments):
        self.things.append((s, paint, arguments))

    def shadow(self, points):
        if self.light.shadow > 0.08:
            self.shadows.append(cv2.convexHull(np.asarray(points, np.float32))[:, 0])

    def upright_shadow(self, x, z, tall, half, base=0.0):
        a = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        disc = np.c_[np.cos(a), np.sin(a)] * half
        self.shadow(np.r_[disc + (x, z) + self.reach * base, disc + (x, z) + self.reach * tall])

    def free(self, t, s, radius):
        if any((t - a) ** 2 + ((s - b) * 0.8) ** 2 < (radius + r) ** 2 for a, b, r in self.taken):
            return False
        self.taken.append((t, s, radius))
        return True


def _houses(plan, rng, street):
    camera = plan.camera
    for i, where in enumerate((-1, 1)):
        s, density = -6.0, rng.choice([1.0, 1.0, 0.75])
        wall = street.wall(where) + 0.02
        while s < FAR:
            gap = next((q for q in street.side if q[0] == where and q[1] - 2 < s + 4 and s < q[2]), None)
            if gap:
                s = gap[2] + street.walk * 0.6
            length = rng.uniform(6, 15)
            limit = min((q[1] - street.walk * 0.6 for q in street.side if q[0] == where and q[1] > s), default=1e9)
            length = min(length, limit - s)
            if length > 3 and rng.uniform() < density and s + length > NEAR + 0.5:
                house = House(rng, length)
                plan.add(s + length - 0.01, paint_house, house, where, wall, s, s + length)
                points = [camera.place(where * w, q) for w in (wall, wall + house.depth) for q in (s, s + length)]
                points = np.array(points)
                plan.shadow(np.r_[points, points + plan.reach * house.height])
            s += max(length, 1.0)
        for _ in range(int(rng.integers(5, 12))):  # a second row, seen through the gaps
            s, t = rng.uniform(15, FAR), wall + rng.uniform(13, 30)
            house = House(rng, 14)
            plan.add(s + 90, paint_house, house, where, t, s, s + 14)


def _backdrop(plan, rng, crowns):
    """Closes the street: far trees and roofs at the horizon."""
    leafy = rng.uniform() < 0.6
    for _ in range(26):
        z, x = rng.uniform(140, 220), rng.uniform(-110, 110)
        if leafy or rng.uniform() < 0.4:
            plan.add(z + 200, fu.paint_bush, crowns[rng.integers(len(crowns))], x, z, rng.uniform(7, 13),
                     rng.uniform(7, 13))
        else:
            plan.add(z + 200, _far_block, x, z, rng.uniform(6, 14), rng.uniform(7, 17), rng.uniform(0.4, 0.75, 3))


def _far_block(p, x, z, half, tall, bgr):
    bgr = (np.array([0.6, 0.6, 0.62]) * 0.7 + bgr * 0.3) * p.light.shade((0, 0.2, -1))
    p.face([[x - half, 0, z], [x + half, 0, z], [x + half, tall, z], [x - half, tall, z]], bgr, BUILDING)


def _roadside(plan, rng, street, crowns):
    """Trees, lamps, signs, fences and hedges along the pavement."""
    camera = plan.camera
    lamp_arm = rng.uniform(0.8, 1.8)
    lamp_gap, lamp_tall, dark = rng.uniform(18, 30), rng.uniform(5.5, 8), rng.uniform() < 0.5
    tree_gap = rng.choice([0, 9, 14, 22], p=[.25, .25, .3, .2])
    for i, where in enumerate((-1, 1)):
        kerb, wall = street.half + 0.55, street.wall(where)
        s = rng.uniform(4, lamp_gap)
        while s < FAR * 0.8:
            if not street.open_at(where, s) and plan.free(where * kerb, s, 0.5):
                x, z = camera.place(where * kerb, s)
                plan.add(s, fu.paint_lamp, x, z, lamp_tall, -where * lamp_arm, dark)
                plan.upright_shadow(x, z, lamp_tall, 0.08)
            s += lamp_gap
        if tree_gap:
            s = rng.uniform(3, tree_gap)
            line = kerb + 0.25 if rng.uniform() < 0.6 or street.verge[i] < 1.5 else street.half + street.walk + 1.0
            while s < FAR * 0.85:
                if not street.open_at(where, s) and plan.free(where * line, s, 0.9):
                    tree = fu.Tree(rng, crowns)
                    x, z = camera.place(where * line, s)
                    plan.add(s, fu.paint_tree, tree, x, z)
                    plan.upright_shadow(x, z, tree.trunk, tree.girth)
                    plan.upright_shadow(x, z, tree.tall, tree.radius * 0.8, tree.trunk + tree.radius * 0.4)
                s += tree_gap * rng.uniform(0.8, 1.3)
        for _ in range(int(rng.integers(1, 5))):  # signs and plain poles
            s = rng.uniform(5, 50)
            if street.open_at(where, s) or not plan.free(where * kerb, s, 0.5):
                continue
            x, z = camera.place(where * kerb, s)
            plan.upright_shadow(x, z, 2.6, 0.06)
            if rng.uniform() < 0.75:
                plan.add(s, fu.paint_sign, int(rng.integers(1 << 31)), x, z)
            else:
                plan.add(s, fu.paint_pole, x, z, rng.uniform(2.5, 7), rng.uniform(0.09, 0.2))
        crossings = street.zebra + [a for w, a, _ in street.side if w == where]
        for s in crossings:
            if rng.uniform() < 0.55 and plan.free(where * kerb, s - 0.6, 0.4):
                x, z = camera.place(where * kerb, s - 0.6)
                plan.add(s - 0.6, fu.paint_signal, int(rng.integers(1 << 31)), x, z,
                         bool(where == (1 if street.left_hand else -1) and rng.uniform() < 0.6))
                plan.upright_shadow(x, z, 3.5, 0.12)
        if rng.uniform() < 0.3:  # bollards
            s0, n = rng.uniform(5, 30), int(rng.integers(3, 8))
            tone = np.array([(0.1, 0.1, 0.1), (0.35, 0.36, 0.37)][rng.integers(2)])
            for k in range(n):
                s = s0 + 1.6 * k
                if not street.open_at(where, s) and plan.free(where * (kerb - 0.2), s, 0.3):
                    plan.add(s, fu.paint_bollard, *camera.place(where * (kerb - 0.2), s), tone)
        if rng.uniform() < 0.4:
            s = rng.uniform(4, 30)
            if not street.open_at(where, s) and plan.free(where * (kerb + 0.3), s, 0.5):
                plan.add(s, fu.paint_bin, *camera.place(where * (kerb + 0.3), s), bool(rng.uniform() < 0.4))
        _boundary(plan, rng, street, where, wall, crowns, i)


def _boundary(plan, rng, street, where, wall, crowns, i):
    """What separates the pavement from the plots behind it, and guard rails at the kerb."""
    line = street.half + street.walk + 0.05 if street.verge[i] > 0.6 else wall - 0.25
    tall = rng.uniform(0.8, 1.7)
    seed = int(rng.integers(1 << 20))
    share = rng.choice([0.0, 0.45, 0.9], p=[.25, .4, .35])
    kind = rng.choice(["fence", "hedge"], p=[.7, .3])
    s = -4.0
    while s < FAR * 0.8:
        length = rng.uniform(2.0, 4.0)
        if rng.uniform() < 0.12:
            kind = "hedge" if kind == "fence" else "fence"
            seed = int(rng.integers(1 << 20))
        span = (s, s + length)
        if rng.uniform() < share and not any(w == where and a - 1 < span[1] and span[0] < b + 1
                                             for w, a, b in street.side) and span[1] > NEAR + 0.4:
            if kind == "fence":
                plan.add(s + length - 0.02, fu.paint_fence, seed, where, where * line, *span, tall)
            else:
                plan.add(s + length - 0.02, fu.paint_hedge, seed, where, where * line, *span, min(tall, 1.3))
        s += length
    if street.verge[i] > 1.5:
        for _ in range(int(rng.integers(0, 7))):
            s, t = rng.uniform(4, 80), where * (wall - rng.uniform(0.5, 1.0))
            if not street.open_at(where, s):
                half = rng.uniform(0.5, 1.2)
                plan.add(s + 0.5, fu.paint_bush, crowns[rng.integers(len(crowns))], *plan.camera.place(t, s), half,
                         half * rng.uniform(1.1, 1.9))
    if rng.uniform() < 0.25:  # a guard rail at the kerb
        s0, seed = rng.uniform(3, 25), int(rng.integers(1 << 18)) * 3 + 1
        for k in range(int(rng.integers(2, 6))):
            s = s0 + 2.5 * k
            if not any(w == where and a - 1 < s + 2.5 and s < b + 1 for w, a, b in street.side):
                plan.add(s + 2.45, fu.paint_fence, seed, where, where * (street.half + 0.3), s, s + 2.5, 1.05)


def _traffic(plan, rng, street):
    camera = plan.camera
    own = -1 if street.left_hand else 1  # the side of the road on which the camera drives
    lane = street.half / 2 - street.bike_lane * 0.4
    camera.offset = own * lane + rng.normal(0, 0.25)

    def put(t, s, heading, bus=0.05):
        vehicle = Vehicle(rng, bus)
        radius = vehicle.length / 2
        if any(abs(t - a) < 1.9 and abs(s - b) < radius + r + 0.6 for a, b, r in put.cars):
            return
        if s - radius < (3.5 if abs(t - camera.offset) < 2.0 else 1.2):
            return
        put.cars.append((t, s, radius))
        heading = heading + rng.normal(0, 0.02) - np.arctan(2 * camera.curve * s + camera.yaw)
        x, z = camera.place(t, s)
        plan.add(s - radius * 0.6, paint_vehicle, vehicle, x, z, heading)
        plan.shadow(vehicle_shadow(vehicle, x, z, heading, plan.reach))

    put.cars = []
    busy = rng.uniform(0.2, 1.0)
    if rng.uniform() < 0.8 * busy + 0.1:  # ahead
        s = rng.uniform(8, 22)
        while s < 90 and rng.uniform() < 0.85:
            put(own * lane + rng.normal(0, 0.15), s, 0.0)
            s += rng.uniform(8, 30)
    s = rng.uniform(5, 25)
    while s < 110 and rng.uniform() < 0.7 + 0.25 * busy:  # oncoming
        put(-own * lane + rng.normal(0, 0.15), s, np.pi)
        s += rng.uniform(7, 35)
    if street.half > 3.9 and not street.bike_lane:  # parked
        for where in (-1, 1):
            if rng.uniform() < 0.6:
                s, full = rng.uniform(2.5, 12), rng.uniform(0.35, 0.9)
                while s < 90:
                    clear = all(abs(s - q - 1.5) > 6 for q in street.zebra)
                    if rng.uniform() < full and clear and not street.open_at(where, s):
                        put(where * (street.half - 1.0), s, 0.0 if where == own or rng.uniform() < .2 else np.pi, 0.0)
                    s += rng.uniform(5.3, 7.0)
    for where, a, b in street.side:  # waiting in a side street, or crossing
        if rng.uniform() < 0.5:
            put(where * (street.half + rng.uniform(2.8, 6)), (a + b) / 2, where * np.pi / 2 * rng.choice([-1, 1]), 0.0)
    for _ in range(int(rng.integers(0, 4))):  # cyclists along the road
        s, side = rng.uniform(5, 40), rng.choice([-1, 1])
        t = side * (street.half - rng.uniform(0.5, 1.1))
        if not any(abs(t - a) < 1.4 and abs(s - b) < r + 1.2 for a, b, r in put.cars):
            put.cars.append((t, s, 0.9))
            x, z = camera.place(t, s)
            plan.add(s, paint_cyclist, int(rng.integers(1 << 31)), x, z, rng.choice([0.0, 0.0, 0.35, 0.6]))
            plan.upright_shadow(x, z, 1.7, 0.28)
    if rng.uniform() < 0.4:  # a cyclist crossing
        s, t = rng.uniform(7, 28), rng.uniform(-1, 1) * street.half
        if not any(abs(t - a) < 2.2 and abs(s - b) < r + 1.0 for a, b, r in put.cars):
            x, z = camera.place(t, s)
            plan.add(s, paint_cyclist, int(rng.integers(1 << 31)), x, z, rng.uniform(0.75, 1.0))
            plan.upright_shadow(x, z, 1.7, 0.5)
    return put.cars


def _people(plan, rng, street, cars):
    camera = plan.camera

    def put(t, s):
        if s > NEAR + 1.5 and plan.free(t, s, 0.35):
            x, z = camera.place(t, s)
            plan.add(s, paint_person, int(rng.integers(1 << 31)), x, z)
            plan.upright_shadow(x, z, 1.7, 0.2)

    for _ in range(int(rng.poisson(7) + 2)):
        where = rng.choice([-1, 1])
        t, s = where * (street.half + rng.uniform(0.9, max(street.walk - 0.4, 1.2))), rng.uniform(3.5, 55)
        put(t, s)
        if rng.uniform() < 0.35:
            put(t + where * 0.55, s + rng.normal(0, 0.3))
    for s in street.zebra:
        for _ in range(int(rng.integers(0, 5))):
            t, at = rng.uniform(-1, 1) * street.half, s + rng.uniform(0.4, 2.6)
            if not any(abs(t - a) < 1.3 and abs(at - b) < r + 0.5 for a, b, r in cars):
                put(t, at)
    if rng.uniform() < 0.3:
        t, s = rng.uniform(-1, 1) * street.half, rng.uniform(9, 40)
        if not any(abs(t - a) < 1.3 and abs(s - b) < r + 0.5 for a, b, r in cars):
            put(t, s)


def _paint(seed, width, height, weather, factor, after=None):
    """Paints one scene at `factor` times the size; `after(painter, number)` is called after each thing."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(WEATHERS, p=[.42, .22, .12, .14, .10])
    light = Light(weather or kind, np.random.default_rng([seed, 1]))
    camera = Camera(width * factor, height * factor, np.random.default_rng([seed, 2]))
    street = Street(rng)
    plan = Plan(camera, light)
    size = int(np.clip(height * factor * 0.5, 160, 640))
    season = np.random.default_rng([seed, 3])
    leafless = season.uniform() < 0.22
    crowns = [(fu.bare_crown if leafless and i % 4 else fu.crown)([seed, 10 + i], light, size) for i in range(4)]
    cars = _traffic(plan, rng, street)  # sets the camera's place on the road
    _houses(plan, rng, street)
    _backdrop(plan, rng, crowns)
    _roadside(plan, rng, street, crowns)
    _people(plan, rng, street, cars)

    p = Painter(camera, light)
    paint_sky(p)
    paint_ground(p, street, plan.shadows)
    for number, (_, paint, arguments) in enumerate(sorted(plan.things, key=lambda q: -q[0]), 1):
        p.start(number)
        paint(p, *arguments)
        if after:
            after(p, number)
    haze(p)
    reflect(p)
    return expose(p.colour, light, np.random.default_rng([seed, 4]), factor), p


def render(seed, width=480, height=360, weather=None, factor=2):
    """One scene: the image (BGR) and its class ids, both height x width. The same seed gives the same scene."""
    image, p = _paint(seed, width, height, weather, factor)
    return image, np.ascontiguousarray(p.label[factor // 2::factor, factor // 2::factor])


def render_objects(seed, classes, width=480, height=360, weather=None, factor=2):
    """The same scene with its things instead of its classes: the image, and for each thing of one of `classes` that
    shows (class id, left, top, right, bottom in pixels of the image, share of its pixels that nothing hides)."""
    painted = {}

    def after(p, number):
        if p.reached is None:
            return
        x0, y0, x1, y1 = p.reached
        cut = np.s_[y0:y1, x0:x1]
        found = p.label[cut][p.owner[cut] == number]
        found = found[np.isin(found, classes)]
        if len(found):
            painted[number] = int(np.bincount(found).argmax()), len(found), cut

    image, p = _paint(seed, width, height, weather, factor, after)
    things = []
    for number, (kind, pixels, cut) in painted.items():
        rows, columns = np.nonzero((p.owner[cut] == number) & (p.label[cut] == kind))
        if len(rows):
            box = np.array([columns.min() + cut[1].start, rows.min() + cut[0].start,
                            columns.max() + cut[1].start + 1, rows.max() + cut[0].start + 1]) / factor
            things.append((kind, *box.tolist(), len(rows) / pixels))
    return image, things
