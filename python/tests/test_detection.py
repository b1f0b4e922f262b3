"""Boxes and classes from outputs by plain functions, and Runners whose outputs no preset describes."""
import numpy as np
import pytest

import tessera

ROWS = np.array([[10, 20, 30, 40, 0.9, 0], [11, 21, 31, 41, 0.8, 0], [50, 50, 60, 70, 0.6, 1], [0, 0, 5, 5, 0.1, 1]], np.float32)


def rows_engine(device, tuning):
    """A network that takes an image and gives ROWS whatever it shows."""
    graph = tessera.Graph("rows")
    image = graph.add_input("image", (1, 3, 64, 64))
    nothing = graph.add("Mul", "nothing", [image, graph.add_constant("zero", np.zeros((1,), np.float32))])
    pooled = graph.add("Reshape", "flat", [graph.add("GlobalPool", "pool", [nothing], {"mode": "average"})], {"shape": [1, 3, 1]})
    first = graph.add("Slice", "first", [pooled], {"starts": [0, 0, 0], "sizes": [1, 1, 1]})
    graph.mark_output(graph.add("Add", "sum", [first, graph.add_constant("rows", ROWS[None])], {}, ["boxes"]))
    return tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))


def test_formats_of_the_users_own(device, tuning):
    engine = rows_engine(device, tuning)
    options = tessera.DetectionOptions([tessera.DetectionFormat(layout="rows")])
    decoder = tessera.DetectionDecoder(engine.bindings, 1, 64, 64, options)
    assert decoder.outputs == ["boxes"] and decoder.format.layout == "rows"
    boxes = decoder.decode({"boxes": ROWS[None]})
    assert [(b.index, round(b.score, 3), b.box.left, b.box.bottom) for b in boxes] == \
        [(0, 0.9, 10, 40), (0, 0.8, 11, 41), (1, 0.6, 50, 70)]
    kept = tessera.suppress(boxes)
    assert [b.box for b in kept] == [boxes[0].box, boxes[2].box]
    assert tessera.suppress(boxes, tessera.SuppressionOptions("none")) == boxes
    runner = tessera.Runner(engine, tessera.RunnerOptions(preprocess=tessera.ImagePreprocess(), detection=options))
    assert runner.engine.name == "rows" and runner.engine.bindings[0].name == "image"
    answer = runner.run(np.zeros((128, 64, 3), np.uint8))
    assert [(o.index, o.box.left, o.box.top) for o in answer.objects] == [(0, 10, 40), (1, 50, 100)]
    with pytest.raises(tessera.InvalidArgument, match="boxes"):
        tessera.DetectionDecoder(engine.bindings, 1, 64, 64, tessera.preset_of("fastestdet").detection)


def test_presets_say_what_they_are():
    yolo = tessera.preset_of("yolov8")
    assert not yolo.classifies and yolo.labels == "coco" and yolo.detection.formats[0].strides == [8, 16, 32]
    assert tessera.preset_of("torchvision-classification").detection is None
    with pytest.raises(tessera.InvalidArgument, match="yolov8"):
        tessera.preset_of("yolov88")
    description = tessera.NetworkDescription.of_preset("yolov8")
    assert description.detection.formats[0].what == yolo.detection.formats[0].what and description.scores == "auto"


def test_formats_are_attributes():
    made = tessera.DetectionFormat("scaled-anchors", layout="per-scale", strides=[8], anchors=[(10, 13)], objectness=True)
    assert (made.decoding, made.layout, made.anchors, made.box_values) == ("scaled-anchors", "per-scale", [[10, 13]], 4)
    with pytest.raises(tessera.InvalidArgument, match="cells, anchors"):
        tessera.DetectionFormat("boxes")
    with pytest.raises(tessera.InvalidArgument, match="split-per-scale"):
        tessera.DetectionFormat(layout="apart")


def test_boxes_go_back_to_the_image():
    a, b = tessera.Box(0, 0, 2, 2), tessera.Box(1, 0, 3, 2)
    assert tessera.overlap_of(a, b) == pytest.approx(1 / 3) and tessera.overlap_of(a, a) == 1
    region = tessera.image_region(tessera.ImagePreprocess(64, 64, fit="letterbox"), 32, 64)
    assert tessera.box_in_image(tessera.Box(0, 16, 64, 64), region, 32, 64) == tessera.Box(0, 0, 64, 32)


def test_scores_become_classes():
    scores = np.array([[1, 3, 2], [0, 0, 0]], np.float32)
    made = tessera.softmax(scores[0])
    np.testing.assert_allclose(made, np.exp(scores[0]) / np.exp(scores[0]).sum(), rtol=1e-6)
    assert [c.index for c in tessera.top_classes(made, 2)] == [1, 2]
    assert [c.index for c in tessera.top_classes(made, threshold=0.5)] == [1]
    options = tessera.ClassificationOptions(kind="logits", top=1)
    (best,) = tessera.classify(scores, 0, 2, options)
    assert best.index == 1 and best.confidence == pytest.approx(float(made[1]))
    assert tessera.classify(scores, 1, 2, options)[0].index == 0
    with pytest.raises(tessera.InvalidArgument, match="float32"):
        tessera.softmax(np.zeros(3))
