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


def test_calibrate(tmp_path):
    image = sorted((DEMO / "images").glob("*.*g"))[0]
    cache, out = tmp_path / "net.calibration", tmp_path / "colors.png"
    arguments = [DEMO / "fcn8s_street.onnx", DEMO / "calibration", cache, image, out, 5]
    first = run("calibrate.py", *arguments)
    assert "from 1 batches" in first and "layers in INT8" in first and cache.read_text().startswith("tessera-calibration")
    colors = np.asarray(Image.open(out).convert("RGB"))
    labels = np.asarray(Image.open(DEMO / "images/labels" / (image.stem + ".png")))
    assert colors.shape[:2] == labels.shape
    road = (colors == [128, 64, 128]).all(axis=2)
    assert (road & (labels == 3)).sum() > 0.8 * (road | (labels == 3)).sum()  # intersection over union
    # Again: from the cache, without an image to calibrate from, and with the same result to the bit.
    arguments[1] = tmp_path
    out.rename(tmp_path / "before.png")
    assert "from the cache" in run("calibrate.py", *arguments)
    assert out.read_bytes() == (tmp_path / "before.png").read_bytes()


def test_classify(tmp_path, device):
    bench = pathlib.Path(os.environ.get("TESSERA_BIN_DIR", "")) / "bench_models"
    if not bench.is_file():
        pytest.skip("bench_models is not built: it writes the network")
    subprocess.run([bench, "--networks", "squeezenet", "--export", tmp_path], check=True, stdout=subprocess.DEVNULL)
    images = sorted((DEMO / "images").glob("*.*g"))[:2]
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"name of {i}" for i in range(1000)))
    text = run("classify.py", tmp_path / "squeezenet.onnx", *images, "--top", 3, "--labels", labels)
    rows = re.findall(r"^  (0\.\d{4})  (0\.\d{4})  name of (\d+)$", text, re.MULTILINE)
    assert len(rows) == 6 and all(str(image) in text for image in images)
    assert all(abs(float(full) - float(half)) < 0.01 for full, half, _ in rows)
    agreeing, differ, share = re.search(
        r"same class for (\d) of 2 images, confidences differ by (\S+) at most; weights take (\d+)%", text).groups()
    assert 0 < float(differ) < 0.01 and 45 <= int(share) <= 60

    # The first row of each image is what the network says of it.
    sys.path.insert(0, str(EXAMPLES))
    try:
        import classify
    finally:
        sys.path.pop(0)
    engine = tessera.Engine.build(tessera.import_model(tmp_path / "squeezenet.onnx"), device)
    for image, first in zip(images, rows[::3]):
        (scores,) = tessera.Context(engine).run({engine.inputs[0].name: classify.prepare(image, 227, 227)}).values()
        probability = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        assert int(first[2]) == scores.argmax() and abs(float(first[0]) - probability.max()) < 1e-4


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


def test_yolox_int8(tmp_path, device, capsys):
    """A network with YOLOX's three outputs: objects where the picture is bright, as large as their cell's stride times four."""
    net = tessera.NetworkBuilder("blobs")
    x = net.input("images", (1, 3, 64, 64))
    for stride in (8, 16, 32):
        weights = np.zeros((7, 3, 1, 1), np.float32)
        weights[4:6] = 1 / 765  # objectness and the first class: the brightness
        bias = np.float32([0.5, 0.5, np.log(4), np.log(4), 0, 0, 0])
        net.output(net.convolution(net.average_pool(x, stride, stride=stride), weights, bias=bias), f"stride{stride}")
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
    results = yolox.detect(net.build(), listed, files[:2], str(cache), "minmax", threshold=0.8, device=device)
    for i, (exact, coded) in enumerate(results):
        assert len(exact) == len(coded) == 1 and yolox.compare(exact, coded)[0] == 1
        box = coded[0].box
        assert abs((box.left + box.right) / 2 - 20) < 0.6 and abs((box.top + box.bottom) / 2 - 8 * i - 4) < 8 or i == 0
    said = capsys.readouterr().out
    assert "scales from 6 batches" in said and "in INT8" in said and cache.is_file()
    yolox.detect(net.build(), listed, files[:1], str(cache), threshold=0.8, device=device)
    assert "scales from the cache" in capsys.readouterr().out
    assert "none.onnx" in run("yolox_int8.py", tmp_path / "none.onnx", tmp_path / "list.txt", "p.jpg", code=1)


def test_errors_are_said_in_one_line(tmp_path):
    shutil.copy(DEMO / "fcn8s_street.json", tmp_path / "none.json")
    text = run("calibrate.py", tmp_path / "none.onnx", DEMO / "calibration", tmp_path / "c", "i", "o", code=1)
    assert "none.onnx" in text and "Traceback" not in text
    assert "none.onnx" in run("classify.py", tmp_path / "none.onnx", "i.jpg", code=1)
