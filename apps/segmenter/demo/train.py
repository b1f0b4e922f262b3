#!/usr/bin/env python3
"""Trains the demo network on CamVid and rendered scenes within a given number of minutes.

Folders: --camvid has train, trainannot, val, valannot; --scenes has train and val, as render.py writes them.
"""
import argparse
import copy
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from data import confusion, load, prepare, report
from network import CLASSES, MEAN, SIZE, STD, Net
from street.painter import BICYCLIST, CAR, FENCE, PEDESTRIAN, POLE, SIGN, VOID

THINGS = (POLE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST)  # classes that are pasted between images


class Pool:
    """A whole data set on the device, and random batches of it."""

    def __init__(self, images, labels, device):
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(device)
        self.labels = torch.from_numpy(labels).to(device)

    def draw(self, count):
        pick = torch.randint(len(self.images), (count,), device=self.images.device)
        return self.images[pick].float(), self.labels[pick].float()


def _uniform(n, low, high, device):
    return torch.rand(n, device=device) * (high - low) + low


def warp(images, labels):
    """Random scale, aspect, rotation, shift and flip, onto the network's size; outside is not labelled."""
    n, device = len(images), images.device
    scale = torch.exp(_uniform(n, math.log(0.75), math.log(2.0), device))
    aspect = torch.exp(_uniform(n, -0.12, 0.12, device))
    turn = torch.randn(n, device=device) * 0.03
    flip = torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0)
    sx, sy = aspect / scale, 1 / (aspect * scale)
    room_x, room_y = (1 - sx).abs(), (1 - sy).abs()
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0] = sx * torch.cos(turn) * flip
    theta[:, 0, 1] = -sx * torch.sin(turn)
    theta[:, 1, 0] = sy * torch.sin(turn) * flip
    theta[:, 1, 1] = sy * torch.cos(turn)
    theta[:, 0, 2] = room_x * _uniform(n, -1, 1, device)
    theta[:, 1, 2] = room_y * _uniform(n, -1, 1, device)
    grid = F.affine_grid(theta, (n, 1) + SIZE, align_corners=False)
    images = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    labels = F.grid_sample(labels[:, None] - VOID, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return images, (labels[:, 0] + VOID).round().long()


def paste(images, labels, share=0.35):
    """Copies the pixels of some thing classes of the next image of the batch into a share of the images."""
    n, device = len(images), images.device
    chosen = torch.zeros(n, VOID + 1, dtype=torch.bool, device=device)
    chosen[:, list(THINGS)] = torch.rand(n, len(THINGS), device=device) < 0.5
    chosen &= (torch.rand(n, 1, device=device) < share)
    other_images, other = images.roll(1, 0), labels.roll(1, 0)
    mask = torch.gather(chosen, 1, other.flatten(1)).view_as(other)
    return torch.where(mask[:, None], other_images, images), torch.where(mask, other, labels)


def recolour(images):
    """Brightness, contrast, gamma, saturation, white balance, blur and noise; then the network's normalisation."""
    n, device = len(images), images.device

    def each(low, high):
        return _uniform(n, low, high, device).view(n, 1, 1, 1)

    x = images / 255
    grey = (x * torch.tensor([0.114, 0.587, 0.299], device=device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    x = grey + (x - grey) * each(0.3, 1.6)
    x = x * torch.exp(torch.randn(n, 3, 1, 1, device=device) * 0.06)
    middle = x.mean((1, 2, 3), keepdim=True)
    x = (middle + (x - middle) * each(0.6, 1.4)) * torch.exp(each(-0.45, 0.40))
    x = x.clamp(1e-4, 1) ** torch.exp(each(-0.4, 0.4))
    soft = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    k = each(-1.0, 1.6).clamp(0, 1)  # a third stays sharp, a third becomes soft
    x = x + (soft - x) * k
    x = x + torch.randn_like(x) * each(-0.03, 0.04).clamp(min=0)
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (x.clamp(0, 1) * 255 - mean) / std


def jaccard_loss(scores, labels):
    """One minus the soft IoU of the batch, over the classes that it holds."""
    known = (labels != VOID)
    p = scores.float().softmax(1) * known[:, None]
    truth = F.one_hot(labels.clamp(max=CLASSES), CLASSES + 1)[..., :CLASSES].permute(0, 3, 1, 2).float()
    both = (p * truth).sum((0, 2, 3))
    size = truth.sum((0, 2, 3))
    iou = (both + 1) / (p.sum((0, 2, 3)) + size - both + 1)
    present = size > 100
    return 1 - iou[present].mean()


def loss_of(outputs, labels, weights):
    scores, coarse = outputs
    loss = F.cross_entropy(scores.float(), labels, weights, ignore_index=VOID)
    loss = loss + 0.7 * jaccard_loss(scores, labels)
    for level in coarse:
        small = F.interpolate(labels[:, None].float(), level.shape[2:], mode="nearest-exact")[:, 0].long()
        loss = loss + 0.15 * F.cross_entropy(level.float(), small, weights, ignore_index=VOID)
    return loss


def class_weights(labels, device):
    counts = torch.bincount(labels.flatten().long(), minlength=VOID + 1)[:CLASSES].double()
    share = counts / counts.sum()
    return ((share.median() / share) ** 0.4).clamp(0.4, 3.0).float().to(device)


@torch.no_grad()
def evaluate(net, images, labels, device):
    net.eval()
    counts = 0
    for i in range(0, len(images), 16):
        batch = torch.stack([torch.from_numpy(prepare(image)) for image in images[i:i + 16]])
        scores = net(batch.to(device)).float().cpu().numpy()
        counts = counts + sum(confusion(s, a) for s, a in zip(scores, labels[i:i + 16]))
    return report(counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camvid", type=Path, required=True)
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=7)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--camvid-share", type=float, default=0.6)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--decay", type=float, default=2e-2)
    parser.add_argument("--ema", type=float, default=0.999)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, help="use only this many images of each set, to try the script")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True

    sets = {"camvid": load(args.camvid / "train", args.camvid / "trainannot"),
            "scenes": load(args.scenes / "train", args.scenes / "train" / "labels"),
            "camvid val": load(args.camvid / "val", args.camvid / "valannot"),
            "scenes val": load(args.scenes / "val", args.scenes / "val" / "labels")}
    sets = {k: (a[:args.limit], b[:args.limit]) for k, (a, b) in sets.items()}
    real, drawn = Pool(*sets["camvid"], device), Pool(*sets["scenes"], device)
    weights = class_weights(real.labels, device)
    print("class weights", [round(v, 2) for v in weights.tolist()], flush=True)
    n_real = round(args.batch * args.camvid_share)

    net = Net().to(device).to(memory_format=torch.channels_last)
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": args.decay},
                                   {"params": plain, "weight_decay": 0.0}], lr=args.rate, fused=device.type == "cuda")
    mean_net = copy.deepcopy(net).eval()
    start, step, total, shown = time.time(), 0, args.minutes * 60, 0.0
    while (passed := (time.time() - start) / total) < 1:
        warm = min(1.0, (step + 1) / 300)
        rate = args.rate * warm * max(0.5 * (1 + math.cos(math.pi * passed)), 2e-3)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batches = [real.draw(n_real), drawn.draw(args.batch - n_real)]
        images, labels = (torch.cat(part) for part in zip(*batches))
        shuffle = torch.randperm(len(images), device=device)
        images, labels = paste(*warp(images[shuffle], labels[shuffle]))
        images = recolour(images).contiguous(memory_format=torch.channels_last)
        net.train()
        with torch.autocast(device.type, torch.bfloat16):
            outputs = net(images)
        loss = loss_of(outputs, labels, weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        keep = min(args.ema, (step + 1) / (step + 10))
        with torch.no_grad():
            own, mean = (list(m.parameters()) + [b for b in m.buffers() if b.is_floating_point()]
                         for m in (net, mean_net))
            torch._foreach_lerp_(mean, own, 1 - keep)
        step += 1
        if passed >= shown:
            shown += 0.125
            score = [evaluate(mean_net, *sets[k], device)["miou"] for k in ("camvid val", "scenes val")]
            print(f"{passed:5.1%}  step {step}  rate {rate:.1e}  loss {loss.item():.3f}  "
                  f"camvid {score[0]:.3f}  scenes {score[1]:.3f}", flush=True)

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    result = {k: evaluate(mean_net, *sets[k], device) for k in ("camvid val", "scenes val")}
    result["steps"], result["minutes"], result["batch"] = step, args.minutes, args.batch
    (args.out / "scores.json").write_text(json.dumps(result, indent=1) + "\n")
    torch.save({k: v.cpu() for k, v in mean_net.state_dict().items()}, args.out / "weights.pt")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
