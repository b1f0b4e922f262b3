#!/usr/bin/env python3
"""Runs ONNX files through ONNX Runtime and Tessera in turns and prints the ratio of their medians.

Both run on the same machine in the same minutes, so the ratio means something where absolute times drift. Needs
onnxruntime and numpy (in a virtual environment, say) and a built Tessera:

    bench/models --export build/networks --networks fcn8s,resnet50,vgg16
    python3 bench/peers.py build/networks/*.onnx [--threads 2] [--runs 10] [--device cpu]
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent


def peer_milliseconds(model, runs, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    random = numpy.random.default_rng(0)
    feed = {}
    for tensor in session.get_inputs():
        shape = [extent if isinstance(extent, int) else 1 for extent in tensor.shape]
        feed[tensor.name] = random.uniform(-1, 1, shape).astype(numpy.float32)
    for _ in range(2):
        session.run(None, feed)
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        session.run(None, feed)
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def own_milliseconds(model, runs, device):
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "result.json"
        command = [str(ROOT / "build/release/bin/tessera"), "bench", str(model), "--runs", str(runs),
                   "--layers", "0", "--json", str(result)]
        if device:
            command += ["--device", device]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(result.read_text())["latency_ms"]["median"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=0, help="threads of ONNX Runtime (0: all cores)")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2, help="times each takes its turn; the best median counts")
    parser.add_argument("--device", default="", help="Tessera's device")
    arguments = parser.parse_args()

    print(f"ONNX Runtime {onnxruntime.__version__}\n{'model':<40}{'Tessera ms':>12}{'ONNX RT ms':>12}{'ratio':>8}")
    for model in arguments.models:
        own, peer = [], []
        for _ in range(arguments.rounds):
            own.append(own_milliseconds(model, arguments.runs, arguments.device))
            peer.append(peer_milliseconds(model, arguments.runs, arguments.threads))
        print(f"{model.name:<40}{min(own):>12.2f}{min(peer):>12.2f}{min(own) / min(peer):>8.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
