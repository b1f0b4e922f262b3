"""Images in, class maps and overlays out."""
import json

import numpy as np
import pytest

import tessera
from conftest import ROOT

DEMO = ROOT / "apps/segmenter/demo"
PALETTE = [[20 * i, 255 - 20 * i, 7, 255] for i in range(3)]


def brightest(device, tuning, batch=2):
    """A network whose scores are the input's channels: the class of a pixel is its strongest channel."""
    graph = tessera.Graph("brightest")
    graph.mark_output(graph.add("Mul", "scores", [graph.add_input("image", (batch, 3, 4, 6)),
                                                  graph.add_constant("two", np.float32(2))]))
    return tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))


def picture(seed):
    return np.random.default_rng(seed).permutation(4 * 6 * 3).reshape(4, 6, 3).astype(np.uint8)


def test_classes_colours_and_overlays(device, tuning):
    segmentation = tessera.Segmentation(brightest(device, tuning),
                                        tessera.SegmentationOptions(palette=PALETTE, border=0))
    assert (segmentation.batch, segmentation.classes, segmentation.layout) == (2, 3, "NCHW")
    image = picture(1)
    result = segmentation.run(image)
    wanted = image.argmax(axis=2)
    assert (result.height, result.width) == image.shape[:2] and result.classes.dtype == np.uint8
    np.testing.assert_array_equal(result.classes, wanted)
    np.testing.assert_array_equal(result.map, wanted)
    colors = np.array(PALETTE, np.uint8)[wanted][..., :3]
    np.testing.assert_array_equal(result.colors, colors)
    np.testing.assert_array_equal(result.overlay, colors)  # opacity 255
    classes = result.classes
    del result
    np.testing.assert_array_equal(classes, wanted)  # the array keeps what it is a view of
    segmentation.set_palette([(1, 2, 3, 0)] * 3)
    np.testing.assert_array_equal(segmentation.run(image).overlay, image)  # opacity 0


def test_batches_overlap(device, tuning):
    segmentation = tessera.Segmentation(brightest(device, tuning))
    images = [[picture(i), picture(i + 1)[:, ::-1]] for i in range(4)]
    found = []
    for batch in images:
        segmentation.submit(batch)
        if segmentation.waiting == 2:
            found.append(segmentation.collect())
    while segmentation.waiting:
        found.append(segmentation.collect())
    assert len(found) == 4 and all(b.network > 0 and b.preprocess > 0 for b in found)
    for batch, result in zip(images, found):
        for image, segmented in zip(batch, result.images):
            np.testing.assert_array_equal(segmented.classes, image.argmax(axis=2))
    with pytest.raises(tessera.Error):
        segmentation.collect()


def test_what_is_no_image_is_refused(device, tuning):
    segmentation = tessera.Segmentation(brightest(device, tuning))
    for wrong in (np.zeros((4, 6, 3), np.float32), np.zeros((4, 6), np.uint8), np.zeros((4, 6, 4), np.uint8)):
        with pytest.raises(tessera.InvalidArgument, match="uint8, height x width x 3"):
            segmentation.run(wrong)
    with pytest.raises(tessera.InvalidArgument, match="nobody"):
        tessera.Segmentation(brightest(device, tuning), tessera.SegmentationOptions(output="nobody"))
    with pytest.raises(tessera.InvalidArgument, match="nobody"):
        tessera.Segmentation.check(brightest(device, tuning).bindings, tessera.SegmentationOptions(input="nobody"))


def test_preprocessing_is_done_as_described(device, tuning):
    graph = tessera.Graph("channels")
    graph.mark_output(graph.add("Mul", "scores", [graph.add_input("image", (1, 3, 4, 6)),
                                                  graph.add_constant("one", np.float32(1))]))
    engine = tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))
    how = tessera.ImagePreprocess(order="RGB", mean=(0, 300, 0))  # green is never the strongest
    options = tessera.SegmentationOptions(how)
    image = picture(3)
    classes = tessera.Segmentation(engine, options).run(image).classes
    rgb = image[..., ::-1].astype(int) - [0, 300, 0]
    np.testing.assert_array_equal(classes, rgb.argmax(axis=2))
    assert options.preprocess.mean == [0, 300, 0] and how.resize == "linear"


def test_helpers_for_images():
    place = tessera.image_place_of((1, 3, 32, 48))
    assert (place.height, place.width, place.channels_last) == (32, 48, False)
    assert tessera.image_place_of((1, 32, 48, 3)).channels_last and tessera.image_place_of((1, 5)) is None
    region = tessera.image_region(tessera.ImagePreprocess(100, 100, fit="letterbox"), 50, 100)
    assert (region.top, region.left, region.height, region.width) == (25, 0, 50, 100)


def test_the_embedded_network_knows_its_streets(device, tuning):
    image_module = pytest.importorskip("PIL.Image")
    how = json.loads((DEMO / "fcn8s_street.json").read_text())["input"]
    engine = tessera.Engine.build(tessera.import_model(DEMO / "fcn8s_street.onnx"), device,
                                  tessera.EngineOptions(tuning=tuning))
    segmentation = tessera.Segmentation(engine, tessera.SegmentationOptions(
        tessera.ImagePreprocess(mean=how["mean"], deviation=how["std"], scale=how["scale"])))
    file = sorted((DEMO / "images").glob("*.*g"))[0]
    pixels = np.asarray(image_module.open(file).convert("RGB"))[..., ::-1]
    labels = np.asarray(image_module.open(DEMO / "images/labels" / (file.stem + ".png")))
    classes = segmentation.run(pixels).classes
    known = labels < 11
    assert (classes == labels)[known].mean() > 0.9
