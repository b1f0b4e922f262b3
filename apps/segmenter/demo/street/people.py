"""People on foot and on bicycles, as upright figures."""
import numpy as np

from .ground import contact_shadow
from .painter import BICYCLIST, PEDESTRIAN, Board

SKIN = [(0.60, 0.72, 0.90), (0.50, 0.62, 0.82), (0.34, 0.45, 0.62), (0.20, 0.28, 0.42)]
HAIR = [(0.08, 0.09, 0.11), (0.12, 0.18, 0.28), (0.30, 0.48, 0.62), (0.55, 0.57, 0.60), (0.15, 0.25, 0.48)]
CLOTHES = [(0.14, 0.13, 0.13), (0.30, 0.20, 0.14), (0.22, 0.20, 0.52), (0.55, 0.38, 0.20), (0.34, 0.42, 0.24),
           (0.74, 0.76, 0.78), (0.30, 0.55, 0.72), (0.40, 0.40, 0.42), (0.52, 0.30, 0.50), (0.18, 0.34, 0.48)]
TROUSERS = [(0.14, 0.13, 0.13), (0.36, 0.25, 0.18), (0.26, 0.24, 0.24), (0.36, 0.44, 0.50), (0.22, 0.16, 0.12)]


def _pick(rng, table):
    return np.array(table[rng.integers(len(table))]) * rng.uniform(0.85, 1.12)


def _foot_shadow(p, x, z, rx, rz):
    a = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    contact_shadow(p, np.c_[x + rx * np.cos(a), z + rz * np.sin(a)], 0.5)


def paint_person(p, seed, x, z):
    rng = np.random.default_rng(seed)
    tall = rng.uniform(1.55, 1.9) * (0.68 if rng.uniform() < 0.08 else 1)
    k = tall / 1.75
    _foot_shadow(p, x, z, 0.32, 0.25)
    board = Board(p, x, z, PEDESTRIAN)
    skin, hair = _pick(rng, SKIN), _pick(rng, HAIR)
    coat, legs = _pick(rng, CLOTHES), _pick(rng, TROUSERS)
    walking = rng.uniform() < 0.75
    sideways = rng.uniform() < 0.45
    turn = rng.choice([-1, 1])
    stride = rng.uniform(0.12, 0.34) if walking and sideways else rng.uniform(0.03, 0.08)
    sway = rng.uniform(-1, 1) * stride
    long_coat = rng.uniform() < 0.3
    broad = rng.uniform(0.19, 0.25) * (0.72 if sideways else 1)

    def pt(a, b):
        return np.array([a * turn, b]) * k

    def limb(a, b, wa, wb, bgr):
        board.limb(pt(*a), pt(*b), wa * k, wb * k, bgr)

    hips = 0.07 if not sideways else 0.02
    for sign, tone in ((-1, 0.8), (1, 1.0)):  # far leg, near leg
        foot = sign * stride + sign * hips
        knee = foot * 0.55 + 0.04 * (sideways and walking)
        limb((sign * hips, 0.88), (knee, 0.47), 0.17, 0.13, legs * tone)
        limb((knee, 0.50), (foot, 0.08), 0.13, 0.10, legs * tone)
        limb((foot - 0.06, 0.045), (foot + (0.15 if sideways else 0.07), 0.035), 0.10, 0.08, np.array([.10, .10, .12]))
    arm = sway * 1.1
    limb((-broad * 0.95, 1.40), (-broad * 1.1 - arm, 1.12), 0.10, 0.09, coat * 0.78)
    limb((-broad * 1.1 - arm, 1.12), (-broad - arm * 1.5 + 0.05, 0.86), 0.09, 0.07, coat * 0.78)
    hem = 0.62 if long_coat else 0.84
    board.fill([pt(-broad, 1.42), pt(-broad * 0.55, 1.50), pt(broad * 0.55, 1.50), pt(broad, 1.42),
                pt(broad * 0.92, hem), pt(-broad * 0.92, hem)], coat, bgr2=coat * 0.8)
    lit = board.side * turn
    board.fill([pt(0.35 * broad * lit, 1.48), pt(broad * lit, 1.42), pt(broad * 0.92 * lit, hem),
                pt(0.45 * broad * lit, hem)], coat * 1.13, label=None)
    if not sideways and rng.uniform() < 0.5:  # an open coat
        board.fill([pt(-0.05, 1.46), pt(0.05, 1.46), pt(0.03, 1.0), pt(-0.03, 1.0)], _pick(rng, CLOTHES), label=None)
    limb((broad * 0.9, 1.40), (broad * 1.05 + arm, 1.12), 0.105, 0.09, coat * 0.95)
    limb((broad * 1.05 + arm, 1.13), (broad + arm * 1.5 + 0.05, 0.86), 0.09, 0.07, coat * 0.95)
    board.ellipse(*pt(broad + arm * 1.5 + 0.05, 0.83), 0.045 * k, 0.055 * k, skin)
    if rng.uniform() < 0.35:  # a bag
        bag = _pick(rng, CLOTHES)
        board.fill([pt(-broad - .16, 1.0), pt(-broad + .06, 1.0), pt(-broad + .08, .70), pt(-broad - .18, .70)], bag)
    board.fill([pt(-0.05, 1.44), pt(0.05, 1.44), pt(0.05, 1.56), pt(-0.05, 1.56)], skin * 0.8)
    board.ellipse(*pt(0.01, 1.63), 0.092 * k, 0.122 * k, skin)
    if rng.uniform() < 0.6:  # seen from behind, or a fringe
        board.ellipse(*pt(-0.012, 1.665), 0.102 * k, 0.105 * k, hair)
    else:
        board.ellipse(*pt(-0.015, 1.70), 0.10 * k, 0.068 * k, hair)
    if p.light.rain and rng.uniform() < 0.55:
        shade = _pick(rng, CLOTHES)
        board.limb(pt(0.18, 1.1), pt(0.10, 1.98), 0.025, 0.025, np.array([0.2, 0.2, 0.2]))
        a = np.linspace(0, np.pi, 14)
        dome = np.c_[0.10 * turn * k + 0.55 * np.cos(a), 1.83 * k + 0.30 * np.sin(a)]
        board.fill(dome, shade, bgr2=shade * 0.7)
        board.fill(dome[3:8], shade * 1.15, label=None)


def paint_cyclist(p, seed, x, z, across):
    """A rider; `across` is how much of the bicycle's length shows (0: along the road, 1: from the side)."""
    rng = np.random.default_rng(seed)
    _foot_shadow(p, x, z, 0.25 + 0.7 * across, 0.3)
    if across < 0.3:
        _rider_along(p, rng, x, z)
    else:
        _rider_side(p, rng, x, z, across)


def _wheel(board, cx, r, metal):
    a = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    ring = np.c_[cx + r * np.cos(a), r + r * np.sin(a)]
    board.fill(ring, (0.3, 0.3, 0.3), alpha=0.25)
    tyre = np.array([0.08, 0.08, 0.08])
    inner = np.c_[cx + 0.88 * r * np.cos(a), r + 0.88 * r * np.sin(a)]
    for i in range(28):
        j = (i + 1) % 28
        board.fill([ring[i], ring[j], inner[j], inner[i]], tyre)
    for i in range(0, 28, 4):
        board.limb((cx, r), ring[i] * 0.98 + np.array([cx, r]) * 0.02, 0.01, 0.01, metal)


def _helmet(board, rng, x, y, skin):
    if rng.uniform() < 0.6:
        board.ellipse(x, y + 0.05, 0.12, 0.09, _pick(rng, [(0.8, 0.8, 0.8), (0.2, 0.2, 0.75), (0.6, 0.4, 0.1)]))
    else:
        board.ellipse(x - 0.01, y + 0.05, 0.10, 0.085, _pick(rng, HAIR))


def _rider_side(p, rng, x, z, across):
    board = Board(p, x, z, BICYCLIST, squeeze=across * rng.choice([-1, 1]))
    skin, coat, legs = _pick(rng, SKIN), _pick(rng, CLOTHES), _pick(rng, TROUSERS)
    if rng.uniform() < 0.25:
        coat = np.array([0.25, 0.95, 0.85])  # high visibility
    frame, metal = _pick(rng, CLOTHES), np.array([0.5, 0.5, 0.5])
    r = 0.34
    _wheel(board, -0.52, r, metal)
    _wheel(board, 0.52, r, metal)
    crank, seat, head = (-0.08, 0.32), (-0.22, 0.88), (0.36, 0.86)
    rear, front = (-0.52, r), (0.52, r)
    for a, b in ((crank, seat), (crank, head), (seat, head), (crank, rear), (seat, rear), (head, front)):
        board.limb(a, b, 0.045, 0.04, frame)
    board.limb((-0.34, 0.93), (-0.10, 0.92), 0.06, 0.04, np.array([0.1, 0.1, 0.1]))
    board.limb(head, (0.38, 1.02), 0.04, 0.04, metal)
    board.limb((0.30, 1.04), (0.47, 1.0), 0.04, 0.03, np.array([0.1, 0.1, 0.1]))
    phase = rng.uniform(0, 2 * np.pi)
    lean = rng.uniform(0.05, 0.26)
    shoulder = np.array([-0.02 + lean, 1.42])
    hip = np.array([-0.22, 0.96])
    for turn, tone in ((np.pi, 0.75), (0, 1.0)):
        pedal = np.array(crank) + 0.17 * np.array([np.cos(phase + turn), np.sin(phase + turn)])
        knee = (hip + pedal) / 2 + np.array([0.24, 0.10])
        board.limb(hip, knee, 0.17, 0.12, legs * tone)
        board.limb(knee, pedal + (0, 0.04), 0.12, 0.08, legs * tone)
        board.limb(pedal + (-0.08, 0), pedal + (0.13, 0), 0.07, 0.06, np.array([0.1, 0.1, 0.12]))
        if turn:
            board.limb(hip - (0, 0.03), shoulder, 0.27, 0.32, coat)
    elbow = (shoulder + np.array([0.38, 1.02])) / 2 + np.array([-0.04, -0.08])
    board.limb(shoulder, elbow, 0.11, 0.09, coat * 0.9)
    board.limb(elbow, (0.38, 1.03), 0.09, 0.07, coat * 0.9)
    top = shoulder + (0.09, 0.22)
    board.limb(shoulder, top, 0.09, 0.09, skin * 0.85)
    board.ellipse(*top, 0.095, 0.12, skin)
    _helmet(board, rng, top[0], top[1], skin)


def _rider_along(p, rng, x, z):
    board = Board(p, x, z, BICYCLIST)
    skin, coat, legs = _pick(rng, SKIN), _pick(rng, CLOTHES), _pick(rng, TROUSERS)
    if rng.uniform() < 0.25:
        coat = np.array([0.25, 0.95, 0.85])
    black = np.array([0.08, 0.08, 0.08])
    board.ellipse(0, 0.35, 0.045, 0.35, black)
    board.limb((0, 0.65), (0, 0.95), 0.08, 0.06, _pick(rng, CLOTHES))
    lift = rng.uniform(-0.14, 0.14)
    for side in (-1, 1):
        foot = 0.28 + side * lift
        board.limb((side * 0.10, 0.92), (side * 0.15, 0.58 + side * lift * 0.6), 0.17, 0.13, legs)
        board.limb((side * 0.15, 0.62 + side * lift * 0.6), (side * 0.11, foot), 0.13, 0.09, legs * 0.9)
        board.limb((side * 0.11, foot), (side * 0.12, foot - 0.06), 0.10, 0.10, black)
        board.limb((side * 0.21, 1.36), (side * 0.29, 1.12), 0.11, 0.09, coat * 0.85)
        board.limb((side * 0.29, 1.14), (side * 0.26, 0.99), 0.09, 0.08, coat * 0.85)
    board.limb((-0.31, 1.0), (0.31, 1.0), 0.04, 0.04, black)
    board.fill([(-0.24, 1.40), (-0.12, 1.47), (0.12, 1.47), (0.24, 1.40), (0.17, 0.90), (-0.17, 0.90)], coat,
               bgr2=coat * 0.8)
    if rng.uniform() < 0.35:
        bag = _pick(rng, CLOTHES)
        board.fill([(-0.15, 1.38), (0.15, 1.38), (0.16, 1.02), (-0.16, 1.02)], bag, bgr2=bag * 0.8)
    board.ellipse(0, 1.57, 0.09, 0.12, skin)
    _helmet(board, rng, 0, 1.58, skin)
    if p.light.lamps:
        board.ellipse(0, 0.82, 0.04, 0.04, (0.3, 0.3, 2.0), label=None, glow=True)
