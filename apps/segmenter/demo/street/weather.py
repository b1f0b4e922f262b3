"""Light and weather: the sun, the sky, haze, rain, wet ground, and what a camera adds."""
from functools import lru_cache

import cv2
import numpy as np

from .painter import PAVEMENT, ROAD, SKY

WEATHERS = ("sun", "overcast", "dusk", "rain", "fog")


@lru_cache(maxsize=None)
def noise_tile(seed, power=1.0, size=512):
    """A tile of 1/f^power noise that repeats without seams: mean 0, standard deviation 1."""
    rng = np.random.default_rng(90_000 + seed)
    fx, fy = np.meshgrid(np.fft.fftfreq(size), np.fft.rfftfreq(size), indexing="ij")
    f = np.hypot(fx, fy)
    f[0, 0] = 1
    tile = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) / f ** power, s=(size, size))
    return ((tile - tile.mean()) / tile.std()).astype(np.float32)


def sample_noise(seed, power, x, y):
    """Noise at tile coordinates (x, y), any size, repeating."""
    x, y = (np.asarray(a, np.float32) for a in (x, y))
    x, y = np.broadcast_arrays(x - 512 * np.floor(x / 512), y - 512 * np.floor(y / 512))
    return cv2.remap(noise_tile(seed, power), np.ascontiguousarray(x), np.ascontiguousarray(y), cv2.INTER_LINEAR,
                     borderMode=cv2.BORDER_WRAP)


def _bgr(*rgb):
    return np.array(rgb[::-1], np.float64)


class Light:
    """One weather, drawn from its range."""

    def __init__(self, kind, rng):
        self.kind = kind
        u = rng.uniform
        azimuth, height = u(0, 2 * np.pi), u(0.5, 1.0)
        self.fog, self.wet, self.rain, self.lamps = u(0.0004, 0.0015), 0.0, 0.0, False
        self.gain, self.warm = u(0.92, 1.08), u(-0.03, 0.04)
        if kind == "sun":
            self.sun_bgr, self.ambient = _bgr(0.80, 0.74, 0.62) * u(0.85, 1.1), _bgr(0.54, 0.58, 0.66)
            self.zenith, self.low = _bgr(0.25, 0.46, 0.80) * u(0.85, 1.15), _bgr(0.74, 0.85, 0.94)
            self.cover = u(-0.9, 0.7)
        elif kind == "overcast":
            self.sun_bgr, self.ambient = _bgr(0.06, 0.06, 0.06), _bgr(0.80, 0.83, 0.87) * u(0.8, 1.08)
            self.zenith, self.low = _bgr(0.66, 0.70, 0.75) * u(0.85, 1.1), _bgr(0.84, 0.86, 0.88)
            self.cover, self.wet = 1.6, u(0, 0.12)
        elif kind == "dusk":
            height = u(0.10, 0.22)
            azimuth = u(-0.5, 0.5) + np.pi / 2
            self.sun_bgr, self.ambient = _bgr(0.60, 0.34, 0.18) * u(0.6, 1), _bgr(0.44, 0.41, 0.52) * u(0.85, 1.2)
            self.zenith, self.low = _bgr(0.16, 0.19, 0.40) * u(0.8, 1.2), _bgr(0.98, 0.60, 0.38) * u(0.75, 1.02)
            self.cover, self.lamps, self.wet = u(-0.4, 0.6), True, u(0, 0.25)
        elif kind == "rain":
            self.sun_bgr, self.ambient = _bgr(0.02, 0.02, 0.02), _bgr(0.58, 0.62, 0.68) * u(0.8, 1.1)
            self.zenith, self.low = _bgr(0.46, 0.50, 0.56) * u(0.8, 1.1), _bgr(0.68, 0.71, 0.74)
            self.cover, self.fog, self.wet, self.rain = 1.8, u(0.003, 0.007), u(0.5, 0.8), u(0.4, 1.0)
            self.lamps = bool(u() < 0.6)
        else:  # fog
            self.sun_bgr, self.ambient = _bgr(0.08, 0.08, 0.07), _bgr(0.74, 0.76, 0.79) * u(0.85, 1.1)
            self.zenith = self.low = _bgr(0.76, 0.79, 0.81) * u(0.9, 1.08)
            self.cover, self.fog, self.wet = 1.0, u(0.009, 0.02), u(0, 0.25)
        self.sun = np.array([np.cos(azimuth) * np.cos(height), np.sin(height), np.sin(azimuth) * np.cos(height)])
        self.cloud_at = u(0, 512, 2)
        self.shadow = min(0.45, self.sun_bgr.mean() * 0.62)  # how much a cast shadow darkens

    def shade(self, normal):
        """Colour of the light on a surface with this normal."""
        n = np.asarray(normal, np.float64)
        n = n / np.linalg.norm(n)
        return self.ambient * (0.86 + 0.14 * n[1]) + self.sun_bgr * max(0.0, float(n @ self.sun))


def paint_sky(p):
    """Gradient, clouds on a plane overhead in perspective, and the sun's glow."""
    cam, light = p.camera, p.light
    rows = int(np.ceil(cam.horizon)) + 2
    v = (np.arange(rows)[:, None] + 0.5).astype(np.float32)
    rise = np.clip((cam.horizon - v) / cam.height, 0.002, 1)
    u = (np.arange(cam.width)[None, :] - cam.cx) / cam.height
    k = np.clip(rise / 0.45, 0, 1)[..., None] ** 0.7
    sky = light.low * (1 - k) + light.zenith * k + np.zeros(u.shape + (1,))
    far = 1 / (rise + 0.06)
    clouds = sample_noise(1, 1.5, u * far * 55 + light.cloud_at[0], far * 38 + light.cloud_at[1])
    thick = np.clip((clouds + light.cover) * 0.8, 0, 1) * np.clip(rise * 9, 0, 1)
    detail = sample_noise(2, 1.3, u * far * 90 + light.cloud_at[1], far * 70 + light.cloud_at[0])
    if light.cover > 1.2:  # a closed deck: only its own relief shows
        sky = sky * (1 + 0.07 * clouds + 0.03 * detail)[..., None]
    else:
        lit = light.low * 0.45 + (light.sun_bgr + light.ambient) * 0.5
        tone = (1 - 0.10 * np.clip(clouds * 0.7 + detail * 0.4, -0.5, 2))[..., None]
        sky = sky + (np.minimum(lit, 1.04) * tone - sky) * (thick * 0.9)[..., None]
    if light.sun[2] > 0.2 and light.kind in ("sun", "dusk"):
        su = light.sun[0] / light.sun[2] * cam.focal / cam.height
        sv = light.sun[1] / light.sun[2] * cam.focal / cam.height
        d2 = (u - su) ** 2 + (rise - sv) ** 2
        sky = sky + light.sun_bgr * (0.5 * np.exp(-d2 / 0.03) + 0.35 * np.exp(-d2 / 0.3))[..., None]
    p.colour[:rows] = sky[:rows]
    p.label[:rows] = SKY


def haze(p):
    """Fades with distance; the sky fades near the horizon only."""
    light = p.light
    solid = p.label != SKY
    k = np.where(solid, 1 - np.exp(-p.depth * light.fog), 0)
    mix = light.low if light.kind != "dusk" else light.low * 0.6 + light.ambient * 0.3
    p.colour += (mix - p.colour) * k[..., None].astype(np.float32)


def reflect(p):
    """Wet ground mirrors whatever stands behind it, column by column, blurred along the view."""
    light = p.light
    if light.wet < 0.03:
        return
    ground = (p.label == ROAD) | (p.label == PAVEMENT)
    height, width = ground.shape
    row = np.arange(height)[:, None]
    foot = np.maximum.accumulate(np.where(ground, -1, row), axis=0)  # last upright pixel above
    source = np.clip(2 * foot + 1 - row, 0, height - 1)
    mirror = np.take_along_axis(p.colour, source[..., None], axis=0)
    scale = height / 720
    mirror = cv2.GaussianBlur(mirror, (0, 0), sigmaX=2.0 * scale, sigmaY=14 * scale)
    puddle = 0.55 + 0.45 * np.clip(p.wetness, -1, 1.2)
    gloss = np.where(p.label == ROAD, 1.0, 0.55)
    fresnel = np.clip(0.75 - (row - p.camera.horizon) / height * 0.9, 0.12, 0.75)
    k = (light.wet * fresnel * puddle * gloss * ground).astype(np.float32)[..., None]
    p.colour[:] = p.colour * (1 - 0.35 * light.wet * ground[..., None]) * (1 - k) + mirror * k


def rain_streaks(image, amount, rng):
    height, width = image.shape[:2]
    layer = np.zeros((height, width), np.float32)
    slant = rng.normal(0, 0.12)
    for _ in range(int(amount * 420)):
        x, y = rng.uniform(-50, width), rng.uniform(-50, height)
        near = rng.uniform(0.3, 1) ** 2
        length = near * height * 0.05
        cv2.line(layer, (int(x), int(y)), (int(x + slant * length), int(y + length)), float(0.3 + 0.5 * near), 1,
                 cv2.LINE_AA)
    layer = cv2.GaussianBlur(layer, (0, 0), 0.7 * height / 720 + 0.3)
    return image + (0.9 - image) * (layer * 0.28)[..., None]


def expose(colour, light, rng, factor):
    """What a camera does: bloom, downsampling, rain before the lens, tone, vignette, blur, noise."""
    height = colour.shape[0]
    glare = np.maximum(colour - 0.98, 0)
    if glare.max() > 0.02:
        small = cv2.resize(glare, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        halo = sum(w * cv2.GaussianBlur(small, (0, 0), height / 4 * s) for w, s in ((1.3, 0.008), (1.5, 0.03)))
        colour = colour + cv2.resize(halo, colour.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    image = cv2.resize(colour, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    height, width = image.shape[:2]
    if light.rain:
        image = rain_streaks(image, light.rain, rng)
    image = image * light.gain * np.array([1 - light.warm, 1, 1 + light.warm])
    image = np.where(image > 0.8, 0.8 + 0.2 * np.tanh((image - 0.8) / 0.2), image)  # soft shoulder
    y, x = np.mgrid[-1:1:height * 1j, -1:1:width * 1j]
    image = image * (1 - rng.uniform(0.05, 0.16) * (x * x + y * y) / 2)[..., None]
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.35, 0.7) * height / 480 + 0.1)
    grain = rng.normal(0, 1, image.shape) * 0.6 + rng.normal(0, 1, (height, width, 1)) * 0.8
    image = image + grain * rng.uniform(0.004, 0.012 if not light.lamps else 0.018)
    return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
