"""What the tests share: the device that they run on, and small networks."""
import os
import pathlib

import numpy as np
import pytest

import tessera

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def device():
    return tessera.Device.select(os.environ.get("TESSERA_TEST_DEVICE", ""))


@pytest.fixture
def tuning(tmp_path):
    """Options that neither read nor leave records."""
    return tessera.TuneOptions("off", folder="")


def convolutions(batch=1):
    """Two 3x3 convolutions with ReLU and a pool: enough for INT8, quick to compile. Returns graph and a numpy function."""
    random = np.random.default_rng(7)
    weights = [(random.standard_normal((8, c, 3, 3)) * 0.3).astype(np.float32) for c in (3, 8)]
    graph = tessera.Graph("small")
    last = graph.add_input("x", (batch, 3, 8, 8))
    for i, w in enumerate(weights):
        last = graph.add("Convolution", f"conv{i}", [last, graph.add_constant(f"w{i}", w)], {"pads": [1, 1, 1, 1]})
        last = graph.add("Relu", f"relu{i}", [last])
    graph.mark_output(graph.add("GlobalPool", "pool", [last], {"mode": "average"}, ["y"]))

    def reference(x):
        for w in weights:
            padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
            x = np.maximum(np.einsum("ncyxij,ocij->noyx", windows, w, optimize=True), 0)
        return x.mean(axis=(2, 3), keepdims=True)

    return graph, reference
