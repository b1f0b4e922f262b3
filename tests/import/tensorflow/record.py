"""Writes a frozen graph and what TensorFlow computes with it: NAME.pb, and NAME.values.pb, a graph of constants that
have the names of the inputs and outputs. Used by make_*.py only; the tests read the files."""
import pathlib

import numpy as np
import tensorflow as tf

DATA = pathlib.Path(__file__).parent / "data"
random = np.random.default_rng(7)


def values_graph(values):
    """Constants of any names: a colon is written "_slot"."""
    graph = tf.compat.v1.GraphDef()
    for name, value in values.items():
        node = graph.node.add(name=name.replace(":", "_slot"), op="Const")
        value = np.asarray(value)
        node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return graph


def numbers(shape, low=-1.0, high=1.0):
    return random.uniform(low, high, shape).astype(np.float32)


def write_values(name, values):
    DATA.mkdir(exist_ok=True)
    (DATA / (name + ".values.pb")).write_bytes(values_graph(values).SerializeToString(deterministic=True))


def tidy(graph_def):
    """Leaves out what an importer does not read: inferred shapes, and attributes of training."""
    for node in graph_def.node:
        for key in [k for k in node.attr if k.startswith("_")]:
            del node.attr[key]
        node.device = ""
    return graph_def


def save(name, graph_def, feeds, fetches, text=False):
    """feeds: values of placeholders by name; fetches: tensors "node:0" to record."""
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        results = session.run(fetches, {k + ":0": v for k, v in feeds.items()})
    DATA.mkdir(exist_ok=True)
    graph_def = tidy(graph_def)
    if text:
        (DATA / (name + ".pbtxt")).write_text(str(graph_def))
    else:
        (DATA / (name + ".pb")).write_bytes(graph_def.SerializeToString(deterministic=True))
    values = dict(feeds)
    for fetch, result in zip(fetches, results):
        node, slot = fetch.split(":")
        values[node if slot == "0" else fetch] = result
    write_values(name, values)


def operator_case(name, inputs, build, text=False, fixed_shapes=True):
    """inputs: values by name; build(placeholders) returns the results."""
    graph = tf.Graph()
    with graph.as_default():
        placeholders = []
        for key, value in inputs.items():
            shape = value.shape if fixed_shapes else [None] + list(value.shape[1:])
            placeholders.append(tf.compat.v1.placeholder(value.dtype, shape, name=key))
        results = build(*placeholders)
        if not isinstance(results, (list, tuple)):
            results = [results]
        for i, result in enumerate(results):
            tf.identity(result, name="y" if i == 0 else "y%d" % i)
    save(name, graph.as_graph_def(), inputs, ["y:0" if i == 0 else "y%d:0" % i for i in range(len(results))], text)
