#!/usr/bin/env python3
"""Times PyTorch on the reference networks of bench/models, on a CUDA device, and prints JSON.

    python3 bench/gpu_peers.py [--networks fcn8s,resnet50:1,resnet50:32] [--runs 30]

NAME:BATCH, batch 1 where none is given. Every network runs in three ways: eager fp32 without TF32; TF32 in a CUDA graph; fp16 in
channels-last layout in a CUDA graph. Times are medians by events, in milliseconds, on random weights and inputs.
"""
import argparse
import json
import statistics
import sys

import torch
import torchvision
from torch import nn


class Fcn8s(nn.Module):
    """FCN-8s on VGG-16 as bench/reference_networks.cpp builds it."""

    def __init__(self, classes=19):
        super().__init__()
        layers = list(torchvision.models.vgg16(weights=None).features)
        self.to_pool3, self.to_pool4, self.to_pool5 = (nn.Sequential(*layers[a:b]) for a, b in ((0, 17), (17, 24), (24, 31)))
        self.head = nn.Sequential(nn.Conv2d(512, 4096, 7, padding=3), nn.ReLU(True), nn.Conv2d(4096, 4096, 1), nn.ReLU(True),
                                  nn.Conv2d(4096, classes, 1))
        self.score3, self.score4 = nn.Conv2d(256, classes, 1), nn.Conv2d(512, classes, 1)
        self.up2, self.up4 = (nn.ConvTranspose2d(classes, classes, 4, 2, 1, bias=False) for _ in range(2))
        self.up8 = nn.ConvTranspose2d(classes, classes, 16, 8, 4, bias=False)

    def forward(self, x):
        pool3 = self.to_pool3(x)
        pool4 = self.to_pool4(pool3)
        x = self.up2(self.head(self.to_pool5(pool4))) + self.score4(pool4)
        return self.up8(self.up4(x) + self.score3(pool3))


NETWORKS = {
    "fcn8s": (Fcn8s, (512, 1024)),
    "resnet50": (lambda: torchvision.models.resnet50(weights=None), (224, 224)),
    "vgg16": (lambda: torchvision.models.vgg16(weights=None), (224, 224)),
    "mobilenet_v2": (lambda: torchvision.models.mobilenet_v2(weights=None), (224, 224)),
    "squeezenet": (lambda: torchvision.models.squeezenet1_1(weights=None), (227, 227)),
}


def median_ms(run, runs):
    for _ in range(5):
        run()
    times = []
    for _ in range(runs):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def replayed(model, x):
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            model(x)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        model(x)
    return graph.replay


def use_tf32(on):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = on


def measure(name, batch, runs):
    make, size = NETWORKS[name]
    model = make().eval().cuda()
    x = torch.rand(batch, 3, *size, device="cuda") * 2 - 1
    times = {}
    use_tf32(False)
    times["eager fp32"] = median_ms(lambda: model(x), runs)
    use_tf32(True)
    times["TF32 + graph"] = median_ms(replayed(model, x), runs)
    model, x = (t.half().to(memory_format=torch.channels_last) for t in (model, x))
    times["fp16 NHWC + graph"] = median_ms(replayed(model, x), runs)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="fcn8s,resnet50,resnet50:32,vgg16,mobilenet_v2,squeezenet")
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    result = {"device": torch.cuda.get_device_name(), "pytorch": torch.__version__, "networks": []}
    with torch.inference_mode():
        for entry in options.networks.split(","):
            name, _, batch = entry.partition(":")
            batch = int(batch or 1)
            print(f"PyTorch: {name}, batch {batch}", file=sys.stderr)
            result["networks"].append({"name": name, "batch": batch, "ms": measure(name, batch, options.runs)})
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
