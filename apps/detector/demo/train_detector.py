#!/usr/bin/env python3
"""Trains the demo's detector on rendered scenes within a given number of minutes.

Scenes are rendered while it trains: every process of --jobs draws one after another, and each is used from then on.
"""
import argparse
import copy
import json
import math
import multiprocessing
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from detector_network import BINS, CLASSES, MEAN, SIZE, STD, Net, cells, decode
from scenes import LEAST_LONG, LEAST_SHORT, NAMES, scene
from train import recolour

MOST = 64  # things of an image
DRAWN = (480, 640)  # height, width of the scenes


def _drawn(seed):
    """A scene as a camera would hand it over: JPEG."""
    image, classes, boxes, crowd = scene(seed, DRAWN[1], DRAWN[0])
    quality = int(np.random.default_rng([seed, 9]).integers(70, 97))
    image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    largest = np.argsort(-np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))[:MOST]
    things = np.full((MOST, 6), -1, np.float32)  # class (-1: none), crowd, box
    things[:len(largest)] = np.c_[classes[largest], crowd[largest], boxes[largest]]
    return image, things


class Pool:
    """Scenes on the device, filled while it is used, and random batches of them."""

    def __init__(self, count, device):
        self.images = torch.zeros(count, 3, *DRAWN, dtype=torch.uint8, device=device)
        self.things = torch.zeros(count, MOST, 6, device=device)
        self.filled = 0

    def add(self, image, things):
        self.images[self.filled] = torch.from_numpy(image).permute(2, 0, 1)
        self.things[self.filled] = torch.from_numpy(things)
        self.filled += 1

    def draw(self, count):
        pick = torch.randint(self.filled, (count,), device=self.images.device)
        return self.images[pick].float(), self.things[pick]


def fit(images, things, zoom, shift, flip):
    """Images and boxes on the network's size: magnified about a point, mirrored where `flip` is -1."""
    n = len(images)
    theta = torch.zeros(n, 2, 3, device=images.device)
    theta[:, 0, 0], theta[:, 1, 1] = flip / zoom[:, 0], 1 / zoom[:, 1]
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, (n, 1) + SIZE, align_corners=False)
    images = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    size = torch.tensor([DRAWN[1], DRAWN[0]], device=images.device)
    sign = torch.stack([flip, torch.ones_like(flip)], 1)[:, None]
    ends = [((things[:, :, 2 + 2 * i:4 + 2 * i] / size * 2 - 1) - shift[:, None]) * zoom[:, None] * sign
            for i in (0, 1)]
    first, last = torch.minimum(*ends), torch.maximum(*ends)
    whole = (last - first).prod(-1)
    first, last = first.clamp(-1, 1), last.clamp(-1, 1)
    out = torch.tensor([SIZE[1], SIZE[0]], device=images.device)
    boxes = torch.cat([(first + 1) / 2 * out, (last + 1) / 2 * out], -1)
    sides = boxes[..., 2:] - boxes[..., :2]
    there = (things[..., 0] >= 0) & (sides.amin(-1) > 0.5)
    hidden = things[..., 1] > 0
    hidden |= (last - first).prod(-1) < 0.35 * whole
    hidden |= (sides.amax(-1) < LEAST_LONG * SIZE[0]) | (sides.amin(-1) < LEAST_SHORT * SIZE[0])
    return images, things[..., 0].long().clamp(min=0), boxes, there & ~hidden, there & hidden


def augment(images, things):
    n, device = len(images), images.device
    zoom = torch.exp(torch.empty(n, 1, device=device).uniform_(math.log(0.85), math.log(1.8)))
    zoom = zoom * torch.exp(torch.empty(n, 2, device=device).uniform_(-0.1, 0.1))
    shift = (1 - 1 / zoom).clamp(min=0) * torch.empty(n, 2, device=device).uniform_(-1, 1)
    flip = torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0)
    images, *truth = fit(images, things, zoom, shift, flip)
    return recolour(images), *truth


def overlap(a, b):
    """Intersection over union of boxes (.., 4)."""
    inner = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    area = [(x[..., 2:] - x[..., :2]).clamp(min=0).prod(-1) for x in (a, b)]
    return inner / (area[0] + area[1] - inner + 1e-6)


def complete_overlap(a, b):
    """CIoU: overlap less what middles and aspect ratios differ by."""
    iou = overlap(a, b)
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]).square().sum(-1) / 4
    angle = [torch.atan2(x[..., 2] - x[..., 0], (x[..., 3] - x[..., 1]).clamp(min=1e-3)) for x in (a, b)]
    shape = 4 / math.pi ** 2 * (angle[0] - angle[1]).square()
    with torch.no_grad():
        weight = shape / (1 - iou + shape + 1e-6)
    return iou - apart / (hull.square().sum(-1) + 1e-6) - weight * shape


@torch.no_grad()
def assign(scores, boxes, middles, labels, truth, real, most=10):
    """Which thing each cell is to find (task-aligned learning): index (B, A), whether there is one, target score."""
    middle, half = (truth[..., :2] + truth[..., 2:]) / 2, (truth[..., 2:] - truth[..., :2]) / 2
    inside = ((middles - middle[:, :, None]).abs() < half.clamp(min=4.5)[:, :, None]).all(-1) & real[..., None]
    iou = overlap(truth[:, :, None], boxes[:, None]) * inside
    chosen = scores.gather(2, labels[:, None].expand(-1, scores.shape[1], -1)).transpose(1, 2)
    metric = chosen.sqrt() * iou.pow(6) + 1e-12 * inside
    mask = torch.zeros_like(inside).scatter_(2, metric.topk(most, 2).indices, True) & inside
    best = torch.zeros_like(inside).scatter_(1, (iou + 1e-3 * mask).mul(mask).argmax(1, keepdim=True), True)
    mask &= best  # a cell finds one thing
    metric, iou = metric * mask, iou * mask
    target = metric * iou.amax(2, keepdim=True) / (metric.amax(2, keepdim=True) + 1e-12)
    return mask.float().argmax(1), mask.any(1), target.amax(1)


def loss_of(maps, truth, middles, strides):
    labels, wanted, real, hidden = truth
    boxes, bins, classes = decode(maps, middles, strides)
    index, found, target = assign(classes.detach().sigmoid(), boxes.detach(), middles, labels, wanted, real)
    goal = F.one_hot(labels.gather(1, index), CLASSES) * target[..., None]
    total = target.sum().clamp(min=1)
    half = ((wanted[..., 2:] - wanted[..., :2]) / 2).clamp(min=4.5)
    near = ((middles - (wanted[:, :, None, :2] + wanted[:, :, None, 2:]) / 2).abs() < half[:, :, None]).all(-1)
    free = found | ~(near & hidden[..., None]).any(1)  # cells on what is neither right nor wrong do not count
    entropy = F.binary_cross_entropy_with_logits(classes, goal, reduction="none").sum(-1)
    loss = 0.5 * (entropy * free).sum() / total
    right = wanted.gather(1, index[..., None].expand(-1, -1, 4))
    loss = loss + 7.5 * ((1 - complete_overlap(boxes, right)) * target * found).sum() / total
    sides = torch.cat([middles - right[..., :2], right[..., 2:] - middles], -1) / strides[:, None]
    sides = sides.clamp(0, BINS - 1.01)
    low = sides.floor().long()
    part = sides - low
    logs = bins.log_softmax(-1)
    spread = -(logs.gather(-1, low[..., None])[..., 0] * (1 - part) +
               logs.gather(-1, low[..., None] + 1)[..., 0] * part).mean(-1)
    return loss + 1.5 * (spread * target * found).sum() / total


def average_precision(found, truth, least=0.5):
    """AP at an overlap of `least`, of all images: found (class, score, box) rows, truth (class, crowd, box) rows."""
    result = {}
    for c, name in enumerate(NAMES):
        hits, count = [], 0
        for rows, right in zip(found, truth):
            rows, right = rows[rows[:, 0] == c], right[right[:, 0] == c]
            crowd = right[:, 1] > 0
            count += int((~crowd).sum())
            taken = np.zeros(len(right), bool)
            for row in rows[np.argsort(-rows[:, 1])]:
                iou = overlap(torch.from_numpy(row[2:6])[None], torch.from_numpy(right[:, 2:6])).numpy()
                free = np.where(~taken & ~crowd, iou, 0)
                if len(free) and free.max() >= least:
                    taken[free.argmax()] = True
                    hits.append((row[1], 1))
                elif not (iou[crowd] > 0.3).any():
                    hits.append((row[1], 0))
        hits = np.array(sorted(hits, reverse=True)).reshape(-1, 2)
        right = np.cumsum(hits[:, 1])
        precision = right / np.maximum(np.arange(len(hits)) + 1, 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        at = np.searchsorted(right / max(count, 1), np.linspace(0, 1, 101))
        result[name] = float(np.append(precision, 0)[np.minimum(at, len(hits))].mean())
    return {**{k: round(v, 4) for k, v in result.items()}, "mean": round(float(np.mean(list(result.values()))), 4)}


@torch.no_grad()
def evaluate(net, pool, middles, strides):
    """AP@0.5 on a pool, with a plain suppression."""
    net.eval()
    found, right = [], []
    for i in range(0, pool.filled, 16):
        images, things = pool.images[i:i + 16].float(), pool.things[i:i + 16]
        n = len(images)
        unit = torch.ones(n, 2, device=images.device)
        images, labels, wanted, real, hidden = fit(images, things, unit, unit * 0, unit[:, 0])
        boxes, _, classes = decode(net(normalised(images)), middles, strides)
        scores, kinds = classes.sigmoid().max(-1)
        for b in range(n):
            order = scores[b].argsort(descending=True)[:300]
            order = order[scores[b][order] > 0.01]
            kept = []
            iou = overlap(boxes[b, order][:, None], boxes[b, order][None]) > 0.6
            iou = (iou & (kinds[b, order][:, None] == kinds[b, order][None])).cpu().numpy()
            for k in range(len(order)):
                if not iou[k, kept].any():
                    kept.append(k)
            pick = order[kept]
            found.append(torch.cat([kinds[b, pick, None].float(), scores[b, pick, None], boxes[b, pick]], 1).cpu().numpy())
            there = real[b] | hidden[b]
            right.append(torch.cat([labels[b, there, None].float(), hidden[b, there, None].float(),
                                    wanted[b, there]], 1).cpu().numpy())
    return average_precision(found, right)


def normalised(images):
    mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (images - mean) / std


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=4.5, help="from the start, rendering included")
    parser.add_argument("--scenes", type=int, default=4000, help="rendered at most; seeds from 10000 on")
    parser.add_argument("--first", type=int, default=400, help="scenes that are there before the training begins")
    parser.add_argument("--held-out", type=int, default=64, help="scenes to score with, seeds from 50000 on")
    parser.add_argument("--jobs", type=int, default=14)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=2e-2)
    parser.add_argument("--ema", type=float, default=0.9985)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    begin = time.time()
    workers = multiprocessing.get_context("spawn").Pool(args.jobs)
    seeds = [50000 + i for i in range(args.held_out)] + [10000 + i for i in range(args.scenes)]
    rendered = workers.imap(_drawn, seeds)
    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    held, pool = Pool(args.held_out, device), Pool(args.scenes, device)
    while pool.filled < min(args.first, args.scenes):
        (held if held.filled < args.held_out else pool).add(*next(rendered))
    print(f"{pool.filled} scenes after {time.time() - begin:.0f} s", flush=True)

    net = Net().to(device).to(memory_format=torch.channels_last)
    mean = copy.deepcopy(net)
    middles, strides = cells(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=args.decay)
    start, seconds, step, sums = time.time(), args.minutes * 60 - (time.time() - begin), 0, 0.0
    while (share := (time.time() - start) / seconds) < 1:
        rate = args.rate * min(1, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * share) + 0.005)
        for group in optimizer.param_groups:
            group["lr"] = rate
        while pool.filled < args.scenes and step % 4 == 0:  # those that are ready
            try:
                pool.add(*rendered.next(timeout=0.0005))
            except multiprocessing.TimeoutError:
                break
        images, *truth = augment(*pool.draw(args.batch))
        net.train()
        with torch.autocast(device.type, torch.bfloat16):
            maps = net(images.contiguous(memory_format=torch.channels_last))
        loss = loss_of(maps, truth, middles, strides)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
        keep = min(args.ema, (step + 1) / (step + 10))
        with torch.no_grad():
            pairs = [(a, b) for a, b in zip(mean.state_dict().values(), net.state_dict().values())]
            floats = [(a, b.detach()) for a, b in pairs if a.is_floating_point()]
            torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], 1 - keep)
        sums = sums + loss.detach()
        step += 1
        if step % 500 == 0:
            print(f"step {step}, {time.time() - begin:.0f} s, {pool.filled} scenes, loss {float(sums) / 500:.4f}",
                  flush=True)
            sums = 0.0
    workers.terminate()
    torch.save(mean.state_dict(), args.out / "weights.pt")
    result = {"steps": step, "scenes": pool.filled, "seconds": round(time.time() - begin),
              "held_out": evaluate(mean, held, middles, strides)}
    (args.out / "training.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
