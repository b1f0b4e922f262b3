"""From images to classes and boxes."""
import numpy as np
import pytest

import tessera


def engine_of(graph, device, tuning):
    return tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning))


def means(device, tuning, batch=2):
    """Scores are the means of the channels: blue, green, red."""
    graph = tessera.Graph("means")
    graph.mark_output(graph.add("GlobalPool", "mean", [graph.add_input("image", (batch, 3, 4, 6))],
                                {"mode": "average"}, ["scores"]))
    return engine_of(graph, device, tuning)


def plain(blue, green, red):
    return np.broadcast_to(np.uint8([blue, green, red]), (4, 6, 3))


def test_classes_come_with_their_confidences(device, tuning):
    options = tessera.RunnerOptions(preprocess=tessera.ImagePreprocess(scale=0.1),
                                    classification=tessera.ClassificationOptions(kind="logits", top=2))
    runner = tessera.Runner(means(device, tuning), options)
    assert (runner.batch, runner.classes) == (2, 3)
    answer = runner.run(plain(10, 30, 20))
    wanted = np.exp([1, 3, 2]) / np.exp([1, 3, 2]).sum()
    assert [c.index for c in answer.classes] == [1, 2] and not answer.objects
    np.testing.assert_allclose([c.confidence for c in answer.classes], wanted[[1, 2]], rtol=1e-5)
    assert (answer.height, answer.width) == (4, 6)


def test_batches_overlap(device, tuning):
    runner = tessera.Runner(means(device, tuning),
                            tessera.RunnerOptions(classification=tessera.ClassificationOptions(), outputs=True))
    runner.submit([plain(9, 1, 1), plain(1, 9, 1)])
    runner.submit([plain(1, 1, 9)])
    assert runner.waiting == 2
    first, second = runner.collect(), runner.collect()
    assert [a.classes[0].index for a in first.images + second.images] == [0, 1, 2]
    np.testing.assert_allclose(first.outputs["scores"].reshape(2, 3), [[9, 1, 1], [1, 9, 1]])
    assert first.network > 0
    with pytest.raises(tessera.Error):
        runner.collect()


def test_detectors_are_read_by_their_preset(device, tuning):
    """A network that finds two boxes whatever it is shown, laid out as YOLOv8's output."""
    boxes = np.zeros((1, 6, 21), np.float32)  # centre, size, scores of two classes; 21 cells of a 32 x 32 input
    boxes[0, :, 3] = [16, 8, 8, 4, 0.9, 0.1]
    boxes[0, :, 7] = [16.5, 8, 8, 4, 0.6, 0.2]  # overlaps the first
    boxes[0, :, 9] = [24, 24, 4, 4, 0.0, 0.8]
    graph = tessera.Graph("two boxes")
    mean = graph.add("GlobalPool", "mean", [graph.add_input("images", (1, 3, 32, 32))], {"mode": "average"})
    one = graph.add("Slice", "one", [mean], {"starts": [0, 0, 0, 0], "sizes": [1, 1, 1, 1], "steps": [1, 1, 1, 1]})
    none = graph.add("Mul", "none", [graph.add("Reshape", "flat", [one], {"shape": [1, 1, 1]}),
                                     graph.add_constant("zero", np.zeros((1, 1, 1), np.float32))])
    graph.mark_output(graph.add("Add", "boxes", [none, graph.add_constant("found", boxes)], output_names=["output0"]))
    engine = engine_of(graph, device, tuning)
    runner = tessera.Runner(engine, tessera.RunnerOptions("yolov8"))
    objects = runner.run(np.zeros((64, 64, 3), np.uint8)).objects
    assert [o.index for o in objects] == [0, 1]
    np.testing.assert_allclose([o.score for o in objects], [0.9, 0.8], rtol=1e-6)
    box = objects[0].box  # the image is twice the network's input
    np.testing.assert_allclose([box.left, box.top, box.right, box.bottom], [24, 12, 40, 20], atol=1e-4)
    every = tessera.RunnerOptions("yolov8", suppression=tessera.SuppressionOptions("none"))
    assert len(tessera.Runner(engine, every).run(np.zeros((64, 64, 3), np.uint8)).objects) == 3


def test_what_does_not_fit_is_refused_by_name(device, tuning):
    engine = means(device, tuning)
    assert "yolov8" in tessera.presets()
    with pytest.raises(tessera.InvalidArgument, match="yolov8"):
        tessera.RunnerOptions("no such preset")
    with pytest.raises(tessera.InvalidArgument, match="suppression"):
        tessera.RunnerOptions(suppression=tessera.SuppressionOptions())
    with pytest.raises(tessera.InvalidArgument, match="scores"):
        tessera.Runner(engine, tessera.RunnerOptions("yolov8"))
    with pytest.raises(tessera.InvalidArgument, match="nobody"):
        tessera.Runner.check(engine.bindings, tessera.RunnerOptions(input="nobody"))
    runner = tessera.Runner(engine, tessera.RunnerOptions(classification=tessera.ClassificationOptions()))
    with pytest.raises(tessera.InvalidArgument, match="uint8"):
        runner.run(np.zeros((4, 6, 3), np.float32))


def test_a_plan_takes_a_models_place(device, tuning, tmp_path):
    plan = tmp_path / "means.plan"
    means(device, tuning).save(plan)
    options = tessera.RunnerOptions(classification=tessera.ClassificationOptions())
    runner = tessera.Runner.load(plan, device, options, tessera.EngineOptions(tuning=tuning))
    assert runner.run(plain(1, 2, 9)).classes[0].index == 2


def test_a_plan_describes_itself(device, tuning, tmp_path):
    text = '{"task": "classification", "input": {"std": [50, 50, 50]}, "labels": ["blue", "green", "red"], "output": {"threshold": 0.5}}'
    graph = tessera.Graph("means")
    graph.mark_output(graph.add("GlobalPool", "mean", [graph.add_input("image", (1, 3, 4, 6))], {"mode": "average"}, ["scores"]))
    tessera.Engine.build(graph, device, tessera.EngineOptions(tuning=tuning, description=text)).save(tmp_path / "net.plan")
    answer = tessera.Runner.load(tmp_path / "net.plan", device).run(plain(10, 200, 20))
    assert [c.index for c in answer.classes] == [1]
    described = tessera.NetworkDescription.parse(text)
    assert (described.task, described.labels, described.threshold) == ("classification", ["blue", "green", "red"], 0.5)
    assert described.preprocess.deviation == [50, 50, 50] and tessera.find_description(tmp_path / "net.onnx") is None
    (tmp_path / "net.json").write_text(text)
    assert tessera.find_description(tmp_path / "net.onnx") == tmp_path / "net.json"
    assert tessera.NetworkDescription.read(tmp_path / "net.json").file == tmp_path / "net.json"
    assert tessera.NetworkDescription.of_preset("yolox").labels == "coco"
    assert isinstance(described.runner_options(), tessera.RunnerOptions)
    assert isinstance(described.segmentation_options(), tessera.SegmentationOptions)
    with pytest.raises(tessera.InvalidArgument, match="inputs is not known"):
        tessera.NetworkDescription.parse('{"inputs": {}}')


def test_frames_of_other_formats_give_the_same(device, tuning):
    runner = tessera.Runner(means(device, tuning, batch=1), tessera.RunnerOptions(outputs=True))

    def scores(image, **how):
        runner.submit([image], **how)
        return runner.collect().outputs["scores"].reshape(3)

    image = np.random.default_rng(4).integers(0, 256, (4, 6, 3), np.uint8)
    wanted = image.reshape(-1, 3).mean(0)
    np.testing.assert_allclose(scores(image), wanted, rtol=1e-5)
    np.testing.assert_allclose(scores(image[..., ::-1], format="RGB"), wanted, rtol=1e-5)
    np.testing.assert_allclose(scores(image.transpose(2, 0, 1), format="planar_BGR"), wanted, rtol=1e-5)
    np.testing.assert_allclose(scores(image[..., ::-1].transpose(2, 0, 1), format="planar_RGB"), wanted, rtol=1e-5)
    np.testing.assert_allclose(scores(image[..., 0], format="GREY"), np.full(3, wanted[0]), rtol=1e-5)
    frame = np.full((6, 6), 128, np.uint8)
    frame[:4] = 90
    np.testing.assert_allclose(scores(frame, format="NV12", colors="BT.601 full"), [90, 90, 90], rtol=1e-5)
    for wrong, how in ((image, {"format": "GREY"}), (frame[:5], {"format": "NV12"}), (image, {"format": "UYVY"})):
        with pytest.raises(tessera.InvalidArgument):
            runner.run(wrong, **how)


def test_callables_fill_inputs_and_change_outputs(device, tuning):
    graph = tessera.Graph("shifted")
    mean = graph.add("GlobalPool", "mean", [graph.add_input("image", (1, 3, 4, 6))], {"mode": "average"})
    graph.mark_output(graph.add("Add", "sum", [mean, graph.add_input("bias", (1, 3, 1, 1))], output_names=["scores"]))
    seen = []

    def bias(images, binding):
        seen.append((len(images), images[0].shape, binding.shape))
        return np.float32([1, 2, 3]).reshape(binding.shape)

    options = tessera.RunnerOptions(preprocessors={"bias": bias}, postprocessors={"scores": lambda scores: scores * 10})
    runner = tessera.Runner(engine_of(graph, device, tuning), options)
    runner.submit([plain(7, 8, 9)])
    np.testing.assert_allclose(runner.collect().outputs["scores"].reshape(3), [80, 100, 120], rtol=1e-5)
    assert seen == [(1, (4, 6, 3), (1, 3, 1, 1))]
