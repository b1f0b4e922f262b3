#!/usr/bin/env python3
"""Folds the trained detector and writes it as ONNX with its sidecar, then checks the file.

Weights are stored in half precision, each behind a Cast to float, which importers fold: half the file.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

from detector_network import BINS, CLASSES, MEAN, OUTPUTS, SIZE, STD, STRIDES, Net, table
from scenes import NAMES

STEM = "detector_street"


def rounded(weights):
    """Weights as the file holds them; biases stay floats."""
    return {name: [weight.astype(np.float16).astype(np.float32), bias] for name, (weight, bias) in weights.items()}


def to_onnx(weights):
    nodes, initializers = [], []
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice")
    for name, kind, inputs, q in table():
        if kind == "conv":
            weight, bias = weights[name]
            initializers += [numpy_helper.from_array(weight.astype(np.float16), f"{name}.weight.half"),
                             numpy_helper.from_array(bias, f"{name}.bias")]
            nodes.append(helper.make_node("Cast", [f"{name}.weight.half"], [f"{name}.weight"], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Conv", inputs + [f"{name}.weight", f"{name}.bias"], [name], name=name,
                                          kernel_shape=[q["kernel"]] * 2, strides=[q["stride"]] * 2,
                                          pads=[q["pad"]] * 4))
        elif kind == "up":
            nodes.append(helper.make_node("Resize", inputs + ["", "twice"], [name], name=name, mode="nearest",
                                          coordinate_transformation_mode="asymmetric", nearest_mode="floor"))
        else:
            nodes.append(helper.make_node({"relu": "Relu", "add": "Add"}[kind], inputs, [name], name=name))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT,
                                             ["N", 4 * BINS + CLASSES, SIZE[0] // s, SIZE[1] // s])
               for name, s in zip(OUTPUTS, STRIDES)]
    graph = helper.make_graph(nodes, STEM, [helper.make_tensor_value_info("input", TensorProto.FLOAT,
                                                                          ["N", 3, *SIZE])],
                              outputs, initializers + [scales])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8,
                              producer_name="tessera demo")
    onnx.checker.check_model(model, full_check=True)
    return model


def sidecar():
    return {"task": "detection", "preset": "yolov8",
            "input": {"name": "input", "size": list(SIZE), "channels": "BGR", "mean": list(MEAN), "std": list(STD),
                      "scale": 1.0, "resize": "area", "fit": "stretch"},
            "output": {"threshold": 0.4, "overlap": 0.6},
            "labels": [{"name": NAMES[0], "color": [235, 140, 30]}, {"name": NAMES[1], "color": [225, 40, 90]},
                       {"name": NAMES[2], "color": [40, 170, 90]}]}


def run_rounded(weights, x):
    """What the file must compute, in the type of x."""
    values = {"input": x}
    for name, kind, inputs, q in table():
        args = [values[i] for i in inputs]
        if kind == "conv":
            w, b = (torch.as_tensor(a, dtype=x.dtype) for a in weights[name])
            values[name] = F.conv2d(args[0], w, b, stride=q["stride"], padding=q["pad"])
        elif kind == "relu":
            values[name] = F.relu(args[0])
        elif kind == "up":
            values[name] = F.interpolate(args[0], scale_factor=2, mode="nearest")
        else:
            values[name] = args[0] + args[1]
    return [values[name] for name in OUTPUTS]


def verify(file, weights, net):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(5).normal(0, 1, (2, 3, *SIZE)).astype(np.float32)
    got = session.run(list(OUTPUTS), {"input": x})
    with torch.no_grad():
        exact = [v.numpy() for v in run_rounded(weights, torch.from_numpy(x).double())]
        trained = [v.numpy() for v in net.double()(torch.from_numpy(x).double())]
    for name, a, b, c in zip(OUTPUTS, got, exact, trained):
        size = np.abs(b).max()
        print(f"{name}: largest value {size:.2f}; ONNX Runtime against float64 {np.abs(a - b).max() / size:.1e}; "
              f"half against trained {np.abs(b - c).max() / size:.1e}")
        assert np.abs(a - b).max() < 1e-4 * size and np.abs(b - c).max() < 0.02 * size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of train_detector.py")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    net = Net()
    net.load_state_dict(torch.load(args.weights, map_location="cpu", weights_only=True))
    net.eval()
    weights = rounded(net.folded())
    file = args.out / f"{STEM}.onnx"
    onnx.save(to_onnx(weights), file)
    (args.out / f"{STEM}.json").write_text(json.dumps(sidecar(), indent=1) + "\n")
    verify(file, weights, net)
    print(f"{sum(a.size for pair in weights.values() for a in pair)} parameters, {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
