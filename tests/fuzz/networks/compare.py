#!/usr/bin/env python3
"""Compares Tessera with ONNX Runtime on random networks, and Tessera's ways to run a network with each other.

    PYTHONPATH=build/release/python python3 tests/fuzz/networks/compare.py [--seeds 0:200] [--size 9] [--checks fp32,fp16,..] [--keep F]

Needs numpy, onnx and onnxruntime. Every seed is a network of its own, the same on every machine. Checks:
    fp32    outputs against ONNX Runtime's, whose graph optimisations are off
    fp16    against Tessera's fp32
    plan    saved, loaded: the same bits
    one     in one launch: the same bits as a launch for each step, where the device takes it
    ordered deterministic sums against plain ones
    tune    searched for some seconds: against untuned
    int8    calibrated by minmax: near fp32; plan and one launch: the same bits
    given   quantised by ONNX Runtime (QDQ or QLinear operators, u8 or s8, per channel or not): its outputs against Tessera's INT8
    qdq     the INT8 network exported: ONNX Runtime's outputs, and Tessera's of the export, against the INT8 network's
Prints a line for each network with a fault, and keeps its model in --keep. What can not be run is refused by both or counted.
"""
import argparse
import collections
import logging
import pathlib
import random
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import tessera
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from makers import MAKERS  # noqa: E402
from network import Network  # noqa: E402

CHECKS = ["fp32", "fp16", "plan", "one", "ordered", "tune", "int8", "qdq", "given"]
# Root of the mean square of the difference by that of the values, which no check may pass.
LIMITS = {"fp32": 1e-4, "fp16": 2e-2, "ordered": 1e-4, "tune": 1e-3, "int8": 0.5, "qdq": 0.15, "given": 0.05}


class Batches(tessera.Calibrator):
    def __init__(self, feeds):
        super().__init__()
        self.feeds, self.size = list(feeds), next(iter(feeds[0].values())).shape[0]

    def batch_size(self):
        return self.size

    def next_batch(self):
        return self.feeds.pop(0) if self.feeds else None


class Feeds(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = list(feeds)

    def get_next(self):
        return self.feeds.pop(0) if self.feeds else None


def reference(path, feed):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feed)))


def far(wanted, found, limit):
    """What is wrong with `found`: "" where each output is within `limit`."""
    wrong = []
    for name, a in wanted.items():
        b = found[name]
        if a.shape != b.shape:
            wrong.append(f"{name} has shape {b.shape}, not {a.shape}")
            continue
        finite = np.isfinite(a)
        if not np.array_equal(finite, np.isfinite(b)):
            wrong.append(f"{name} is finite elsewhere")
        elif finite.any():
            a, b = a[finite].astype(np.float64), b[finite].astype(np.float64)
            off = np.sqrt(np.mean((a - b) ** 2) / (np.mean(a**2) + 1e-12))
            if off > limit:
                wrong.append(f"{name} is off by {off:.1e}")
    return "; ".join(wrong)


def differs(wanted, found):
    return "; ".join(name for name, a in wanted.items() if a.tobytes() != found[name].tobytes())


class Case:
    """One network, and what the checks share."""

    def __init__(self, seed, size, folder, device):
        net = Network(seed)
        net.add_inputs()
        net.grow(MAKERS, size)
        model = net.model()
        self.folder, self.device, self.path = folder, device, folder / f"{net.name}.onnx"
        onnx.save(model, self.path)
        names = [i.name for i in model.graph.input]
        self.feeds = [{n: np.random.default_rng([seed, k]).normal(0, 1, net.shapes[n]).astype(np.float32) for n in names} for k in range(3)]
        self.plain = self.run(self.engine())

    def engine(self, path=None, **options):
        return tessera.Engine.build(tessera.import_model(str(path or self.path)), self.device, tessera.EngineOptions(**options))

    def run(self, engine):
        return tessera.Context(engine).run(self.feeds[0])

    def through_plan(self, engine):
        file = self.folder / "saved.plan"
        engine.save(str(file))
        return self.run(tessera.Engine.load(str(file), self.device))

    def in_one_launch(self, wanted, **options):
        try:
            return differs(wanted, self.run(self.engine(launches="one", **options)))
        except tessera.Unsupported:
            return ""

    def fp32(self):
        return far(reference(self.path, self.feeds[0]), self.plain, LIMITS["fp32"])

    def fp16(self):
        return far(self.plain, self.run(self.engine(precision="fp16")), LIMITS["fp16"])

    def plan(self):
        return differs(self.plain, self.through_plan(self.engine()))

    def one(self):
        return self.in_one_launch(self.plain)

    def ordered(self):
        return far(self.plain, self.run(self.engine(deterministic=True)), LIMITS["ordered"])

    def tune(self):
        tuning = tessera.TuneOptions("fast", seconds=4, folder="", verify=True)
        return far(self.plain, self.run(self.engine(tuning=tuning)), LIMITS["tune"])

    def calibration(self):
        options = tessera.CalibrationOptions("minmax")
        return tessera.calibrate(tessera.import_model(str(self.path)), self.device, Batches(self.feeds), options).calibration

    def int8(self):
        options = {"precision": "int8", "calibration": self.calibration()}
        engine = self.engine(**options)
        found = self.run(engine)
        return (far(self.plain, found, LIMITS["int8"]) or differs(found, self.through_plan(engine)) or self.in_one_launch(found, **options))

    def given(self):
        file, draw = self.folder / "given.onnx", random.Random(str(self.path.name))
        how = {"per_channel": draw.choice([False, True]),
               "quant_format": draw.choice([QuantFormat.QDQ, QuantFormat.QDQ, QuantFormat.QOperator]),
               "activation_type": draw.choice([QuantType.QUInt8, QuantType.QInt8]),
               "weight_type": draw.choice([QuantType.QInt8, QuantType.QInt8, QuantType.QUInt8])}
        try:
            quantize_static(str(self.path), str(file), Feeds(self.feeds), **how)
        except Exception as error:  # whatever its quantiser stumbles over
            raise tessera.Unsupported(str(error)) from error
        if b"QuantizeLinear" not in file.read_bytes():
            return ""  # nothing that it quantises
        return far(reference(file, self.feeds[0]), self.run(self.engine(file, precision="int8")), LIMITS["given"])

    def qdq(self):
        calibration, file = self.calibration(), self.folder / "exported.onnx"
        found = self.run(self.engine(precision="int8", calibration=calibration))
        tessera.export_qdq(tessera.import_model(str(self.path)), calibration, str(file))
        peer = reference(file, self.feeds[0])
        return far(peer, found, LIMITS["qdq"]) or far(peer, self.run(self.engine(file, precision="int8")), LIMITS["qdq"])


def check(seed, given, folder):
    """Names of what is wrong with the network of a seed, and how often something was refused."""
    wrong, refused = [], 0
    try:
        case = Case(seed, given.size, folder, given.device)
        for name in given.checks.split(","):
            try:
                why = getattr(case, name)()
            except (tessera.Unsupported, onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument):
                refused, why = refused + 1, ""
            except tessera.InvalidArgument as error:
                if "has no layer that could run in INT8" not in str(error):
                    raise
                why = ""
            if why:
                wrong.append(f"{name}: {why}")
    except tessera.Error as error:
        wrong.append(f"{type(error).__name__}: {error}")
    return wrong, refused


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0:200", help="first:behind the last")
    parser.add_argument("--size", type=int, default=9, help="nodes of a network, about")
    parser.add_argument("--checks", default="fp32,fp16,plan,one,int8,given,qdq", help=f"of {','.join(CHECKS)}")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the models of networks with faults")
    given = parser.parse_args()
    if unknown := set(given.checks.split(",")) - set(CHECKS):
        parser.error(f"no check {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    logging.disable()  # the quantiser advises preprocessing
    found = collections.Counter()
    for seed in range(*map(int, given.seeds.split(":"))):
        with tempfile.TemporaryDirectory() as folder:
            wrong, refused = check(seed, given, pathlib.Path(folder))
            found.update(networks=1, faults=bool(wrong), refused=refused)
            for line in wrong:
                print(f"seed {seed}: {line}", flush=True)
            if wrong and given.keep:
                given.keep.mkdir(parents=True, exist_ok=True)
                for model in pathlib.Path(folder).glob("network*.onnx"):
                    (given.keep / model.name).write_bytes(model.read_bytes())
    print(f"{found['networks']} networks, {found['faults']} with faults, {found['refused']} checks refused")
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
