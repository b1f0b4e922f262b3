"""Shapes that change, runs that are cancelled, memory of the caller's, and a pool of contexts."""
import concurrent.futures

import numpy as np
import pytest

import tessera


def doubled(shapes, fixed=(1, 2, 3)):
    graph = tessera.Graph("doubled")
    x = graph.add_input("x", shapes.get("x", fixed))
    graph.mark_output(graph.add("Add", "sum", [x, x], output_names=["y"]))
    return graph


def ranged(device, tuning):
    profile = {"x": tessera.ShapeRange((1, 2, 3), (2, 2, 3), (4, 2, 3))}
    return tessera.Engine.build(doubled, device, tessera.EngineOptions(tuning=tuning, shapes=profile))


def test_a_context_takes_every_shape_of_the_profile(device, tuning):
    engine = ranged(device, tuning)
    assert engine.shapes["x"].max == (4, 2, 3) and engine.shapes["x"].contains((3, 2, 3))
    assert engine.shapes == {"x": tessera.ShapeRange((1, 2, 3), (2, 2, 3), (4, 2, 3))}
    context = tessera.Context(engine)
    assert context.binding("x").shape == (4, 2, 3)
    for batch in (1, 3, 4):
        context.set_shape("x", (batch, 2, 3))
        assert [b.shape for b in context.bindings] == [(batch, 2, 3)] * 2
        x = np.arange(batch * 6, dtype=np.float32).reshape(batch, 2, 3)
        np.testing.assert_array_equal(context.run({"x": x})["y"], 2 * x)
    context.set_shapes({"x": (2, 2, 3)})
    assert context.start({"x": np.ones((2, 2, 3), np.float32)}).result()["y"].sum() == 24
    with pytest.raises(tessera.InvalidArgument, match="x"):
        context.set_shape("x", (5, 2, 3))
    with pytest.raises(tessera.InvalidArgument, match="'x' wants"):
        context.run({"x": np.ones((4, 2, 3), np.float32)})


def test_what_the_callable_raises_comes_out_of_build(device, tuning):
    def broken(shapes):
        raise KeyError(str(shapes["x"]))

    profile = {"x": tessera.ShapeRange((1, 2), (1, 2), (4, 2))}
    with pytest.raises(KeyError):
        tessera.Engine.build(broken, device, tessera.EngineOptions(tuning=tuning, shapes=profile))


def test_a_budget_of_memory_is_kept(device, tuning):
    with pytest.raises(tessera.OutOfMemory, match="budget"):
        tessera.Engine.build(doubled({}), device, tessera.EngineOptions(tuning=tuning, memory_budget=8))


def test_a_pool_joins_requests_and_keeps_errors_apart(device, tuning):
    pool = tessera.EnginePool([ranged(device, tuning)], contexts=2, delay=0.01)
    inputs = [np.full((1 + i % 2, 2, 3), i, np.float32) for i in range(12)]
    futures = [pool.submit({"x": x}) for x in inputs]
    wrong = pool.submit({"z": inputs[0]})
    assert all(isinstance(future, concurrent.futures.Future) for future in futures)
    for future, x in zip(futures, inputs):
        np.testing.assert_array_equal(future.result(30)["y"], 2 * x)
    with pytest.raises(tessera.InvalidArgument, match="x"):
        wrong.result(30)
    pool.finish()
    with pytest.raises(tessera.InvalidArgument):
        pool.submit({"x": inputs[0]})
    with pytest.raises(tessera.InvalidArgument):
        tessera.EnginePool([])


def test_cancel_ends_a_run(device, tuning):
    graph = tessera.Graph("slow")
    last = graph.add_input("x", (1, 128, 128))
    for i in range(200):
        last = graph.add("MatMul", f"m{i}", [last, last])
    graph.mark_output(last)
    engine = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
    context = tessera.Context(engine, cancellable=True)
    context.cancel()  # nothing runs
    x = {"x": np.zeros((1, 128, 128), np.float32)}
    assert context.run(x)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        for _ in range(200):  # the run may be over before it is cancelled
            run = thread.submit(context.run, x)
            while not run.done():
                context.cancel()
            if run.exception():
                break
    assert isinstance(run.exception(), tessera.Cancelled) and issubclass(tessera.Cancelled, tessera.DeviceError)
    assert context.run(x), "the context goes on"


def test_a_run_uses_the_memory_of_the_caller(device, tuning):
    if not device.caps.is_cpu:
        pytest.skip("only CPUs share the host's memory")
    context = tessera.Context(tessera.Engine.build(doubled({}), device, tessera.EngineOptions(tuning=tuning)))
    align, size = device.caps.address_align, 6

    def aligned():
        raw = np.zeros(size * 4 + align, np.uint8)
        start = -raw.ctypes.data % align
        return raw[start:start + size * 4].view(np.float32).reshape(1, 2, 3)

    x, y = aligned(), aligned()
    x[:] = np.arange(6).reshape(1, 2, 3)
    context.bind_host("x", x)
    context.bind_host("y", y)
    context.execute()
    np.testing.assert_array_equal(y, 2 * np.arange(6).reshape(1, 2, 3))
    context.bind("x", None)
    context.bind("y", None)
    np.testing.assert_array_equal(context.run({"x": x})["y"], 2 * x)
    with pytest.raises(tessera.InvalidArgument):
        context.bind_host("nothing", x)
