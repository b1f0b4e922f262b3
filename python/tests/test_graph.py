"""Graphs are defined and looked at; models are imported."""
import copy
import pathlib

import numpy as np
import pytest

import tessera
from conftest import ROOT, convolutions

DEMO = ROOT / "apps/segmenter/demo"


def test_a_graph_is_what_was_added():
    graph, _ = convolutions()
    assert [layer.op for layer in graph.layers] == ["Convolution", "Relu", "Convolution", "Relu", "GlobalPool"]
    conv = graph.layers[0]
    assert conv.attrs == {"pads": [1, 1, 1, 1]} and conv.name == "conv0"
    x, w = (graph.tensor(i) for i in conv.inputs)
    assert (x.name, x.shape, x.dtype, x.constant) == ("x", (1, 3, 8, 8), np.dtype("float32"), None)
    assert w.constant.shape == (8, 3, 3, 3) and w.name == "w0"
    assert graph.inputs == [graph.find_tensor("x")] and graph.outputs == [graph.find_tensor("y")]
    assert graph.find_tensor("nobody") is None
    assert graph.producer(graph.inputs[0]) is None and graph.producer(graph.outputs[0]) == 4
    assert graph.consumers(conv.outputs[0]) == [1] and graph.is_output(graph.outputs[0])
    graph.verify()


def test_equal_graphs_have_equal_text_and_hash():
    one, other = convolutions()[0], convolutions()[0]
    assert one.text() == other.text() and one.hash() == other.hash()
    for kept in (one.copy(), copy.copy(one), copy.deepcopy(one)):
        assert kept.hash() == one.hash()
        kept.mark_output(kept.layers[0].outputs[0])
        assert len(one.outputs) == 1
    assert convolutions(batch=2)[0].text() != one.text()


def test_attributes_keep_their_kinds():
    graph = tessera.Graph()
    x = graph.add_input("x", [1, 4, 6, 6])
    pool = graph.add_layer("Pool", "pool", [x], {"mode": "max", "kernel": np.array([2, 2]), "strides": (2, 2),
                                                 "ceil_mode": True})
    assert pool.attrs == {"mode": "max", "kernel": [2, 2], "strides": [2, 2], "ceil_mode": 1}
    leaky = graph.add_layer("LeakyRelu", "leaky", [pool.outputs[0]], {"alpha": np.float32(0.25)})
    assert leaky.attrs == {"alpha": 0.25}
    for wrong in ({"alpha": None}, {"alpha": [1, "x"]}, {"alpha": {}}):
        with pytest.raises(tessera.InvalidArgument, match="alpha"):
            graph.add("LeakyRelu", "wrong", [x], wrong)


def test_what_an_operator_refuses_names_layer_and_reason():
    graph = tessera.Graph()
    x = graph.add_input("x", (1, 4, 6, 6))
    with pytest.raises(tessera.InvalidArgument, match="mixed"):
        graph.add("MatMul", "mixed", [x, graph.add_input("z", (5, 5))])
    with pytest.raises(tessera.Error, match="NoSuchOp"):
        graph.add("NoSuchOp", "mixed", [x])
    with pytest.raises(tessera.InvalidArgument, match="99"):
        graph.add("Neg", "minus", [99])
    with pytest.raises(tessera.InvalidArgument, match="99"):
        graph.mark_output(99)
    with pytest.raises(tessera.InvalidArgument, match="float64.*float32"):
        graph.add_input("y", (1,), "float64")
    with pytest.raises(tessera.InvalidArgument, match="'c'.*float64"):
        graph.add_constant("c", [1.5])


def test_absent_operands_are_none():
    graph = tessera.Graph()
    x = graph.add_input("x", (1, 4, 6, 6))
    w = graph.add_constant("w", np.ones((2, 4, 1, 1), np.float32))
    layer = graph.add_layer("Convolution", "conv", [x, w, None, x if False else None], {"activation": "Relu"})
    assert layer.inputs == [x, w, None, None]


def test_passes_can_be_run_and_left_out():
    graph, _ = convolutions()
    kept = graph.copy()
    names = [p.name for p in tessera.all_passes()]
    assert names and all(p.purpose for p in tessera.all_passes())
    tessera.optimize(graph)
    assert len(graph.layers) < len(kept.layers)
    before = kept.text()
    tessera.optimize(kept, names)
    assert kept.text() == before
    with pytest.raises(tessera.InvalidArgument, match="no-such-pass"):
        tessera.optimize(kept, ["no-such-pass"])


def test_models_are_imported_with_shapes():
    graph = tessera.import_model(DEMO / "fcn8s_street.onnx", batch=2)
    assert graph.tensor(graph.inputs[0]).shape == (2, 3, 352, 480)
    caffe = tessera.import_model(f"{DEMO}/fcn8s_street.prototxt,{DEMO}/fcn8s_street.caffemodel")
    assert caffe.tensor(caffe.inputs[0]).shape[1:] == (3, 352, 480)
    small = tessera.import_onnx(DEMO / "fcn8s_street.onnx", input_shapes={"input": (1, 3, 64, 96)})
    assert small.tensor(small.outputs[0]).shape == (1, 11, 64, 96)
    asked = []
    tessera.import_model(DEMO / "fcn8s_street.onnx", open_shape=lambda name, declared: asked.append((name, declared)))
    assert asked in ([], [("input", [-1, 3, 352, 480])])
    assert len(tessera.import_caffe(DEMO / "fcn8s_street.prototxt", DEMO / "fcn8s_street.caffemodel").layers) > 10


def test_what_the_callback_raises_comes_through():
    def refuse(name, declared):
        raise LookupError("not this one")

    path = DEMO / "fcn8s_street.onnx"
    graph = tessera.import_model(path)
    try:
        tessera.import_model(path, open_shape=refuse)
    except LookupError as error:
        assert "not this one" in str(error)
    else:  # the model leaves nothing open that a batch does not close
        assert graph.tensor(graph.inputs[0]).shape[0] == 1


def test_bad_models_are_refused_by_name(tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(tessera.BadModel, match="broken.onnx") as refused:
        tessera.import_model(broken)
    assert refused.value.code == "BadModel" and isinstance(refused.value, tessera.Error)
    with pytest.raises(tessera.Error, match="none.onnx"):
        tessera.import_model(pathlib.Path("none.onnx"))
    with pytest.raises(TypeError):
        tessera.import_model(broken, no_such_option=1)
    with pytest.raises(tessera.InvalidArgument, match="nobody"):
        tessera.import_model(DEMO / "fcn8s_street.onnx", input_shapes={"nobody": (1,)})


def test_plugins_compute_layers_of_graphs():
    assert tessera.load_plugins(ROOT / "docs/plugins/pixel_norm/pixel_norm.json") == ["PixelNorm"]
    graph = tessera.Graph("norm")
    x = graph.add_input("x", (1, 2, 2, 2))
    graph.mark_output(graph.add("PixelNorm", "norm", [x], {"epsilon": 0.5}))
    assert [layer.op for layer in graph.layers] == ["PixelNorm"]
    with pytest.raises(tessera.InvalidArgument, match="none.json"):
        tessera.load_plugins("none.json")
