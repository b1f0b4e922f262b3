"""TensorFlow Lite models with what its interpreter computes: operators and networks in floats, with float16 weights, and
quantised. Run: make_tflite.py (TensorFlow 2.21; the files of data/ are the result)."""
import tempfile

import numpy as np
import tensorflow as tf

import make_networks
from record import DATA, numbers, write_values

raw = tf.raw_ops


def record(name, model, feeds=None):
    """Runs the model on numbers (codes for inputs of codes) and writes model and values."""
    DATA.mkdir(exist_ok=True)
    (DATA / (name + ".tflite")).write_bytes(model)
    plain = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    values = {}
    for i, detail in enumerate(interpreter.get_input_details()):
        value = feeds[i] if feeds else numbers(detail["shape"])
        if detail["dtype"] in (np.int8, np.uint8):
            scale, zero = detail["quantization"]
            limits = np.iinfo(detail["dtype"])
            value = np.clip(np.round(value / scale) + zero, limits.min, limits.max).astype(detail["dtype"])
        interpreter.set_tensor(detail["index"], value)
        values[detail["name"]] = value
    interpreter.invoke()
    for detail in interpreter.get_output_details():
        values[detail["name"]] = interpreter.get_tensor(detail["index"])
    write_values(name, values)


def converter(function, shapes):
    concrete = tf.function(function).get_concrete_function(*[tf.TensorSpec(s, tf.float32) for s in shapes])
    made = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    made._experimental_disable_per_channel = False
    return made


def floats(name, shapes, function):
    record(name, converter(function, shapes).convert())


def halves(name, shapes, function):
    c = converter(function, shapes)
    c.optimizations = [tf.lite.Optimize.DEFAULT]
    c.target_spec.supported_types = [tf.float16]
    record(name, c.convert())


def codes(name, shapes, function, io=tf.int8):
    c = converter(function, shapes)
    c.optimizations = [tf.lite.Optimize.DEFAULT]
    c.representative_dataset = lambda: ([numbers(s) for s in shapes] for _ in range(20))
    c.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    c.inference_input_type = c.inference_output_type = io
    record(name, c.convert())


def detection(name):
    """Boxes beside anchors, suppressed: the custom operator at the end of SSD models."""
    attributes = {"max_detections": "i: 6", "max_classes_per_detection": "i: 1", "num_classes": "i: 4",
                  "nms_score_threshold": "f: 0.4", "nms_iou_threshold": "f: 0.5", "y_scale": "f: 10.0", "x_scale": "f: 10.0",
                  "h_scale": "f: 5.0", "w_scale": "f: 5.0", "use_regular_nms": "b: false", "detections_per_class": "i: 100"}
    text = 'name: "TFLite_Detection_PostProcess" ' + " ".join(
        'attr { key: "%s" value { %s } }' % item for item in attributes.items())
    text += ' attr { key: "_output_types" value { list { type: [DT_FLOAT, DT_FLOAT, DT_FLOAT, DT_FLOAT] } } }'
    text += ' attr { key: "_support_output_type_float_in_quantized_op" value { b: true } }'

    @tf.function(experimental_implements=text)
    def post_process(boxes, scores, anchors):
        return tuple(tf.constant(0.0, name=part) for part in ("boxes", "classes", "scores", "count"))

    centres = np.stack(np.meshgrid(np.linspace(0.1, 0.9, 5), np.linspace(0.1, 0.9, 4)), -1).reshape(-1, 2)
    anchors = np.concatenate([centres, np.full([20, 2], 0.3)], 1).astype(np.float32)

    class Detector(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([1, 20, 4]), tf.TensorSpec([1, 20, 5])])
        def detect(self, boxes, scores):
            return dict(zip("abcd", post_process(boxes, tf.sigmoid(scores), tf.constant(anchors))))

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(Detector(), folder)
        c = tf.lite.TFLiteConverter.from_saved_model(folder)
        c.allow_custom_ops = True
        model = c.convert()
    record(name, model, [numbers([1, 20, 4]), numbers([1, 20, 5], -3, 3)])


def suppression(name):
    """Padded rows, with and without scores."""
    corner = numbers([12, 2], 0, 1)
    boxes = np.concatenate([corner, corner + numbers([12, 2], 0.1, 0.6)], 1)
    function = lambda b, s: [
        *raw.NonMaxSuppressionV4(boxes=b, scores=s, max_output_size=15, iou_threshold=0.3, score_threshold=0.2,
                                 pad_to_max_output_size=True),
        *raw.NonMaxSuppressionV5(boxes=b, scores=s, max_output_size=8, iou_threshold=0.5, score_threshold=0.25,
                                 soft_nms_sigma=0.0, pad_to_max_output_size=True)]
    record(name, converter(function, [[12, 4], [12]]).convert(), [boxes, numbers([12], 0, 1)])


def operators():
    x = [[1, 6, 7, 3]]
    w, dw, b = numbers([3, 3, 3, 4]), numbers([3, 3, 3, 2]), numbers([4])
    body = lambda x: tf.nn.relu6(tf.nn.bias_add(tf.nn.conv2d(x, w, 2, "SAME"), b))
    floats("lite_conv", x, body)
    halves("lite_conv_half", x, body)
    codes("lite_conv_codes", x, body)
    codes("lite_conv_bytes", x, body, tf.uint8)
    floats("lite_depthwise", x, lambda x: tf.nn.relu(tf.nn.depthwise_conv2d(x, dw, [1, 1, 1, 1], "SAME", dilations=[2, 2])))
    codes("lite_depthwise_codes", x, lambda x: tf.nn.depthwise_conv2d(x, dw, [1, 1, 1, 1], "VALID"))
    floats("lite_transposed", x, lambda x: tf.nn.conv2d_transpose(x, numbers([3, 3, 4, 3]), [1, 12, 14, 4], 2, "SAME"))
    floats("lite_pools", x, lambda x: [tf.nn.max_pool2d(x, 3, 2, "SAME"), tf.nn.avg_pool2d(x, 2, 2, "VALID")])
    floats("lite_dense", [[2, 5]], lambda x: tf.nn.relu(tf.matmul(x, numbers([5, 4])) + b))
    floats("lite_flatten_dense", x, lambda x: tf.matmul(tf.reshape(body(x), [1, 48]), numbers([48, 3])))
    codes("lite_flatten_dense_codes", x, lambda x: tf.matmul(tf.reshape(body(x), [1, 48]), numbers([48, 3])))
    floats("lite_arithmetic", [[2, 3, 4], [4]], lambda a, b: [tf.nn.relu(a + b), a - b, a * b, tf.maximum(a, b), tf.minimum(a, b),
                                                            tf.math.squared_difference(a, b), tf.where(a < b, a, b)])
    codes("lite_add_codes", [[1, 4, 4, 3], [1, 4, 4, 3]], lambda a, b: tf.nn.relu(a + 0.5 * b))
    floats("lite_activations", [[2, 9]], lambda x: [tf.sigmoid(x), tf.tanh(x), tf.nn.elu(x), tf.nn.leaky_relu(x, 0.3),
                                                   x * tf.nn.relu6(x + 3) / 6, tf.nn.softmax(3 * x), tf.nn.log_softmax(x),
                                                   tf.exp(x), tf.abs(x), tf.square(x), tf.floor(x * 3), tf.nn.gelu(x)])
    floats("lite_shapes", [[1, 4, 6, 4]], lambda x: [tf.reshape(x, [4, -1]), tf.transpose(x, [0, 2, 1, 3]), x[:, 1:, ::2, :],
                                                    tf.concat([x, x], 3), tf.pad(x, [[0, 0], [1, 1], [0, 2], [0, 0]]),
                                                    tf.gather(x, [2, 0], axis=3), tf.stack([x, x], 1),
                                                    tf.tile(x, [1, 2, 1, 1]), tf.squeeze(x[:, :1], 1), *tf.split(x, 2, 3)])
    floats("lite_reduce", [[1, 4, 6, 4]], lambda x: [tf.reduce_mean(x, [1, 2]), tf.reduce_sum(x, 3, keepdims=True),
                                                    tf.reduce_max(x, 1), tf.argmax(x, 3)])
    floats("lite_resize", [[1, 4, 5, 3]], lambda x: [
        tf.compat.v1.image.resize_bilinear(x, [7, 9], align_corners=True), tf.image.resize(x, [7, 9]),
        tf.compat.v1.image.resize_nearest_neighbor(x, [8, 10]), tf.nn.depth_to_space(tf.concat([x, x[..., :1]], 3), 2)])
    detection("lite_detection")
    suppression("lite_suppression")


def networks():
    def whole(name, network, write, size=32):
        made = make_networks.traced(network, size)
        write(name, [[1, size, size, 3]], made)

    whole("lite_mobilenet_v1", make_networks.mobilenet_v1, floats)
    whole("lite_mobilenet_v1_codes", make_networks.mobilenet_v1, codes)
    whole("lite_mobilenet_v2_bytes", lambda x: make_networks.mobilenet_v2(x * 127.5 + 127.5),
          lambda n, s, f: codes(n, s, f, tf.uint8))
    whole("lite_deeplab_half", make_networks.deeplab, halves, 33)


if __name__ == "__main__":
    operators()
    networks()
