"""Camera and canvas: everything is painted far to near into colour, class and depth."""
import cv2
import numpy as np

CLASSES = ("Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian",
           "Bicyclist")
(SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST, VOID) = range(12)
NEAR = 0.7  # metres: nothing nearer to the camera is drawn


class Camera:
    """A pinhole camera above a gently curved road.

    Road coordinates are (t, s): metres to the right of the road's middle, and along it. Camera coordinates are
    (x, y, z): right of the camera, above the ground, ahead. Pitch is a shift of the horizon, so verticals stay upright.
    """

    def __init__(self, width, height, rng):
        self.width, self.height = width, height
        self.focal = width * rng.uniform(0.8, 1.05)
        self.cx = width * 0.5
        self.horizon = height * rng.uniform(0.42, 0.54)
        self.eye = rng.uniform(1.25, 1.7)
        self.curve = rng.normal(0, 4e-4)
        self.yaw = rng.normal(0, 0.035)
        self.offset = 0.0  # t of the camera, set by the layout

    def place(self, t, s):
        """Road (t, s) -> camera (x, z)."""
        return t - self.offset + self.curve * s * s + self.yaw * s, s

    def road(self, x, z):
        """Camera (x, z) -> road (t, s)."""
        return x + self.offset - self.curve * z * z - self.yaw * z, z

    def project(self, points):
        p = np.asarray(points, np.float64)
        u = self.cx + self.focal * p[..., 0] / p[..., 2]
        v = self.horizon - self.focal * (p[..., 1] - self.eye) / p[..., 2]
        return np.stack([u, v], -1)


def clip_near(points):
    """The part of a polygon in camera coordinates that lies beyond NEAR."""
    out = []
    for a, b in zip(points, np.roll(points, -1, axis=0)):
        if a[2] >= NEAR:
            out.append(a)
        if (a[2] >= NEAR) != (b[2] >= NEAR):
            out.append(a + (b - a) * (NEAR - a[2]) / (b[2] - a[2]))
    return np.array(out)


class Painter:
    """The canvas. Colours are BGR floats; values above one are light sources and will bloom."""

    def __init__(self, camera, light):
        self.camera, self.light = camera, light
        shape = (camera.height, camera.width)
        self.colour = np.zeros(shape + (3,), np.float32)
        self.label = np.zeros(shape, np.uint8)
        self.depth = np.full(shape, 1e4, np.float32)
        self.owner = np.zeros(shape, np.int32)  # number of the thing that gave a pixel its class
        self.thing = 0  # number of what is being painted
        self.reached = None  # screen rectangle that this thing has been painted in

    def _window(self, px):
        """Bounding box of screen points, clipped to the screen; None when it is empty."""
        x0, y0 = np.floor(px.min(0)).astype(int) - 1
        x1, y1 = np.ceil(px.max(0)).astype(int) + 2
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, self.camera.width), min(y1, self.camera.height)
        if x0 >= x1 or y0 >= y1:
            return None
        self._reach(x0, y0, x1, y1)
        return x0, y0, x1, y1

    def _reach(self, x0, y0, x1, y1):
        a0, b0, a1, b1 = self.reached or (x0, y0, x1, y1)
        self.reached = min(a0, x0), min(b0, y0), max(a1, x1), max(b1, y1)

    def start(self, thing):
        """What is painted from now on belongs to the thing of this number."""
        self.thing, self.reached = thing, None

    def screen(self, px, bgr, label, z, alpha=1.0, bgr2=None):
        """Fills a screen polygon with one colour, or with a gradient from bgr (top) to bgr2 (bottom)."""
        box = self._window(px)
        if box is None:
            return
        x0, y0, x1, y1 = box
        fixed = np.round(np.clip(px - (x0, y0), -3e4, 3e4) * 16).astype(np.int32)
        cut = np.s_[y0:y1, x0:x1]
        if label is not None:
            cv2.fillPoly(self.label[cut], [fixed], int(label), cv2.LINE_8, 4)
            cv2.fillPoly(self.owner[cut], [fixed], int(self.thing), cv2.LINE_8, 4)
            cv2.fillPoly(self.depth[cut], [fixed], float(z), cv2.LINE_8, 4)
        if alpha >= 1 and bgr2 is None:
            cv2.fillPoly(self.colour[cut], [fixed], [float(c) for c in bgr], cv2.LINE_8, 4)
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(mask, [fixed], 1, cv2.LINE_8, 4)
        fill = np.broadcast_to(np.asarray(bgr, np.float32), mask.shape + (3,))
        if bgr2 is not None:
            k = np.clip((np.arange(y0, y1) - px[:, 1].min()) / max(np.ptp(px[:, 1]), 1), 0, 1)
            fill = fill + (k[:, None, None] * (np.asarray(bgr2) - bgr)).astype(np.float32)
        area = self.colour[cut]
        cv2.copyTo((area * (1 - alpha) + fill * alpha).astype(np.float32), mask, area)

    def face(self, points, bgr, label, alpha=1.0, bgr2=None):
        """Fills a polygon given in camera coordinates."""
        points = np.asarray(points, np.float64)
        if points[:, 2].min() < NEAR:
            points = clip_near(points)
            if len(points) < 3:
                return
        self.screen(self.camera.project(points), bgr, label, points[:, 2].mean(), alpha, bgr2)

    def texture(self, quad, image, label):
        """Maps an image onto a flat quad: bottom left, bottom right, top right, top left in camera coordinates."""
        quad = np.array(quad, np.float64)
        height, width = image.shape[:2]
        span = np.array([0.0, 1.0])  # the part of the image that is beyond NEAR, along its width
        za, zb = quad[0, 2], quad[1, 2]
        if max(za, zb) <= NEAR:
            return
        if min(za, zb) < NEAR:
            cut = (NEAR - za) / (zb - za)
            span[0 if za < NEAR else 1] = cut
            base, top = quad[1] - quad[0], quad[2] - quad[3]
            quad = np.array([quad[0] + base * span[0], quad[0] + base * span[1],
                             quad[3] + top * span[1], quad[3] + top * span[0]])
        px = self.camera.project(quad)
        box = self._window(px)
        if box is None:
            return
        x0, y0, x1, y1 = box
        left, right = span * width
        src = np.array([[left, height], [right, height], [right, 0], [left, 0]], np.float32)
        # The plane's depth: 1/z is linear on the screen.
        lhs = np.c_[px - (x0, y0), np.ones(4)]
        inverse, *_ = np.linalg.lstsq(lhs, 1 / quad[:, 2], rcond=None)
        if np.ptp(px[:, 0]) < 1 or np.ptp(px[:, 1]) < 1:
            return
        matrix = cv2.getPerspectiveTransform(src, (px - (x0, y0)).astype(np.float32))
        size = (x1 - x0, y1 - y0)
        warped = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = np.zeros((size[1], size[0]), np.uint8)
        cv2.fillPoly(mask, [np.round(np.clip(px - (x0, y0), -3e4, 3e4) * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
        u, v = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
        depth = 1 / np.maximum(inverse[0] * u + inverse[1] * v + inverse[2], 1e-4)
        cut = np.s_[y0:y1, x0:x1]
        cv2.copyTo(warped, mask, self.colour[cut])
        cv2.copyTo(depth.astype(np.float32), mask, self.depth[cut])
        self.label[cut][mask > 0] = label
        self.owner[cut][mask > 0] = self.thing

    def sprite(self, image, alpha, label, x, z, y0, y1, half):
        """Blits an upright image with an alpha channel; the class follows where alpha exceeds one half."""
        if z < NEAR:
            return
        (u0, v0), (u1, v1) = self.camera.project([[x - half, y1, z], [x + half, y0, z]])
        width, height = int(round(u1 - u0)), int(round(v1 - v0))
        if width < 2 or height < 2:
            return
        u0, v0 = int(round(u0)), int(round(v0))
        x0, x1 = max(u0, 0), min(u0 + width, self.camera.width)
        ya, yb = max(v0, 0), min(v0 + height, self.camera.height)
        if x0 >= x1 or ya >= yb:
            return
        mode = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_LINEAR
        image, alpha = (cv2.resize(a, (width, height), interpolation=mode) for a in (image, alpha))
        part = np.s_[ya - v0:yb - v0, x0 - u0:x1 - u0]
        cut = np.s_[ya:yb, x0:x1]
        a = alpha[part]
        self.colour[cut] += (image[part] - self.colour[cut]) * a[..., None]
        self._reach(x0, ya, x1, yb)
        self.label[cut][a > 0.5] = label
        self.owner[cut][a > 0.5] = self.thing
        self.depth[cut][a > 0.5] = z


class Board:
    """An upright figure: its own metres (across, up) at a place on the ground, with shading from left to right."""

    def __init__(self, painter, x, z, label, squeeze=1.0):
        self.painter, self.x, self.z, self.label, self.squeeze = painter, x, z, label, squeeze
        light = painter.light
        self.flat = light.shade((0, 0.2, -1))
        self.side = 1 if light.sun[0] > 0 else -1

    def _at(self, pts):
        pts = np.asarray(pts, np.float64)
        return np.c_[self.x + pts[:, 0] * self.squeeze, pts[:, 1], np.full(len(pts), self.z)]

    def fill(self, pts, bgr, label=-1, alpha=1.0, glow=False, bgr2=None):
        """Fills a polygon; `glow` leaves out the light of the scene (lamps)."""
        tint = 1.0 if glow else self.flat
        second = None if bgr2 is None else np.asarray(bgr2) * tint
        self.painter.face(self._at(pts), np.asarray(bgr) * tint, self.label if label == -1 else label, alpha, second)

    def ellipse(self, cx, cy, rx, ry, bgr, **more):
        a = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        self.fill(np.c_[cx + rx * np.cos(a), cy + ry * np.sin(a)], bgr, **more)

    def limb(self, a, b, wa, wb, bgr, **more):
        """A tapered stroke from a to b, wa and wb wide, with a lit and a shaded flank."""
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        along = (b - a) / (np.hypot(*(b - a)) + 1e-9)
        n = np.array([-along[1], along[0]])
        if n[0] * self.side < 0:
            n = -n
        bgr = np.asarray(bgr, np.float64)
        self.fill([a + n * wa / 2, b + n * wb / 2, b - n * wb / 2, a - n * wa / 2], bgr * 0.82, **more)
        lit = dict(more, label=None)
        self.fill([a + n * wa / 2, b + n * wb / 2, b, a], bgr * 1.08, **lit)
