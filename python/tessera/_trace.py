"""Traces of runs as files."""
import json


def _events(context):
    layers = context.engine.layers
    launches = context.trace()

    def named(what, track, name):
        return {"name": what, "ph": "M", "pid": 1, "tid": track, "args": {"name": name}}

    def span(track, name, category, begin, end, arguments):  # milliseconds here, microseconds there
        return {"name": name, "cat": category, "ph": "X", "pid": 1, "tid": track, "ts": begin * 1e3,
                "dur": (end - begin) * 1e3, "args": arguments}

    device = context.engine.device.caps.name
    yield named("process_name", 1, f"{context.engine.name} on {device}")
    yield named("thread_name", 1, "layers")
    yield named("thread_name", 2, "kernels")
    spans = {}
    for launch in launches:
        begin, end = spans.get(launch.layer, (launch.begin, launch.end))
        spans[launch.layer] = begin, max(end, launch.end)
        yield span(2, launch.kernel, "kernel", launch.begin, launch.end, {"layer": layers[launch.layer].name})
    for index, (begin, end) in spans.items():
        layer = layers[index]
        yield span(1, layer.name, layer.op, begin, end,
                   {"family": layer.family, "tactic": layer.tactic, "precision": layer.precision})


def write_trace(file, context):
    """Runs the network once on what lies in the inputs' buffers, and writes what the device did as a trace that Perfetto and
    chrome://tracing open: a track of layers, a track of kernels. As `tessera bench --trace`."""
    text = json.dumps({"traceEvents": list(_events(context)), "displayTimeUnit": "ms"})
    with open(file, "w", encoding="utf-8") as out:
        out.write(text)
