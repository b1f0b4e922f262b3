"""Networks are defined, built and run on numpy arrays."""
import asyncio
import gc
import threading

import numpy as np
import pytest

import tessera
from conftest import convolutions


def negation(device, tuning, dtype="float32", shape=(2, 3)):
    graph = tessera.Graph("negation")
    graph.mark_output(graph.add("Neg", "minus", [graph.add_input("x", shape, dtype)], output_names=["y"]))
    return tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))


def slow(device, tuning):
    graph = tessera.Graph("slow")
    last = graph.add_input("x", (1, 256, 256))
    for i in range(24):
        last = graph.add("MatMul", f"m{i}", [last, last])
    graph.mark_output(last)
    return tessera.Context(tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning)))


def test_a_network_gives_what_numpy_gives(device, tuning):
    graph, reference = convolutions(batch=2)
    engine = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
    x = np.random.default_rng(1).standard_normal((2, 3, 8, 8)).astype(np.float32)
    y = tessera.Context(engine).run({"x": x})["y"]
    assert y.dtype == np.float32 and y.shape == (2, 8, 1, 1)
    np.testing.assert_allclose(y, reference(x), rtol=1e-5, atol=1e-6)


def test_bindings_say_names_dtypes_and_shapes(device, tuning):
    engine = negation(device, tuning)
    (x,), (y,) = engine.inputs, engine.outputs
    assert [b.name for b in engine.bindings] == ["x", "y"]
    assert (x.dtype, x.shape, x.is_input, x.nbytes) == (np.dtype("float32"), (2, 3), True, 24)
    assert not y.is_input and engine.binding("y").shape == (2, 3)
    assert engine.device.caps.name == device.caps.name
    assert engine.memory.bindings == 48
    assert [layer.op for layer in engine.layers] == ["Neg"] and engine.layers[0].family
    assert "minus" in engine.text() and engine.name == "negation" and engine.precision == "fp32"
    with pytest.raises(tessera.InvalidArgument, match="'z'|z.*x.*y"):
        engine.binding("z")


def test_layouts_of_numpy_are_followed(device, tuning):
    context = tessera.Context(negation(device, tuning))
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    for x in (rows, np.asfortranarray(rows), rows[::-1, ::-1], np.broadcast_to(np.float32(3), (2, 3)),
              np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2]):
        np.testing.assert_array_equal(context.run({"x": x})["y"], -x)
    read_only = rows.copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(context.run({"x": read_only})["y"], -rows)


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64"])
def test_dtypes(device, tuning, dtype):
    x = np.array([[1, -2, 3], [0, 5, -6]], dtype)
    y = tessera.Context(negation(device, tuning, dtype)).run({"x": x})["y"]
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, -x)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint8", "int32", "int64", "bool"])
def test_every_dtype_there_is_passes_unchanged(device, tuning, dtype):
    graph = tessera.Graph("moves")
    graph.mark_output(graph.add("Transpose", "turn", [graph.add_input("x", (2, 3), dtype)], {"perm": [1, 0]}, ["y"]))
    engine = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
    x = np.array([[0, 1, 2], [3, 0, 5]]).astype(dtype)
    y = tessera.Context(engine).run({"x": x})["y"]
    assert y.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(y, x.T)


def test_scalars_and_arrays_without_elements(device, tuning):
    for shape in ((), (0, 3)):
        y = tessera.Context(negation(device, tuning, shape=shape)).run({"x": np.full(shape, 2, np.float32)})["y"]
        assert y.shape == shape
        np.testing.assert_array_equal(y, np.full(shape, -2, np.float32))


@pytest.mark.parametrize("inputs, words", [
    ({}, ["'x' was not given"]),
    ({"x": np.zeros((2, 3))}, ["'x'", "float32", "float64", "astype"]),
    ({"x": np.zeros((2, 3), ">f4")}, ["'x'", "float32", ">f4"]),
    ({"x": np.zeros((3, 2), np.float32)}, ["'x'", "2x3", "3x2"]),
    ({"x": np.zeros((2, 3), np.float32), "y": np.zeros((2, 3), np.float32)}, ["'y' is an output"]),
    ({"no": np.zeros((2, 3), np.float32)}, ["no", "x"]),
    ({"x": "text"}, ["'x'"]),
    ([1], ["mapping", "list"]),
])
def test_wrong_inputs_are_refused_by_name(device, tuning, inputs, words):
    context = tessera.Context(negation(device, tuning))
    with pytest.raises(tessera.InvalidArgument) as refused:
        context.run(inputs)
    for word in words:
        assert word in str(refused.value)
    ones = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(context.run({"x": ones})["y"], -ones)  # and the context goes on


def test_outputs_own_their_memory(device, tuning):
    engine = negation(device, tuning)
    context = tessera.Context(engine)
    y = context.run({"x": np.ones((2, 3), np.float32)})["y"]
    context.run({"x": np.zeros((2, 3), np.float32)})
    del context, engine
    gc.collect()
    np.testing.assert_array_equal(y, -np.ones((2, 3)))
    assert y.flags.writeable and y.flags.c_contiguous


def test_dlpack_goes_in_and_out_without_a_copy(device, tuning):
    class OnlyDlpack:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, stream=None):
            return self.array.__dlpack__()

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    y = tessera.Context(negation(device, tuning)).run({"x": OnlyDlpack(np.ones((2, 3), np.float32))})["y"]
    shared = np.from_dlpack(y)
    assert y.__dlpack_device__() == (1, 0)  # kDLCPU
    y[0, 0] = 7
    assert shared[0, 0] == 7


def test_a_started_run_gives_its_outputs_once_and_again(device, tuning):
    context = tessera.Context(negation(device, tuning))
    x = np.ones((2, 3), np.float32)
    run = context.start({"x": x})
    x[:] = 5  # uploaded already
    outputs = run.result()
    assert run.done()
    np.testing.assert_array_equal(outputs["y"], -np.ones((2, 3)))
    assert run.result() is outputs and context.finish() is outputs
    second = context.start({"x": x})
    np.testing.assert_array_equal(context.finish()["y"], -x)
    np.testing.assert_array_equal(second.result(timeout=10)["y"], -x)
    np.testing.assert_array_equal(run.result()["y"], -np.ones((2, 3)))


def test_a_context_has_one_run_at_a_time(device, tuning):
    context = tessera.Context(negation(device, tuning))
    with pytest.raises(tessera.InvalidArgument, match="no run"):
        context.finish()
    x = np.ones((2, 3), np.float32)
    run = context.start({"x": x})
    for disturb in (lambda: context.start({"x": x}), lambda: context.run({"x": x}), context.execute, context.profile,
                    lambda: context.upload("x", x), lambda: context.download("y")):
        with pytest.raises(tessera.InvalidArgument, match="finish"):
            disturb()
    np.testing.assert_array_equal(run.result()["y"], -x)
    context.run({"x": x})


def test_a_run_that_takes_too_long_times_out_and_goes_on(device, tuning):
    context = slow(device, tuning)
    run = context.start({"x": np.eye(256, dtype=np.float32)[None]})
    if not run.done():
        with pytest.raises(TimeoutError):
            run.result(timeout=0)
    np.testing.assert_array_equal(next(iter(run.result().values()))[0], np.eye(256))


def test_runs_can_be_awaited(device, tuning):
    engine = negation(device, tuning)

    async def both():
        contexts = [tessera.Context(engine) for _ in range(2)]
        runs = [c.start({"x": np.full((2, 3), i, np.float32)}) for i, c in enumerate(contexts)]
        return [(await run)["y"][0, 0] for run in runs]

    assert asyncio.run(both()) == [0, -1]


def test_threads_share_an_engine_and_take_turns_in_a_context(device, tuning):
    engine = negation(device, tuning)
    shared = tessera.Context(engine)
    wrong = []

    def work(number):
        own = tessera.Context(engine)
        x = np.full((2, 3), number, np.float32)
        for context in [own, shared] * 20:
            if not np.array_equal(context.run({"x": x})["y"], -x):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_other_threads_run_while_the_device_does(device, tuning):
    """While one thread is inside run(), another gets the GIL."""
    context = slow(device, tuning)
    x = np.eye(256, dtype=np.float32)[None]
    inside, seen, over = threading.Event(), [], threading.Event()

    def run():
        inside.set()
        context.run({"x": x})
        over.set()

    thread = threading.Thread(target=run)
    thread.start()
    inside.wait()
    while not over.is_set():
        seen.append(1)
        over.wait(0.0005)
    thread.join()
    assert len(seen) > 2


def test_values_can_stay_on_the_device(device, tuning):
    """One context's output is another's input, through OpenCL's handles."""
    engine = negation(device, tuning)
    first, second = tessera.Context(engine), tessera.Context(engine)
    second.bind("x", first.buffer("y"))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    first.upload("x", x)
    done = first.enqueue()
    assert done and first.queue
    second.enqueue(second.queue, [done])
    np.testing.assert_array_equal(second.download("y"), x)
    second.bind("x", None)
    np.testing.assert_array_equal(second.run({"x": x})["y"], -x)
    with pytest.raises(tessera.InvalidArgument, match="no"):
        second.buffer("no")


def test_profiles_have_a_time_for_each_layer(device, tuning):
    graph, _ = convolutions()
    context = tessera.Context(tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning)))
    times = context.profile(runs=2)
    assert [t.layer.name for t in times] == [layer.name for layer in context.engine.layers]
    assert all(t.milliseconds > 0 for t in times) and any(t.layer.op == "Convolution" for t in times)
    assert sum(t.layer.operations for t in times) > 0


def test_outputs_whose_length_depends_on_values(device, tuning):
    graph = tessera.Graph("nms")
    boxes, scores = graph.add_input("boxes", (1, 3, 4)), graph.add_input("scores", (1, 1, 3))
    layer = graph.add_layer("NonMaxSuppression", "nms", [boxes, scores],
                            {"max_output_boxes_per_class": 3, "iou_threshold": 0.5, "score_threshold": 0.1})
    graph.mark_output(layer.outputs[0])
    context = tessera.Context(tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning)))
    corners = np.array([[[0, 0, 1, 1], [0, 0, 1, 1.05], [2, 2, 3, 3]]], np.float32)
    for found, confidences in ((2, [0.9, 0.8, 0.7]), (1, [0.9, 0.8, 0.01])):
        (rows,) = context.run({"boxes": corners, "scores": np.array([[confidences]], np.float32)}).values()
        assert rows.shape == (found, 3) and rows.dtype == np.int64
