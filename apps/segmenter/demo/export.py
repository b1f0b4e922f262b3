#!/usr/bin/env python3
"""Folds the trained network and writes it as ONNX and as Caffe, with one sidecar for both, then checks the files.

Both formats hold the same floats, the same layers in the same order and the same operands in the same order.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

import caffemodel
from data import confusion, load, prepare, report
from network import CLASSES, MEAN, SIZE, STD, Net, run_folded, table

STEM = "fcn8s_street"


def to_onnx(weights):
    nodes, initializers, name_of = [], [], {"input": "input"}
    for name, kind, inputs, q in table():
        tops = [name_of[i] for i in inputs]
        name_of[name] = name
        arrays = dict(zip(("weight", "bias"), weights.get(name, [])))
        for part, array in arrays.items():
            initializers.append(numpy_helper.from_array(array, f"{name}.{part}"))
        operands = tops + [f"{name}.{part}" for part in arrays]
        if kind == "conv":
            attributes = {"kernel_shape": [q["kernel"]] * 2, "strides": [1, 1], "pads": [q["pad"]] * 4}
            nodes.append(helper.make_node("Conv", operands, [name], name=name, **attributes))
        elif kind == "deconv":
            attributes = {"kernel_shape": [q["kernel"]] * 2, "strides": [q["stride"]] * 2, "pads": [q["pad"]] * 4}
            nodes.append(helper.make_node("ConvTranspose", operands, [name], name=name, **attributes))
        elif kind == "pool":
            nodes.append(helper.make_node("MaxPool", operands, [name], name=name, kernel_shape=[2, 2], strides=[2, 2]))
        else:
            nodes.append(helper.make_node({"relu": "Relu", "add": "Add"}[kind], operands, [name], name=name))

    def value(name, channels):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", channels, *SIZE])

    graph = helper.make_graph(nodes, STEM, [value("input", 3)], [value("scores", CLASSES)], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8,
                              producer_name="tessera demo")
    onnx.checker.check_model(model, full_check=True)
    return model


def to_caffe(weights):
    """The prototxt's text, and the layers for the caffemodel."""
    lines = [f'name: "{STEM}"',
             f'layer {{ name: "input" type: "Input" top: "input" '
             f'input_param {{ shape {{ dim: 1 dim: 3 dim: {SIZE[0]} dim: {SIZE[1]} }} }} }}']
    layers = [("input", "Input", [], "input", [])]
    top_of = {"input": "input"}
    for name, kind, inputs, q in table():
        bottoms = [top_of[i] for i in inputs]
        top = bottoms[0] if kind == "relu" else name  # in place
        top_of[name] = top
        if kind == "conv":
            more = (f' convolution_param {{ num_output: {q["cout"]} kernel_size: {q["kernel"]} pad: {q["pad"]} '
                    f'stride: 1 }}')
            layer_type = "Convolution"
        elif kind == "deconv":
            more = (f' convolution_param {{ num_output: {q["channels"]} kernel_size: {q["kernel"]} pad: {q["pad"]} '
                    f'stride: {q["stride"]} bias_term: false }}')
            layer_type = "Deconvolution"
        elif kind == "pool":
            more, layer_type = " pooling_param { pool: MAX kernel_size: 2 stride: 2 }", "Pooling"
        elif kind == "add":
            more, layer_type = " eltwise_param { operation: SUM }", "Eltwise"
        else:
            more, layer_type = "", "ReLU"
        text = " ".join(f'bottom: "{b}"' for b in bottoms)
        lines.append(f'layer {{ name: "{name}" type: "{layer_type}" {text} top: "{top}"{more} }}')
        layers.append((name, layer_type, bottoms, top, weights.get(name, [])))
    return "\n".join(lines) + "\n", layers


def sidecar():
    return {"task": "segmentation",
            "input": {"name": "input", "size": list(SIZE), "channels": "BGR", "mean": list(MEAN), "std": list(STD),
                      "scale": 1.0, "resize": "linear"},
            "output": {"name": "scores"}, "labels": "camvid"}


def verify(out, weights, net):
    """Compares the files with the network they came from; returns the ONNX session."""
    session = onnxruntime.InferenceSession(str(out / f"{STEM}.onnx"), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(5).normal(0, 1, (2, 3, *SIZE)).astype(np.float32)
    with torch.no_grad():
        exact = run_folded(weights, torch.from_numpy(x).double()).numpy()
        trained = net.double()(torch.from_numpy(x).double()).numpy()
    scores = session.run(["scores"], {"input": x})[0]
    size = np.abs(exact).max()
    print(f"largest score {size:.3f}; ONNX Runtime against float64: {np.abs(scores - exact).max() / size:.1e}; "
          f"folded against trained: {np.abs(trained - exact).max() / size:.1e} (relative to the largest score)")
    assert np.abs(scores - exact).max() < 1e-4 * size and np.abs(trained - exact).max() < 1e-5 * size
    stored = {i.name: numpy_helper.to_array(i) for i in onnx.load(out / f"{STEM}.onnx").graph.initializer}
    blobs = caffemodel.read(out / f"{STEM}.caffemodel")
    count = 0
    for name, arrays in weights.items():
        assert len(blobs[name]) == len(arrays)
        for part, array, blob in zip(("weight", "bias"), arrays, blobs[name]):
            assert blob.shape == array.shape and blob.tobytes() == array.tobytes(), name
            assert stored[f"{name}.{part}"].tobytes() == array.tobytes(), name
            count += array.size
    print(f"{count} parameters, the same bits in both files")
    return session


def score(session, images, labels):
    counts = sum(confusion(session.run(["scores"], {"input": prepare(i)[None]})[0][0], a)
                 for i, a in zip(images, labels))
    return report(counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of train.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--camvid", type=Path, help="score the ONNX file on this folder's val set")
    parser.add_argument("--scenes", type=Path, help="and on this folder of rendered scenes")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    net = Net()
    net.load_state_dict(torch.load(args.weights, map_location="cpu", weights_only=True))
    net.eval()
    weights = net.folded()
    onnx.save(to_onnx(weights), args.out / f"{STEM}.onnx")
    prototxt, layers = to_caffe(weights)
    (args.out / f"{STEM}.prototxt").write_text(prototxt)
    caffemodel.write(args.out / f"{STEM}.caffemodel", STEM, layers)
    (args.out / f"{STEM}.json").write_text(json.dumps(sidecar(), indent=1) + "\n")
    session = verify(args.out, weights, net)
    if args.camvid:
        print("CamVid val", json.dumps(score(session, *load(args.camvid / "val", args.camvid / "valannot"))))
    if args.scenes:
        print("scenes", json.dumps(score(session, *load(args.scenes, args.scenes / "labels"))))


if __name__ == "__main__":
    main()
