"""Networks written with NetworkBuilder."""
import numpy as np
import pytest

import tessera


def test_a_network_of_typed_functions_gives_what_numpy_gives(device, tuning):
    random = np.random.default_rng(3)
    w = (random.standard_normal((4, 3, 3, 3)) * 0.3).astype(np.float32)
    bias = random.standard_normal(4).astype(np.float32)
    full = (random.standard_normal((5, 4 * 2 * 3)) * 0.3).astype(np.float32)
    net = tessera.NetworkBuilder("built")
    x = net.input("x", (2, 3, 4, 6))
    y = net.relu(net.convolution(x, w, pad=1, bias=bias, name="conv"))
    y = net.max_pool(y, 2, stride=[2, 2])
    assert net.shape(y) == (2, 4, 2, 3)
    y = net.add(y, net.constant(np.float32(0.5).reshape(1, 1, 1, 1), "half"))
    net.output(net.softmax(net.fully_connected(y, full)), "y")
    net.output(net.layer("Neg", [x]), "minus")
    graph = net.build()
    assert graph.name == "built" and any(layer.name == "conv" for layer in graph.layers)

    value = random.standard_normal((2, 3, 4, 6)).astype(np.float32)
    out = tessera.Context(tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))).run({"x": value})
    padded = np.pad(value, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    conv = np.maximum(np.einsum("ncyxij,ocij->noyx", windows, w) + bias[:, None, None], 0)
    pooled = conv.reshape(2, 4, 2, 2, 3, 2).max(axis=(3, 5)) + 0.5
    scores = pooled.reshape(2, -1) @ full.T
    wanted = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(out["y"], wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(out["minus"], -value)


def test_every_function_adds_its_layer():
    net = tessera.NetworkBuilder()
    x = net.input("x", (1, 4, 8, 8))
    ones = np.ones(4, np.float32)
    made = [net.relu(x), net.leaky_relu(x), net.prelu(x, ones.reshape(4, 1, 1)), net.sigmoid(x), net.tanh(x), net.silu(x),
            net.hard_swish(x), net.gelu(x), net.clip(x, 0, 6), net.softmax(x), net.log_softmax(x), net.sub(x, x), net.mul(x, x),
            net.div(x, x), net.batch_norm(x, ones, ones, ones, ones), net.instance_norm(x, ones, ones),
            net.layer_norm(x, np.ones(8, np.float32), np.ones(8, np.float32))]
    assert all(net.shape(value) == (1, 4, 8, 8) for value in made)
    shapes = {(1, 4, 1, 1): [net.global_average_pool(x), net.global_max_pool(x), net.reduce_mean(x, [2, 3])],
              (1, 4, 4, 4): [net.average_pool(x, 2, stride=2), net.resize(x, 4), net.resize(x, [4, 4], mode="nearest")],
              (1, 8, 8, 8): [net.concat([x, x])], (1, 256): [net.flatten(x), net.reshape(x, [0, -1])],
              (1, 8, 8, 4): [net.transpose(x, [0, 2, 3, 1])], (1, 2, 8, 8): [net.slice(x, [0, 1, 0, 0], [1, 2, 8, 8])],
              (1, 4, 10, 10): [net.pad(x, 1)], (1, 4, 9, 11): [net.pad(x, [0, 1, 1, 2])], (1, 1, 8, 8): [net.arg_max(x)],
              (1, 1, 16, 16): [net.depth_to_space(x, 2)], (1, 4, 8, 4): [net.mat_mul(x, net.constant(np.ones((8, 4), np.float32)))],
              (1, 2, 16, 16): [net.deconvolution(x, np.ones((4, 2, 2, 2), np.float32), stride=2)]}
    assert {shape: [net.shape(v) for v in values] for shape, values in shapes.items()} == {
        shape: [shape] * len(values) for shape, values in shapes.items()}


def test_what_does_not_fit_is_refused_by_name():
    net = tessera.NetworkBuilder("wrong")
    x = net.input("x", (1, 4, 8, 8))
    with pytest.raises(tessera.InvalidArgument, match="(?s)conv.*4"):
        net.convolution(x, np.ones((2, 3, 3, 3), np.float32), name="conv")
    with pytest.raises(tessera.InvalidArgument, match="no value 7"):
        net.relu(7)
    with pytest.raises(tessera.InvalidArgument, match="stride"):
        net.max_pool(x, 2, stride=[1, 2, 3])
    with pytest.raises(tessera.InvalidArgument, match="output"):
        net.build()
