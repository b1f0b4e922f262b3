"""The examples run as they are written, on what comes with Tessera."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import tessera
from conftest import ROOT

DEMO = ROOT / "apps/segmenter/demo"
EXAMPLES = ROOT / "python/examples"


@pytest.fixture(autouse=True)
def no_records(tmp_path, monkeypatch):
    monkeypatch.setenv("TESSERA_CACHE_DIR", str(tmp_path / "records"))


def run(script, *arguments, code=0):
    done = subprocess.run([sys.executable, EXAMPLES / script, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def check_calibration(folder, said):
    """What the page's command left in `folder`; then again, from the cache without an image to calibrate from."""
    cache, out, image = folder / "net.calibration", folder / "colors.png", DEMO / "images/street_90000.jpg"
    assert "from 1 batches" in said and "layers in INT8" in said and cache.read_text().startswith("tessera-calibration")
    colors = np.asarray(Image.open(out).convert("RGB"))
    labels = np.asarray(Image.open(DEMO / "images/labels" / (image.stem + ".png")))
    assert colors.shape[:2] == labels.shape
    road = (colors == [128, 64, 128]).all(axis=2)
    assert (road & (labels == 3)).sum() > 0.8 * (road | (labels == 3)).sum()  # intersection over union
    again, none = folder / "again.png", folder / "none"
    none.mkdir()
    assert "from the cache" in run("calibrate.py", DEMO / "fcn8s_street.onnx", none, cache, image, again, 5)
    assert out.read_bytes() == again.read_bytes()


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A folder with reference networks, whose weights are seeded random numbers."""
    bench = pathlib.Path(os.environ.get("TESSERA_BIN_DIR", "")) / "bench_models"
    if not bench.is_file():
        pytest.skip("bench_models is not built: it writes the networks")
    folder = tmp_path_factory.mktemp("networks")
    subprocess.run([bench, "--networks", "squeezenet", "resnet50", "yolox_nano", "--export", folder], check=True, stdout=subprocess.DEVNULL)
    return folder


def test_classify(tmp_path, device, networks):
    model = networks / "squeezenet.onnx"
    images = sorted((DEMO / "images").glob("*.*g"))[:2]
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"name of {i}" for i in range(1000)))
    text = run("classify.py", model, *images, "--top", 3, "--labels", labels)
    rows = re.findall(r"^  (0\.\d{4})  (0\.\d{4})  name of (\d+)$", text, re.MULTILINE)
    assert len(rows) == 6 and all(str(image) in text for image in images)
    assert all(abs(float(full) - float(half)) < 0.01 for full, half, _ in rows)
    agreeing, differ, share = re.search(
        r"same class for (\d) of 2 images, confidences differ by (\S+) at most; weights take (\d+)%", text).groups()
    assert 0 < float(differ) < 0.01 and 35 <= int(share) <= 60  # of fp32 weights that Winograd has made larger

    # The first row of each image is what the network says of it.
    sys.path.insert(0, str(EXAMPLES))
    try:
        import classify
    finally:
        sys.path.pop(0)
    engine = tessera.Engine.build(tessera.import_model(model), device)
    for image, first in zip(images, rows[::3]):
        (scores,) = tessera.Context(engine).run({engine.inputs[0].name: classify.prepare(image, 227, 227)}).values()
        probability = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        assert int(first[2]) == scores.argmax() and abs(float(first[0]) - probability.max()) < 1e-4


def check_resnet50(folder, said):
    """Random weights make it sure of a class: the two precisions have to agree on which."""
    rows = re.findall(r"^  ([01]\.\d{4})  ([01]\.\d{4})  class \d+$", said, re.MULTILINE)
    assert float(rows[0][0]) > 0.5 and all(abs(float(full) - float(half)) < 0.01 for full, half in rows)
    share = re.search(r"same class for 2 of 2 images, confidences differ by \S+ at most; weights take (\d+)%", said).group(1)
    assert 45 <= int(share) <= 60


def module_of(script):
    sys.path.insert(0, str(EXAMPLES))
    try:
        return __import__(script)
    finally:
        sys.path.pop(0)


def test_detect(tmp_path):
    """The embedded detector has the outputs of a YOLOv8 without its last layers: three maps."""
    detector, pictures = ROOT / "apps/detector/demo", tmp_path / "pictures"
    pictures.mkdir()
    for image in sorted((detector / "images").glob("*.jpg"))[:3]:
        shutil.copy(image, pictures)
    (pictures / "damaged.jpg").write_bytes(b"no picture")
    text = run("detect.py", detector / "detector_street.onnx", pictures, tmp_path / "out", "--batch", 2)
    assert "damaged.jpg was skipped" in text and "3 pictures" in text
    assert len(re.findall(r"^street_\d+\.jpg: .*car 0\.\d\d", text, re.MULTILINE)) == 3
    drawn = sorted((tmp_path / "out").glob("*_boxes.png"))
    assert len(drawn) == 3
    before = np.asarray(Image.open(pictures / drawn[0].name.replace("_boxes.png", ".jpg")).convert("RGB"))
    after = np.asarray(Image.open(drawn[0]))
    assert 0.005 < (before != after).any(axis=2).mean() < 0.2


def blobs():
    """A network with YOLOX's three outputs: objects where the picture is bright, as large as their cell's stride times four."""
    net = tessera.NetworkBuilder("blobs")
    x = net.input("images", (1, 3, 64, 64))
    for stride in (8, 16, 32):
        weights = np.zeros((7, 3, 1, 1), np.float32)
        weights[4:6] = 1 / 765  # objectness and the first class: the brightness
        bias = np.float32([0.5, 0.5, np.log(4), np.log(4), 0, 0, 0])
        net.output(net.convolution(net.average_pool(x, stride, stride=stride), weights, bias=bias), f"stride{stride}")
    return net.build()


def test_yolox_int8(tmp_path, device, capsys):
    files = []
    for i in range(6):
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[8 * i:8 * i + 8, 16:24] = 250
        files.append(tmp_path / f"{i}.png")
        Image.fromarray(pixels).save(files[-1])
    (tmp_path / "list.txt").write_text("\n".join(f.name for f in files))
    cache = tmp_path / "net.calibration"
    yolox = module_of("yolox_int8")
    listed = tessera.calibration_images([tmp_path / "list.txt"])
    results = yolox.detect(blobs(), listed, files[:2], str(cache), "minmax", threshold=0.8, device=device)
    for i, (exact, coded) in enumerate(results):
        assert len(exact) == len(coded) == 1 and yolox.compare(exact, coded)[0] == 1
        box = coded[0].box
        assert abs((box.left + box.right) / 2 - 20) < 0.6 and abs((box.top + box.bottom) / 2 - 8 * i - 4) < 8 or i == 0
    said = capsys.readouterr().out
    assert "scales from 6 batches" in said and "in INT8" in said and cache.is_file()
    yolox.detect(blobs(), listed, files[:1], str(cache), threshold=0.8, device=device)
    assert "scales from the cache" in capsys.readouterr().out
    assert "none.onnx" in run("yolox_int8.py", tmp_path / "none.onnx", tmp_path / "list.txt", "p.jpg", code=1)


def test_detect_in_a_batch_that_the_model_fixes(tmp_path, device):
    """A model that lays all pictures of a batch end to end runs in its own."""
    net = tessera.NetworkBuilder("cells")
    x = net.input("image", (1, 3, 64, 64))
    weights = np.zeros((8, 3, 16, 16), np.float32)
    for channel in range(3):
        weights[5 + channel, channel] = 1 / 256
    cells = net.convolution(x, weights, bias=np.float32([1] + [0] * 7), stride=16)
    net.output(net.reshape(cells, (1, 8, 4, 4)), "cells")
    (tmp_path / "pictures").mkdir()
    for i in range(3):
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[16:32, 16:32, i] = 255
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{i}.png")
    tessera.Engine.build(net.build(), device)  # as it is
    detect = module_of("detect")
    calls = []

    class Fixed:
        """What import_model() would give of such a file."""
        def __call__(self, file, batch=1, **_):
            calls.append(batch)
            if batch != 1:
                raise tessera.Error("a Reshape mixes the items of a batch")
            return net.build()

    import argparse
    arguments = argparse.Namespace(model="cells.onnx", folder=tmp_path / "pictures", out=tmp_path / "out", preset="fastestdet",
                                   batch=2, threshold=None, labels=None)
    detect.tessera.import_model, real = Fixed(), tessera.import_model
    try:
        detect.main(arguments)
    finally:
        detect.tessera.import_model = real
    assert calls == [2, 1] and len(list((tmp_path / "out").iterdir())) == 3


def test_yolox_nano(tmp_path, networks, device, capsys):
    """The whole network, with its three scales joined."""
    yolox = module_of("yolox_int8")
    images = sorted((DEMO / "calibration").glob("*.jpg"))[:3]
    (tmp_path / "list.txt").write_text("\n".join(map(str, images)))
    graph = tessera.import_model(networks / "yolox_nano.onnx")
    (binding,) = (graph.tensor(i) for i in graph.inputs)
    assert binding.shape == (1, 3, 416, 416)
    listed = tessera.calibration_images([tmp_path / "list.txt"])
    results = yolox.detect(graph, listed, images[:1], str(tmp_path / "c"), "minmax", threshold=0.2, device=device)
    said = capsys.readouterr().out
    print(said)
    share = float(re.search(r"([\d.]+)% of the multiply-adds in INT8", said).group(1))
    assert share > 95 and "scales from 3 batches" in said
    exact, coded = results[0]
    assert len(exact) > 0 and yolox.compare(exact, coded)[0] >= 0.5 * len(exact)


def commands_of(page):
    """The commands of a page's blocks of shell, lines that go on joined."""
    text = (ROOT / "docs/tutorials" / page).read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


PAGES = sorted(page.name for page in (ROOT / "docs/tutorials").glob("python_*.md"))


CHECKS = {"python_calibration.md": check_calibration, "python_classification.md": check_resnet50}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_tutorials_runs(page, tmp_path, networks):
    def copy(source, target, count=None):
        target = tmp_path / target
        target.mkdir(parents=True, exist_ok=True)
        for image in sorted(source.glob("*.*g"))[:count]:
            shutil.copy(image, target)

    (tmp_path / "python").symlink_to(ROOT / "python")
    (tmp_path / "bin").mkdir()
    wrapper = tmp_path / "bin/python3"  # no link: the Python of a virtual environment finds its packages by its path
    wrapper.write_text(f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
    wrapper.chmod(0o755)
    detector = ROOT / "apps/detector/demo"
    copy(DEMO / "calibration", "apps/segmenter/demo/calibration", 5)
    copy(DEMO / "images", "apps/segmenter/demo/images")
    copy(detector / "images", "apps/detector/demo/images", 1)
    copy(detector / "images", "photos", 1)
    copy(DEMO / "calibration", "train", 1)
    for file in (DEMO / "fcn8s_street.onnx", DEMO / "fcn8s_street.json", detector / "detector_street.onnx",
                 detector / "detector_street.json"):
        shutil.copy(file, tmp_path / file.relative_to(ROOT))
    shutil.copy(detector / "detector_street.onnx", tmp_path / "yolov8n.onnx")
    for name in ("cat.jpg", "dog.jpg"):
        shutil.copy(sorted((DEMO / "images").glob("*.jpg"))[0], tmp_path / name)
    (tmp_path / "resnet50.onnx").symlink_to(networks / "resnet50.onnx")
    tessera.export_onnx(blobs(), tmp_path / "yolox_nano.onnx")  # the whole network: test_yolox_nano
    (tmp_path / "coco.txt").write_text("car\nsign\nperson\n")
    (tmp_path / "imagenet_classes.txt").write_text("\n".join(f"class {i}" for i in range(1000)))
    commands = commands_of(page)
    assert commands
    said = ""
    for command in commands:
        environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        said += done.stdout
    if page in CHECKS:
        CHECKS[page](tmp_path, said)


def test_errors_are_said_in_one_line(tmp_path):
    shutil.copy(DEMO / "fcn8s_street.json", tmp_path / "none.json")
    text = run("calibrate.py", tmp_path / "none.onnx", DEMO / "calibration", tmp_path / "c", "i", "o", code=1)
    assert "none.onnx" in text and "Traceback" not in text
    assert "none.onnx" in run("classify.py", tmp_path / "none.onnx", "i.jpg", code=1)
