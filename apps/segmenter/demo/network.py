"""A narrow FCN-8s: one table of layers, a PyTorch module made from it, and its folding into plain convolutions.

While training, each 3x3 convolution has a 1x1 branch beside it and, where the widths agree, an identity, each with its
own BatchNorm. All of that is linear, so `fold` merges it, in float64, into the one convolution that is exported.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 11
SIZE = (352, 480)  # height, width of the input
MEAN = (103.53, 116.28, 123.675)  # of BGR pixels
STD = (57.375, 57.12, 58.395)
WIDTHS = (16, 32, 64, 96, 112)
FC = (128, 128)


def table():
    """The layers in the order of execution: (name, kind, inputs, parameters). The name is also the name of its output.

    Kinds: conv (in, out, kernel, pad), relu, pool (2x2, stride 2), deconv (channels, kernel, stride, pad), add.
    """
    layers, top, width = [], "input", 3

    def put(name, kind, inputs, **parameters):
        layers.append((name, kind, inputs, parameters))
        return name

    def conv(stem, number, out, kernel):
        nonlocal top, width
        top = put(f"{stem}{number}", "conv", [top], cin=width, cout=out, kernel=kernel, pad=kernel // 2)
        top, width = put(f"relu{number}", "relu", [top]), out

    for block, (out, repeats) in enumerate(zip(WIDTHS, (2, 2, 3, 3, 3)), 1):
        for i in range(1, repeats + 1):
            conv("conv", f"{block}_{i}", out, 3)
        top = put(f"pool{block}", "pool", [top])
    conv("fc", 6, FC[0], 3)
    conv("fc", 7, FC[1], 1)

    def score(name, source, cin):
        return put(name, "conv", [source], cin=cin, cout=CLASSES, kernel=1, pad=0)

    def up(name, source, stride):
        return put(name, "deconv", [source], channels=CLASSES, kernel=2 * stride, stride=stride, pad=stride // 2)

    up("upscore2", score("score_fr", top, width), 2)
    score("score_pool4", "pool4", WIDTHS[3])
    up("upscore_pool4", put("fuse_pool4", "add", ["upscore2", "score_pool4"]), 2)
    score("score_pool3", "pool3", WIDTHS[2])
    up("scores", put("fuse_pool3", "add", ["upscore_pool4", "score_pool3"]), 8)
    return layers


class Branches(nn.Module):
    """Convolution + BatchNorm, with its helpers while training."""

    def __init__(self, cin, cout, kernel, pad, stride=1):
        super().__init__()
        self.main = nn.Conv2d(cin, cout, kernel, stride, pad, bias=False)
        self.norm = nn.BatchNorm2d(cout)
        helpers = kernel == 3 and cin > 3
        self.side = nn.Conv2d(cin, cout, 1, stride, bias=False) if helpers else None
        self.side_norm = nn.BatchNorm2d(cout) if helpers else None
        self.skip_norm = nn.BatchNorm2d(cout) if helpers and cin == cout and stride == 1 else None

    def forward(self, x):
        y = self.norm(self.main(x))
        if self.side is not None:
            y = y + self.side_norm(self.side(x))
        if self.skip_norm is not None:
            y = y + self.skip_norm(x)
        return y

    def fold(self):
        """Weight and bias of the one convolution that equals this in evaluation, as float64."""
        def merged(kernel, norm):
            gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
            return kernel * gain[:, None, None, None], norm.bias.double() - norm.running_mean.double() * gain

        weight, bias = merged(self.main.weight.double(), self.norm)
        if self.side is not None:
            w, b = merged(self.side.weight.double(), self.side_norm)
            weight, bias = weight + F.pad(w, (1, 1, 1, 1)), bias + b
        if self.skip_norm is not None:
            eye = torch.eye(weight.shape[0], dtype=torch.float64)[:, :, None, None]
            w, b = merged(eye, self.skip_norm)
            weight, bias = weight + F.pad(w, (1, 1, 1, 1)), bias + b
        return weight, bias


def _bilinear(channels, kernel, stride):
    """Deconvolution weights that interpolate."""
    centre = (kernel - 1) / 2
    line = 1 - torch.abs(torch.arange(kernel) - centre) / stride
    weight = torch.zeros(channels, channels, kernel, kernel)
    weight[range(channels), range(channels)] = line[:, None] * line[None, :]
    return weight


class Net(nn.Module):
    """Runs the table. In training it also returns the coarser scores, for losses of their own."""

    def __init__(self):
        super().__init__()
        self.layers = table()
        self.dropout = nn.Dropout2d(0.1)
        for name, kind, _, q in self.layers:
            if kind == "conv" and not name.startswith("score"):
                module = Branches(q["cin"], q["cout"], q["kernel"], q["pad"])
            elif kind == "conv":
                module = nn.Conv2d(q["cin"], q["cout"], 1)
            elif kind == "deconv":
                shape = q["channels"], q["channels"], q["kernel"], q["stride"], q["pad"]
                module = nn.ConvTranspose2d(*shape, bias=False)
                module.weight.data = _bilinear(q["channels"], q["kernel"], q["stride"])
            else:
                continue
            self.add_module(name, module)

    def forward(self, x):
        values = {"input": x}
        for name, kind, inputs, _ in self.layers:
            args = [values[i] for i in inputs]
            if kind in ("conv", "deconv"):
                x = self.dropout(args[0]) if name == "score_fr" else args[0]
                values[name] = getattr(self, name)(x)
            elif kind == "relu":
                values[name] = F.relu(args[0], inplace=True)
            elif kind == "pool":
                values[name] = F.max_pool2d(args[0], 2)
            else:
                values[name] = args[0] + args[1]
        if self.training:
            return values["scores"], [values[k] for k in ("score_fr", "fuse_pool4", "fuse_pool3")]
        return values["scores"]

    @torch.no_grad()
    def folded(self):
        """Float32 arrays of the exported layers: name -> [weight, bias] or [weight]."""
        out = {}
        for name, kind, _, _ in self.layers:
            if kind not in ("conv", "deconv"):
                continue
            module = getattr(self, name)
            parts = module.fold() if isinstance(module, Branches) else [module.weight, module.bias]
            out[name] = [np.ascontiguousarray(a.detach().cpu().double().numpy().astype(np.float32))
                         for a in parts if a is not None]
        return out


def run_folded(weights, x):
    """The exported network, layer by layer, on an NCHW tensor: what the files must compute."""
    values = {"input": x}
    for name, kind, inputs, q in table():
        args = [values[i] for i in inputs]
        if kind == "conv":
            w, b = (torch.as_tensor(a, dtype=x.dtype, device=x.device) for a in weights[name])
            values[name] = F.conv2d(args[0], w, b, padding=q["pad"])
        elif kind == "deconv":
            w = torch.as_tensor(weights[name][0], dtype=x.dtype, device=x.device)
            values[name] = F.conv_transpose2d(args[0], w, stride=q["stride"], padding=q["pad"])
        elif kind == "relu":
            values[name] = F.relu(args[0])
        elif kind == "pool":
            values[name] = F.max_pool2d(args[0], 2)
        else:
            values[name] = args[0] + args[1]
    return values["scores"]
