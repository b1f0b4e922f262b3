"""The detector: one table of layers, a PyTorch module made from it, and its folding into plain convolutions.

A backbone of 3x3 convolutions, features of strides 8, 16 and 32 joined from coarse to fine, and a head for each, which
says for every cell how far left, top, right and bottom of its middle the box ends (a distribution over 16 distances in
units of the stride each, as in Generalized Focal Loss) and the logits of the classes.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from scenes import NAMES  # before what lies in the segmenter's demo
from network import MEAN, STD, Branches

CLASSES, BINS = len(NAMES), 16
SIZE = (384, 512)  # height, width of the input
STRIDES = (8, 16, 32)
OUTPUTS = tuple(f"stride{s}" for s in STRIDES)
STAGES = ((24, 1), (48, 2), (80, 2), (112, 1))  # channels, and convolutions after the one that halves the extents
NECK = 64


def table():
    """The layers in the order of execution: (name, kind, inputs, parameters). The name is also the name of its output.

    Kinds: conv (cin, cout, kernel, pad, stride), relu, up (nearest, factor 2), add.
    """
    layers = []

    def put(name, kind, inputs, **parameters):
        layers.append((name, kind, inputs, parameters))
        return name

    def conv(name, source, cin, cout, kernel=3, stride=1):
        put(name, "conv", [source], cin=cin, cout=cout, kernel=kernel, pad=kernel // 2, stride=stride)
        return put(f"{name}_relu", "relu", [name])

    top, width, found = conv("stem", "input", 3, 16, stride=2), 16, []
    for stage, (out, repeats) in enumerate(STAGES, 2):
        top = conv(f"down{stage}", top, width, out, stride=2)
        for i in range(1, repeats + 1):
            top = conv(f"conv{stage}_{i}", top, out, out)
        width = out
        found.append((top, width))
    joined = None
    heads = []
    for stride, (top, width) in list(zip(STRIDES, found[1:]))[::-1]:
        side = conv(f"side{stride}", top, width, NECK, kernel=1)
        if joined:
            side = put(f"sum{stride}", "add", [side, put(f"up{stride}", "up", [joined])])
            side = conv(f"join{stride}", side, NECK, NECK)
        joined = side
        heads.append((stride, conv(f"head{stride}", joined, NECK, NECK)))
    for stride, top in heads[::-1]:
        put(f"stride{stride}", "conv", [top], cin=NECK, cout=4 * BINS + CLASSES, kernel=1, pad=0, stride=1)
    return layers


class Net(nn.Module):
    """Runs the table; returns the maps of OUTPUTS."""

    def __init__(self):
        super().__init__()
        self.layers = table()
        for name, kind, _, q in self.layers:
            if kind != "conv":
                continue
            if name in OUTPUTS:
                module = nn.Conv2d(q["cin"], q["cout"], 1)
                module.bias.data[:4 * BINS] = 1.0
                module.bias.data[4 * BINS:] = -4.6  # a score of 0.01
            else:
                module = Branches(q["cin"], q["cout"], q["kernel"], q["pad"], q["stride"])
            self.add_module(name, module)

    def forward(self, x):
        values = {"input": x}
        for name, kind, inputs, _ in self.layers:
            args = [values[i] for i in inputs]
            if kind == "conv":
                values[name] = getattr(self, name)(args[0])
            elif kind == "relu":
                values[name] = F.relu(args[0], inplace=True)
            elif kind == "up":
                values[name] = F.interpolate(args[0], scale_factor=2, mode="nearest")
            else:
                values[name] = args[0] + args[1]
        return [values[name] for name in OUTPUTS]

    @torch.no_grad()
    def folded(self):
        """Float32 arrays of the exported layers: name -> [weight, bias]."""
        out = {}
        for name, kind, _, _ in self.layers:
            if kind == "conv":
                module = getattr(self, name)
                parts = module.fold() if isinstance(module, Branches) else [module.weight, module.bias]
                out[name] = [np.ascontiguousarray(a.detach().cpu().double().numpy().astype(np.float32))
                             for a in parts]
        return out


def cells(device):
    """Middles of all cells in pixels (A, 2), and their strides (A)."""
    middles, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(SIZE[0] // stride), torch.arange(SIZE[1] // stride), indexing="ij")
        middles.append((torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((len(middles[-1]),), float(stride)))
    return torch.cat(middles).to(device), torch.cat(strides).to(device)


def decode(maps, middles, strides):
    """Boxes in pixels (B, A, 4), logits of the distances (B, A, 4, BINS) and of the classes (B, A, CLASSES)."""
    rows = torch.cat([m.float().flatten(2) for m in maps], 2).transpose(1, 2)
    bins, classes = rows[..., :4 * BINS].unflatten(2, (4, BINS)), rows[..., 4 * BINS:]
    sides = (bins.softmax(-1) * torch.arange(BINS, device=rows.device)).sum(-1) * strides[:, None]
    boxes = torch.cat([middles - sides[..., :2], middles + sides[..., 2:]], -1)
    return boxes, bins, classes
