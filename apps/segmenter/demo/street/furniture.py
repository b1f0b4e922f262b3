"""What stands along a street: trees, lamps, signs, traffic lights, fences, hedges, bins."""
import cv2
import numpy as np

from .ground import contact_shadow
from .painter import FENCE, NEAR, POLE, SIGN, TREE, VOID, Board
from .weather import sample_noise

LEAVES = [(0.14, 0.40, 0.26), (0.12, 0.34, 0.24), (0.18, 0.46, 0.36), (0.16, 0.44, 0.44), (0.14, 0.42, 0.58),
          (0.20, 0.36, 0.28)]


def crown(seed, light, size):
    """A crown of leaves as an image and its alpha: clumps, lit from the sun's side, with gaps."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:size * 1j, -1:1:size * 1j].astype(np.float32)
    field = np.full((size, size), -9, np.float32)
    height = np.zeros((size, size), np.float32)
    side = np.sign(light.sun[0]) * min(1, abs(light.sun[0]) + 0.3)
    slim = rng.uniform(0.7, 1.0)
    for _ in range(26):  # clumps on a round body
        a, d = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 0.52))
        cx, cy, r = d * np.cos(a) * slim, d * np.sin(a), rng.uniform(0.18, 0.34)
        ball = 1 - ((x - cx) ** 2 + (y - cy) ** 2) / (r * r)
        lit = ball * 0.5 + 0.35 * ((x - cx) * side - (y - cy) * 1.2) / r - cy * 0.25 + cx * side * 0.2
        higher = ball > field
        height = np.where(higher, lit, height)
        field = np.maximum(field, ball)
    scale = 512 / size
    gx, gy = np.meshgrid(np.arange(size) * scale * 0.6, np.arange(size) * scale * 0.6)
    at = rng.uniform(0, 512, 2)
    leaf = sample_noise(8, 0.55, gx * 1.3 + at[0], gy * 1.3 + at[1])
    clump = sample_noise(9, 1.3, gx + at[1], gy + at[0])
    solid = field + 0.35 * clump + 0.30 * leaf
    alpha = np.clip((solid - 0.12) * 5, 0, 1)
    alpha *= 1 - 0.9 * np.clip((clump + 0.7 * leaf - 2.2) * 3, 0, 1)  # the sky through gaps
    height = cv2.GaussianBlur(height, (0, 0), size / 128)
    tone = np.clip(0.68 + 0.42 * height + 0.16 * leaf + 0.06 * clump, 0.22, 1.6)
    base = np.array(LEAVES[rng.integers(len(LEAVES))]) * rng.uniform(0.85, 1.15)
    bright = light.ambient * 0.85 + light.sun_bgr * 0.8
    warm = 1 + np.clip(tone - 0.9, 0, 1)[..., None] * np.array([-0.1, 0.15, 0.25])
    return (tone[..., None] * base * bright * warm).astype(np.float32), alpha.astype(np.float32)


def bare_crown(seed, light, size):
    """Branches without leaves, as an image and its alpha."""
    rng = np.random.default_rng(seed)
    alpha = np.zeros((size, size), np.float32)

    def grow(x, y, angle, length, width):
        if width < 0.5 or length < 4:
            return
        x1, y1 = x + np.cos(angle) * length, y - np.sin(angle) * length
        ends = (int(x * 8), int(y * 8)), (int(x1 * 8), int(y1 * 8))
        cv2.line(alpha, *ends, 1.0, max(int(round(width)), 1), cv2.LINE_AA, 3)
        for _ in range(3 if width > 1.2 else 2):
            grow(x1, y1, angle + rng.normal(0, 0.5), length * rng.uniform(0.62, 0.84), width * 0.66)

    for a in np.linspace(1.0, 2.1, 4):
        grow(size / 2, size * 0.99, a + rng.normal(0, 0.15), size * 0.20, size / 42)
    y, x = np.mgrid[-1:1:size * 1j, -1:1:size * 1j]
    alpha = np.clip(alpha, 0, 1) * np.clip((1 - np.maximum(np.abs(x), -y)) * 6, 0, 1).astype(np.float32)
    bark = np.array([0.22, 0.26, 0.30]) * (light.ambient + light.sun_bgr * 0.5)
    return np.broadcast_to(bark, (size, size, 3)).astype(np.float32).copy(), alpha


class Tree:
    def __init__(self, rng, crowns):
        self.image = crowns[rng.integers(len(crowns))]
        self.flip = bool(rng.uniform() < 0.5)
        self.trunk = rng.uniform(1.9, 3.0)
        self.radius = rng.uniform(1.6, 3.2)
        self.tall = self.trunk + self.radius * rng.uniform(1.6, 2.4)
        self.girth = rng.uniform(0.13, 0.26)


def paint_tree(p, tree, x, z):
    image, alpha = tree.image
    if tree.flip and abs(p.light.sun[0]) < 0.4:
        image, alpha = image[:, ::-1], alpha[:, ::-1]
    a = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    contact_shadow(p, np.c_[x + 0.8 * np.cos(a), z + 0.5 * np.sin(a)], 0.35)
    board = Board(p, x, z, TREE)
    bark = np.array([0.20, 0.25, 0.31])
    fork = tree.trunk + tree.radius * 0.5
    board.limb((0, 0), (0, 0.4), tree.girth * 2.6, tree.girth * 1.8, bark)
    board.limb((0, 0.3), (0, fork), tree.girth * 1.8, tree.girth * 1.1, bark)
    board.limb((0, tree.trunk * 0.9), (tree.radius * 0.5, fork + 0.4), tree.girth, 0.06, bark)
    board.limb((0, tree.trunk), (-tree.radius * 0.4, fork + 0.3), tree.girth, 0.06, bark)
    p.sprite(np.ascontiguousarray(image), np.ascontiguousarray(alpha), TREE, x, z, tree.trunk * 0.75, tree.tall,
             tree.radius)


def paint_bush(p, image, x, z, half, tall):
    p.sprite(*image, TREE, x, z, -tall * 0.35, tall, half)


METAL = np.array([0.42, 0.43, 0.43])


def paint_lamp(p, x, z, tall, arm, dark):
    """A street lamp whose arm reaches over the road (arm in metres, signed)."""
    board = Board(p, x, z, POLE)
    tone = METAL * (0.45 if dark else 1.0)
    board.limb((0, 0), (0, 1.1), 0.26, 0.24, tone)
    board.limb((0, 1.0), (0, tall), 0.17, 0.11, tone)
    board.limb((0, tall - 0.04), (arm, tall + 0.25), 0.09, 0.07, tone)
    end = arm + np.sign(arm) * 0.7
    lit = p.light.lamps
    board.fill([(arm, tall + 0.34), (end, tall + 0.34), (end, tall + 0.22), (arm, tall + 0.18)], tone * 0.9)
    board.fill([(arm, tall + 0.20), (end, tall + 0.23), (end, tall + 0.17), (arm, tall + 0.13)],
               (1.5, 2.1, 2.4) if lit else (0.8, 0.82, 0.82), glow=lit)


def paint_pole(p, x, z, tall, width):
    board = Board(p, x, z, POLE)
    board.limb((0, 0), (0, tall), width * 1.1, width * 0.9, METAL * 0.7)


def paint_bollard(p, x, z, tone):
    board = Board(p, x, z, POLE)
    board.limb((0, 0), (0, 0.95), 0.17, 0.14, np.array(tone))
    board.fill([(-0.07, 0.86), (0.07, 0.86), (0.07, 0.78), (-0.07, 0.78)], (0.85, 0.87, 0.87), label=None)


def paint_sign(p, seed, x, z):
    """A traffic sign on its pole: round, triangle, blue square, direction board or the name of a street."""
    rng = np.random.default_rng(seed)
    tall = rng.uniform(2.1, 2.9)
    pole = Board(p, x, z, POLE)
    pole.limb((0, 0), (0, tall + 0.25), 0.085, 0.08, METAL * 0.85)
    board = Board(p, x, z, SIGN)
    red, white, blue = np.array([0.16, 0.13, 0.78]), np.array([0.92, 0.93, 0.93]), np.array([0.66, 0.32, 0.10])
    black = np.array([0.12, 0.12, 0.12])
    kind = rng.choice(["limit", "no entry", "warning", "blue", "direction", "crossing"])
    r = rng.uniform(0.32, 0.42)
    if kind == "limit":
        board.ellipse(0, tall, r, r, red)
        board.ellipse(0, tall, r * 0.76, r * 0.76, white, label=None)
        for dx in (-0.28, 0.12):
            board.fill([(dx * r, tall + .35 * r), ((dx + .2) * r, tall + .35 * r), ((dx + .2) * r, tall - .35 * r),
                        (dx * r, tall - .35 * r)], black, label=None)
    elif kind == "no entry":
        board.ellipse(0, tall, r, r, red)
        board.fill([(-.72 * r, tall + .16 * r), (.72 * r, tall + .16 * r), (.72 * r, tall - .16 * r),
                    (-.72 * r, tall - .16 * r)], white, label=None)
    elif kind == "warning":
        for k, bgr in ((1.25, red), (0.82, white)):
            a = np.pi / 2 + np.arange(3) * 2 * np.pi / 3
            board.fill(np.c_[k * r * np.cos(a), tall + k * r * np.sin(a)], bgr, label=-1 if k > 1 else None)
        board.limb((0, tall + .28 * r), (0, tall - .18 * r), 0.07, 0.05, black, label=None)
    elif kind == "blue":
        board.ellipse(0, tall, r, r, blue)
        board.limb((-.4 * r, tall + .4 * r), (.35 * r, tall - .35 * r), 0.08, 0.08, white, label=None)
    elif kind == "direction":
        w, h = rng.uniform(0.7, 1.3), rng.uniform(0.25, 0.5)
        bgr = [blue, np.array([0.25, 0.42, 0.10]), white, red][rng.integers(4)]
        board.fill([(-w, tall + h), (w, tall + h), (w, tall - h), (-w, tall - h)], bgr)
        ink = black if bgr is white else white
        for row in range(2):
            y, x1 = tall + h * (0.45 - 0.75 * row), rng.uniform(0.2, 0.8) * w
            board.fill([(-.85 * w, y), (x1, y), (x1, y - .28 * h), (-.85 * w, y - .28 * h)], ink, label=None)
    else:
        board.fill([(-r, tall + r), (r, tall + r), (r, tall - r), (-r, tall - r)], blue)
        a = np.pi / 2 + np.arange(3) * 2 * np.pi / 3
        board.fill(np.c_[.75 * r * np.cos(a), tall + .75 * r * np.sin(a)], white, label=None)
        board.limb((0, tall + .3 * r), (0, tall - .3 * r), 0.06, 0.06, black, label=None)


def paint_signal(p, seed, x, z, away):
    """Traffic lights; `away` shows their dark back."""
    rng = np.random.default_rng(seed)
    Board(p, x, z, POLE).limb((0, 0), (0, 3.5), 0.13, 0.11, METAL * 0.5)
    board = Board(p, x, z, SIGN)
    black = np.array([0.07, 0.07, 0.075])
    board.fill([(-.21, 3.55), (.21, 3.55), (.21, 2.45), (-.21, 2.45)], black)
    on = rng.integers(3)
    for i, bgr in enumerate(((0.12, 0.12, 1.5), (0.15, 0.9, 1.6), (0.55, 1.5, 0.25))):
        lit = i == on and not away
        board.ellipse(0, 3.36 - 0.36 * i, 0.125, 0.125, bgr if lit else np.array(bgr) * 0.12, label=None, glow=lit)


def paint_bin(p, x, z, pillar_box):
    """A litter bin or a letter box: no class of ours."""
    a = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    contact_shadow(p, np.c_[x + 0.3 * np.cos(a), z + 0.25 * np.sin(a)], 0.6)
    board = Board(p, x, z, VOID)
    if pillar_box:
        board.limb((0, 0), (0, 1.45), 0.46, 0.44, np.array([0.12, 0.10, 0.70]))
        board.ellipse(0, 1.46, 0.26, 0.10, (0.12, 0.10, 0.62))
        board.fill([(-.13, 1.22), (.13, 1.22), (.13, 1.16), (-.13, 1.16)], (0.05, 0.05, 0.05), label=None)
    else:
        board.limb((0, 0), (0, 0.95), 0.42, 0.5, np.array([0.16, 0.18, 0.16]))
        board.ellipse(0, 0.96, 0.27, 0.07, (0.08, 0.09, 0.08))


def fence_texture(seed, length, tall, r):
    """Boards, railings or mesh, with alpha folded into a dark ground seen through the gaps."""
    rng = np.random.default_rng(seed)
    width, height = max(int(length * r), 3), max(int(tall * r), 3)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / r
    kind = ["boards", "railings", "panel"][seed % 3]
    shade = 1 + 0.06 * sample_noise(4, 1.0, x * 30 + seed % 97, y * 8)
    if kind == "boards":
        base = np.array([(0.26, 0.40, 0.55), (0.45, 0.52, 0.56), (0.80, 0.84, 0.85)][seed // 3 % 3])
        plank = np.floor(x / 0.14)
        tone = shade + 0.08 * np.sin(plank * 7.7)
        tone = np.where((x % 0.14) < 0.018, tone * 0.5, tone)
        tone = np.where((np.abs(y - tall * 0.25) < 0.05) | (np.abs(y - tall * 0.75) < 0.05), tone * 0.86, tone)
        return (tone[..., None] * base).astype(np.float32)
    if kind == "railings":
        ink = np.array([(0.09, 0.09, 0.09), (0.34, 0.36, 0.34), (0.20, 0.26, 0.12)][seed // 3 % 3])
        gap = np.array([0.22, 0.28, 0.27]) * rng.uniform(0.8, 1.2)
        bars = ((x % 0.15) < 0.05) | (np.abs(y - 0.1) < 0.04) | (np.abs(y - tall + 0.12) < 0.04)
        post = (x % 2.5) < 0.09
        return np.where((bars | post)[..., None], ink, gap * shade[..., None]).astype(np.float32)
    base = np.array([0.52, 0.53, 0.50]) * rng.uniform(0.7, 1.1)
    tone = np.where((np.abs(x % 2.5 - 1.25) > 1.2) | (y < 0.06) | (y > tall - 0.06), 0.6, 1.0) * shade
    tone = np.where(((x % 0.10) < 0.025) | ((y % 0.10) < 0.025), tone * 0.72, tone)
    return (tone[..., None] * base).astype(np.float32)


def paint_fence(p, seed, where, t, s0, s1, tall):
    cam = p.camera
    if s1 < NEAR + 0.2:
        return
    r = float(np.clip(cam.focal / max(s0, abs(t - cam.offset) * 1.5, 2), 6, 120))
    (xa, za), (xb, zb) = cam.place(t, s0), cam.place(t, s1)
    near, far = np.array([xa, 0, za]), np.array([xb, 0, zb])
    left, right = (far, near) if where > 0 else (near, far)
    up = np.array([0, tall, 0])
    image = fence_texture(seed, s1 - s0, tall, r) * p.light.shade((-where, 0.1, -0.1))
    p.texture([left, right, right + up, left + up], image.astype(np.float32), FENCE)


def paint_hedge(p, seed, where, t, s0, s1, tall):
    cam = p.camera
    r = float(np.clip(cam.focal / max(s0, abs(t - cam.offset) * 1.5, 2), 6, 100))
    (xa, za), (xb, zb) = cam.place(t, s0), cam.place(t, s1)
    near, far = np.array([xa, 0, za]), np.array([xb, 0, zb])
    left, right = (far, near) if where > 0 else (near, far)
    up = np.array([0, tall, 0])
    y, x = np.mgrid[0:max(int(tall * r), 3), 0:max(int((s1 - s0) * r), 3)].astype(np.float32) / r
    leaf = sample_noise(8, 0.6, x * 45 + seed % 211, y * 45)
    tone = (1 + 0.25 * leaf + 0.15 * sample_noise(9, 1.3, x * 22 + seed % 211, y * 22)) * (1.15 - 0.45 * y / tall)
    image = tone[..., None] * np.array([0.13, 0.34, 0.22]) * p.light.shade((-where, 0.5, -0.1))
    p.texture([left, right, right + up, left + up], image.astype(np.float32), TREE)
