#!/usr/bin/env python3
"""Runs ONNX files through Tessera and other runtimes in turns: medians, time to the first result, peak memory, and ratios.

    bench/models --export build/networks --networks fcn8s,resnet50,vgg16
    python3 bench/peers.py build/networks/*.onnx [--precisions fp32,int8] [--threads 2] [--runs 20] [--rounds 3]
                           [--json F] [--chart F.png]

Peers are those of onnxruntime, openvino, ncnn (with pnnx) and OpenCV (cv2) that this Python has, with numpy; INT8 of ONNX Runtime and
OpenVINO is one file with Quantize and Dequantize nodes, made by ONNX Runtime's quantiser from random data (needs onnx, too). Each
round every program runs once as a process of its own, on the same file with the same threads, so that all see the same minutes; the
least of its medians counts. Time to the first result is from the model's file to its first output: of a peer without its imports,
of Tessera the whole process, with empty caches of programs (`cold`), and on the second start, untuned (`warm`). FP32 is 32 bits
everywhere: OpenVINO's bfloat16 is switched off.
"""
import argparse
import importlib.util
import functools
import json
import multiprocessing
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TESSERA = "Tessera"


# ---- what runs in a process of its own: loads a model, runs it, prints one line of JSON


def random_feed(inputs):
    """Values in [-1, 1] by name; `inputs`: pairs of name and shape, whose open extents become 1."""
    import numpy

    random = numpy.random.default_rng(0)
    fixed = [(name, [e if isinstance(e, int) and e > 0 else 1 for e in shape]) for name, shape in inputs]
    return {name: random.uniform(-1, 1, shape).astype(numpy.float32) for name, shape in fixed}


def load_onnxruntime(model, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    feed = random_feed([(t.name, t.shape) for t in session.get_inputs()])
    return lambda: session.run(None, feed)


def load_openvino(model, threads):
    import openvino

    # Without a word it computes in bfloat16 where the processor can.
    core = openvino.Core()
    network = core.read_model(str(model))
    extents = {t.get_any_name(): [1 if e.is_dynamic else e.get_length() for e in t.get_partial_shape()] for t in network.inputs}
    network.reshape(extents)  # as random_feed() closes what a file leaves open
    compiled = core.compile_model(network, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                                                   "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    feed = random_feed(list(extents.items()))
    return lambda: request.infer(feed)


def load_ncnn(model, threads):
    import ncnn

    stem = str(model)[: -len(".ncnn.param")]
    net = ncnn.Net()
    net.opt.num_threads = threads
    for half in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        if hasattr(net.opt, half):
            setattr(net.opt, half, False)
    if net.load_param(stem + ".ncnn.param") or net.load_model(stem + ".ncnn.bin"):
        raise RuntimeError("ncnn does not load " + stem)
    shape = json.loads(pathlib.Path(stem + ".shape.json").read_text())
    values = random_feed([("in0", shape[1:])])["in0"]
    image = ncnn.Mat(values).clone()  # a Mat does not keep the array

    def run():
        extractor = net.create_extractor()
        extractor.input(net.input_names()[0], image)
        for name in net.output_names():  # results must not outlive the extractor
            extractor.extract(name)

    return run


def load_opencv(model, threads):
    import cv2

    cv2.setNumThreads(threads)
    net = cv2.dnn.readNetFromONNX(str(model))
    image = random_feed([("image", onnx_shape(model))])["image"]

    def run():
        net.setInput(image)
        return net.forward(net.getUnconnectedOutLayersNames())

    return run


LOADERS = {"onnxruntime": load_onnxruntime, "openvino": load_openvino, "ncnn": load_ncnn, "opencv": load_opencv}


def measured(load, runs):
    """First result in seconds, and `runs` times in milliseconds, of what load() gives."""
    begin = time.perf_counter()
    run = load()
    run()
    first = time.perf_counter() - begin
    run()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        run()
        times.append((time.perf_counter() - begin) * 1000)
    return {"first_s": first, "median_ms": statistics.median(times)}


def worker(task):
    module = {"opencv": "cv2"}.get(task["peer"], task["peer"])
    __import__(module), __import__("numpy")  # not part of the first result
    print(json.dumps(measured(lambda: LOADERS[task["peer"]](task["model"], task["threads"]), task["runs"])))


# ---- models as the programs want them


def apart(make):
    """What make() returns, made in a process of its own: the memory that it takes would be counted with every later program, which
    begins as a copy of this one."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(make)


def onnx_shape(model):
    """Of the first input that is no constant."""
    import onnx

    graph = onnx.load(str(model), load_external_data=False).graph
    constants = {t.name for t in graph.initializer}
    inputs = [i for i in graph.input if i.name not in constants]
    return [d.dim_value or 1 for d in inputs[0].type.tensor_type.shape.dim]


def quantised(model, folder):
    """The model with Quantize and Dequantize nodes, made once."""
    from onnxruntime import quantization

    target = folder / (model.stem + ".qdq.onnx")
    if target.exists():
        return target

    class Data(quantization.CalibrationDataReader):
        def __init__(self):
            import onnxruntime

            session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
            self.feeds = iter([random_feed([(t.name, t.shape) for t in session.get_inputs()])])

        def get_next(self):
            return next(self.feeds, None)

    import onnx

    loaded = onnx.load(str(model))
    if next(o.version for o in loaded.opset_import if o.domain in ("", "ai.onnx")) < 13:  # scales per channel came with 13
        loaded = onnx.version_converter.convert_version(loaded, 13)
    quantization.quantize_static(loaded, str(target), Data(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                                 activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8)
    return target


def pnnx():
    """The converter, in the path or in Python's package of that name: the package's own script wants torch, too."""
    package = importlib.util.find_spec("pnnx")
    inside = [pathlib.Path(folder) / "pnnx" for folder in (package.submodule_search_locations if package else [])]
    return next((str(file) for file in inside if file.is_file()), None) or shutil.which("pnnx")


def converted_for_ncnn(model, folder):
    target = folder / (model.stem + ".ncnn.param")
    if not target.exists():
        copy = folder / model.name
        shutil.copy(model, copy)
        shape = onnx_shape(model)
        converter = pnnx()
        if not converter:
            raise RuntimeError("there is no pnnx to convert models with")
        subprocess.run([converter, copy.name, "inputshape=" + json.dumps(shape).replace(" ", ""), "fp16=0"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (folder / (model.stem + ".shape.json")).write_text(json.dumps(shape))
    return target


def png(width, height, rows):
    """A PNG file of 8-bit RGB; rows: bytes of each row."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows), 1)) + \
        chunk(b"IEND", b"")


# ---- programs: how each is started on a model


class Peer:
    def __init__(self, name, module, precisions, needs=()):
        self.name, self.module, self.precisions, self.needs = name, module, precisions, needs

    def missing(self):
        """Modules that this Python lacks for it."""
        return [m for m in (self.module, "numpy", *self.needs) if importlib.util.find_spec(m) is None]

    def version(self):
        from importlib import metadata

        for package in (self.module, "opencv-python-headless", "opencv-python"):
            try:
                return metadata.version(package)
            except metadata.PackageNotFoundError:
                continue
        return "?"

    def command(self, model, precision, options):
        if precision == "int8":
            model = apart(functools.partial(quantised, model, options.work))
        elif self.name == "ncnn":
            model = apart(functools.partial(converted_for_ncnn, model, options.work))
        task = {"peer": self.name, "model": str(model), "threads": options.threads, "runs": options.runs}
        return [sys.executable, str(pathlib.Path(__file__).resolve()), "--worker", json.dumps(task)]

    def measure(self, model, precision, options):
        out, _, peak = finished(self.command(model, precision, options))
        return dict(json.loads(out.strip().splitlines()[-1]), peak_mib=peak)


PEERS = [Peer("onnxruntime", "onnxruntime", ("fp32", "int8"), ("onnx",)), Peer("openvino", "openvino", ("fp32", "int8"), ("onnxruntime", "onnx")),
         Peer("ncnn", "ncnn", ("fp32",), ("onnx",)), Peer("opencv", "cv2", ("fp32",), ("onnx",))]


class Tessera:
    name = TESSERA
    precisions = ("fp32", "int8")

    def command(self, model, precision, options, extra):
        command = [str(options.tessera), "bench", str(model), "--layers", "0", "--precision", precision, *extra]
        if options.device:
            command += ["--device", options.device]
        return command + (["--calibration-cache", str(self.calibration(model, options))] if precision == "int8" else [])

    def calibration(self, model, options):
        """From four images of noise, made once: scales for timing, not for accuracy."""
        cache = options.work / (model.stem + ".calibration")
        if cache.exists():
            return cache
        images = options.work / "images"
        images.mkdir(exist_ok=True)
        for i in range(4):
            (images / f"{i}.png").write_bytes(png(256, 256, [os.urandom(256 * 3) for _ in range(256)]))
        preprocess = options.work / "preprocess.json"
        preprocess.write_text(json.dumps({"input": {"channels": "RGB", "mean": [0, 0, 0], "std": [1, 1, 1], "scale": 0.00392,
                                                    "resize": "linear"}}))
        finished([str(options.tessera), "calibrate", str(model), "--preprocess", str(preprocess), "--calibration-images", str(images), "--calibration-cache",
                  str(cache), "--calibration-method", "minmax", *(["--device", options.device] if options.device else [])])
        return cache

    def measure(self, model, precision, options):
        with tempfile.TemporaryDirectory() as folder:
            result = pathlib.Path(folder) / "result.json"
            _, _, peak = finished(self.command(model, precision, options, ["--runs", str(options.runs), "--tune", options.tune,
                                                                           "--json", str(result)]), threads=options.threads)
            found = {"median_ms": json.loads(result.read_text())["latency_ms"]["median"], "peak_mib": peak}
            if options.untuned and options.tune != "off":
                finished(self.command(model, precision, options, ["--runs", str(options.runs), "--tune", "off", "--json", str(result)]),
                         threads=options.threads)
                found["untuned_ms"] = json.loads(result.read_text())["latency_ms"]["median"]
            return found

    def first_results(self, model, precision, options):
        """Seconds of a whole process without and with programs from an earlier one, untuned."""
        with tempfile.TemporaryDirectory() as folder:
            caches = {name: str(pathlib.Path(folder) / name) for name in ("TESSERA_CACHE_DIR", "POCL_CACHE_DIR")}
            for path in caches.values():
                os.mkdir(path)
            command = self.command(model, precision, options, ["--runs", "1", "--warm-up", "0", "--tune", "off"])
            cold, warm = (finished(command, caches, options.threads)[1] for _ in range(2))
            return {"first_s": cold, "warm_s": warm}


def finished(command, environment=None, threads=0):
    """Runs a program to its end: what it printed, its seconds, the MiB of memory it held at most."""
    environment = dict(os.environ, **(environment or {}))
    if threads:
        environment["POCL_MAX_PTHREAD_COUNT"] = str(threads)
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begin
        for file in (output, errors):
            file.seek(0)
        if process.returncode:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: " + errors.read().decode(errors="replace")[-2000:])
        return output.read().decode(errors="replace"), seconds, usage.ru_maxrss / 1024


# ---- results


def combined(rounds):
    """One program's rounds on one network: the least of the medians, the first round's first result, the least of the peaks, since
    Tessera's first round searches and its workers' memory is counted with it."""
    result = {"median_ms": min(r["median_ms"] for r in rounds), "medians_ms": [r["median_ms"] for r in rounds],
              "peak_mib": min(r["peak_mib"] for r in rounds)}
    if all("untuned_ms" in r for r in rounds):
        result["untuned_ms"] = min(r["untuned_ms"] for r in rounds)
    for key in ("first_s", "warm_s"):
        values = [r[key] for r in rounds if key in r]
        if values:
            result[key] = values[0]
    return result


def with_ratios(rows):
    """Adds to each row of Tessera its time through each peer's and through the best peer's, and INT8 through its own FP32."""
    for row in rows:
        if row["program"] != TESSERA:
            continue
        if "untuned_ms" in row:
            row["untuned_to_tuned"] = row["untuned_ms"] / row["median_ms"]
        same = [r for r in rows if r["network"] == row["network"] and r["precision"] == row["precision"] and r is not row]
        row["ratio"] = {r["program"]: row["median_ms"] / r["median_ms"] for r in same}
        if same:
            row["ratio_to_best"] = max(row["ratio"].values())
        own = [r for r in rows if r["network"] == row["network"] and r["program"] == TESSERA and r["precision"] == "fp32"]
        if row["precision"] == "int8" and own:
            row["ratio_to_own_fp32"] = row["median_ms"] / own[0]["median_ms"]
    return rows


def table(rows):
    def cell(row, key, digits=2):
        return f"{row[key]:.{digits}f}" if key in row else "-"

    lines = ["| network | precision | program | median ms | Tessera / it | untuned / it | first result s | warm s | peak MiB |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        own = next((r for r in rows if r["program"] == TESSERA and (r["network"], r["precision"]) == (row["network"], row["precision"])), {})
        ratio = own.get("ratio", {}).get(row["program"])
        said = f"{ratio:.2f}" if ratio else "-"
        if row["program"] == TESSERA and "ratio_to_own_fp32" in row:
            said = f"{row['ratio_to_own_fp32']:.2f} of its FP32"
        lines.append(f"| {row['network']} | {row['precision']} | {row['program']} | {cell(row, 'median_ms')} | {said} | "
                     f"{cell(row, 'untuned_to_tuned')} | {cell(row, 'first_s')} | {cell(row, 'warm_s')} | {cell(row, 'peak_mib', 0)} |")
    return "\n".join(lines)


def draw(rows, file):
    """Bars of times through Tessera's, per network and precision: above 1 Tessera is ahead. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    groups = list(dict.fromkeys((r["network"], r["precision"]) for r in rows))
    programs = list(dict.fromkeys(r["program"] for r in rows))
    times = {(r["network"], r["precision"], r["program"]): r["median_ms"] for r in rows}
    figure, axes = pyplot.subplots(figsize=(max(6, 1.5 * len(groups)), 4))
    width = 0.8 / len(programs)
    for i, program in enumerate(programs):
        bars = [(g, times[(*group, program)] / times[(*group, TESSERA)]) for g, group in enumerate(groups)
                if (*group, program) in times and (*group, TESSERA) in times]
        drawn = axes.bar([g + (i - (len(programs) - 1) / 2) * width for g, _ in bars], [v for _, v in bars], width, label=program)
        axes.bar_label(drawn, fmt="%.2f", fontsize=7)
    axes.axhline(1, color="black", linewidth=0.5)
    axes.set_xticks(range(len(groups)), [f"{network}\n{precision}" for network, precision in groups])
    axes.set_ylabel("time / Tessera's")
    axes.legend()
    figure.tight_layout()
    figure.savefig(file, dpi=120)


def programs_of(options):
    """Tessera and the peers asked for; says on stderr which are missing and why."""
    programs = [Tessera()]
    wanted = options.peers.split(",") if options.peers is not None else None
    for peer in PEERS:
        if wanted is not None and peer.name not in wanted:
            continue
        if lacking := peer.missing():
            print(f"{peer.name}: left out, this Python has no {', '.join(lacking)}", file=sys.stderr)
        else:
            programs.append(peer)
    return programs


def measure_network(model, precision, programs, options):
    """Rows of all programs that can run the model; one that can not is named on stderr."""
    rounds = {p.name: [] for p in programs if precision in p.precisions}
    for turn in range(options.rounds):
        for program in programs:
            if program.name not in rounds:
                continue
            try:
                found = program.measure(model, precision, options)
                if turn == 0 and isinstance(program, Tessera) and options.first_results:
                    found.update(program.first_results(model, precision, options))
                rounds[program.name].append(found)
            except Exception as error:  # one that fails must not end the others' run
                print(f"{program.name} on {model.name}, {precision}: {error}", file=sys.stderr)
                del rounds[program.name]
    return [dict(combined(r), network=model.stem, precision=precision, program=name) for name, r in rounds.items()]


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    facts = dict(reversed([tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line]))
    known = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp") if f in facts.get("flags", facts.get("Features", "")).split()]
    return facts.get("model name", "unknown") + f", {os.cpu_count()} cores, " + " ".join(known)


def parser():
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("models", nargs="*", type=pathlib.Path)
    result.add_argument("--precisions", default="fp32,int8")
    result.add_argument("--peers", help="of onnxruntime, openvino, ncnn, opencv; default: those there are; '' for none")
    result.add_argument("--threads", type=int, default=os.cpu_count())
    result.add_argument("--runs", type=int, default=20)
    result.add_argument("--rounds", type=int, default=3, help="times each program takes its turn")
    result.add_argument("--tune", default="fast", help="Tessera's tuning")
    result.add_argument("--no-untuned", dest="untuned", action="store_false", help="leave out Tessera without tuning")
    result.add_argument("--device", default="cpu", help="Tessera's device")
    result.add_argument("--tessera", type=pathlib.Path, default=ROOT / "build/release/bin/tessera")
    result.add_argument("--no-first-results", dest="first_results", action="store_false")
    result.add_argument("--work", type=pathlib.Path, default=ROOT / "build/peers", help="folder for converted models")
    result.add_argument("--json", type=pathlib.Path)
    result.add_argument("--chart", type=pathlib.Path)
    result.add_argument("--worker", help=argparse.SUPPRESS)
    return result


def main():
    options = parser().parse_args()
    if options.worker:
        worker(json.loads(options.worker))
        return 0
    if not options.models:
        parser().error("no models")
    if options.chart and importlib.util.find_spec("matplotlib") is None:
        parser().error("--chart needs matplotlib")
    options.work.mkdir(parents=True, exist_ok=True)
    programs = programs_of(options)
    versions = {p.name: p.version() for p in programs if isinstance(p, Peer)}
    print(f"{processor()}; {options.threads} threads; " + ", ".join(f"{n} {v}" for n, v in versions.items()) + "\n", flush=True)
    rows = []
    for model in options.models:
        for precision in options.precisions.split(","):
            rows += measure_network(model, precision, programs, options)
            print(f"{model.stem} {precision}: " + ", ".join(f"{r['program']} {r['median_ms']:.2f} ms" for r in rows
                                                            if (r["network"], r["precision"]) == (model.stem, precision)),
                  file=sys.stderr, flush=True)
    print(table(with_ratios(rows)))
    failed = len({(r["network"], r["precision"]) for r in rows}) > sum(r["program"] == TESSERA for r in rows)
    if options.json:
        options.json.write_text(json.dumps({"processor": processor(), "threads": options.threads, "versions": versions, "rows": rows},
                                           indent=1))
    if options.chart:
        draw(rows, options.chart)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
