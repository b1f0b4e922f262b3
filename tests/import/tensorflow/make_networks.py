"""Whole networks of TensorFlow's own layers, narrow and with random weights, with recorded results. Run:
make_networks.py (TensorFlow 2.21; the files of data/ are the result)."""
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from record import numbers, save

L = tf.keras.layers


def batch_norm(x):
    return L.BatchNormalization(epsilon=1e-3)(x)


def conv(x, filters, kernel, stride=1, dilation=1, activation=None, norm=True):
    x = L.Conv2D(filters, kernel, stride, "same", dilation_rate=dilation, use_bias=not norm)(x)
    x = batch_norm(x) if norm else x
    return L.Activation(activation)(x) if activation else x


def depthwise(x, stride=1, dilation=1):
    x = L.DepthwiseConv2D(3, stride, "same", dilation_rate=dilation, use_bias=False)(x)
    return L.ReLU(6.0)(batch_norm(x))


def mobilenet_v1(x):
    x = L.ReLU(6.0)(conv(x, 8, 3, 2))
    for filters, stride in ((8, 1), (16, 2), (16, 1), (24, 2)):
        x = L.ReLU(6.0)(conv(depthwise(x, stride), filters, 1))
    x = L.GlobalAveragePooling2D(keepdims=True)(x)
    x = L.Dropout(0.1)(x)
    x = L.Conv2D(10, 1)(x)
    return L.Softmax()(L.Reshape((10,))(x))


def inverted_residual(x, filters, stride, expansion=3, dilation=1):
    y = L.ReLU(6.0)(conv(x, x.shape[-1] * expansion, 1))
    y = conv(depthwise(y, stride, dilation), filters, 1)
    return L.Add()([x, y]) if stride == 1 and x.shape[-1] == filters else y


def mobilenet_v2(x):
    x = L.ReLU(6.0)(conv(x / 127.5 - 1.0, 8, 3, 2))
    for filters, stride in ((8, 1), (12, 2), (12, 1), (16, 2)):
        x = inverted_residual(x, filters, stride)
    return L.Dense(10, activation="softmax")(L.GlobalAveragePooling2D()(x))


def mobilenet_v3(x):
    swish = lambda x: x * tf.nn.relu6(x + 3.0) / 6.0
    x = swish(conv(x, 8, 3, 2))
    s = L.GlobalAveragePooling2D(keepdims=True)(x)
    s = L.Conv2D(8, 1)(L.ReLU()(L.Conv2D(4, 1)(s)))
    x = x * (tf.nn.relu6(s + 3.0) / 6.0)
    x = swish(conv(x, 12, 3, 2))
    return L.Dense(6)(L.Flatten()(x))


def resnet_v2(x):
    x = L.ZeroPadding2D(((3, 3), (3, 3)))(x)
    x = L.Conv2D(8, 7, 2)(x)
    x = L.MaxPooling2D(3, 2, "same")(x)
    for filters, stride in ((8, 1), (16, 2), (16, 1)):
        before = L.ReLU()(batch_norm(x))
        if stride > 1 or x.shape[-1] != filters:
            x = L.Conv2D(filters, 1, stride)(before)
        y = L.ReLU()(conv(before, filters // 2, 1))
        y = L.ReLU()(conv(y, filters // 2, 3, stride))
        x = L.Add()([x, L.Conv2D(filters, 1)(y)])
    x = L.GlobalAveragePooling2D()(L.ReLU()(batch_norm(x)))
    return L.Dense(10)(x)


def deeplab(x):
    size = (x.shape[1], x.shape[2])
    low = x = L.ReLU(6.0)(conv(x, 8, 3, 2))
    x = inverted_residual(x, 12, 2)
    x = inverted_residual(x, 12, 1, dilation=2)
    pooled = L.Conv2D(8, 1, activation="relu")(tf.reduce_mean(x, [1, 2], keepdims=True))
    pooled = tf.compat.v1.image.resize_bilinear(pooled, (x.shape[1], x.shape[2]), align_corners=True)
    parts = [pooled] + [conv(x, 8, 1, activation="relu")] + [conv(x, 8, 3, 1, rate, "relu") for rate in (2, 3)]
    x = conv(tf.concat(parts, 3), 8, 1, activation="relu")
    x = tf.compat.v1.image.resize_bilinear(x, (low.shape[1], low.shape[2]), align_corners=True)
    x = L.ReLU(6.0)(conv(depthwise(tf.concat([x, conv(low, 4, 1, activation="relu")], 3)), 8, 1))
    x = L.Conv2D(5, 1)(x)
    return tf.argmax(tf.compat.v1.image.resize_bilinear(x, size, align_corners=True), 3)


def ssd(x):
    x = L.ReLU(6.0)(conv(x, 8, 3, 2))
    maps = []
    for filters in (12, 16):
        x = inverted_residual(x, filters, 2)
        maps.append(x)
    boxes, scores = [], []
    for m in maps:
        boxes.append(tf.reshape(L.Conv2D(3 * 4, 3, padding="same")(m), [-1, m.shape[1] * m.shape[2] * 3, 4]))
        scores.append(tf.reshape(L.Conv2D(3 * 5, 3, padding="same")(m), [-1, m.shape[1] * m.shape[2] * 3, 5]))
    return [tf.concat(boxes, 1), tf.sigmoid(tf.concat(scores, 1))]


def unet(x):
    a = conv(x, 6, 3, activation="relu")
    b = conv(L.MaxPooling2D()(a), 8, 3, activation="relu")
    c = conv(L.MaxPooling2D()(b), 10, 3, activation="relu")
    d = conv(tf.concat([L.Conv2DTranspose(8, 2, 2, "same")(c), b], 3), 8, 3, activation="relu")
    e = conv(tf.concat([L.UpSampling2D(2, interpolation="bilinear")(d), a], 3), 6, 3, activation="relu")
    return L.Conv2D(3, 1, activation="softmax")(e)


def randomize(variables):
    """Weights that keep values in range; moments of batch norms that are none of 0 and 1."""
    for variable in variables:
        shape, name = variable.shape, variable.path
        if "variance" in name or "gamma" in name:
            value = numbers(shape, 0.5, 1.5)
        elif len(shape) > 1:
            value = numbers(shape) * np.sqrt(3.0 / max(1, np.prod(shape[:-1])) * 2)
            if "depthwise" in name:
                value = numbers(shape) * 0.5
        else:
            value = numbers(shape, -0.3, 0.3)
        variable.assign(value)


def traced(network, size):
    """The network as a function of an image, with its layers made and their weights chosen."""
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(3)
    made, at = [], [0]

    class Reuse:
        """Layers are made while the function is called first, and taken in the same order after that."""

        def __getattr__(self, kind):
            def make(*args, **kwargs):
                if at[0] == len(made):
                    made.append(getattr(tf.keras.layers, kind)(*args, **kwargs))
                at[0] += 1
                return made[at[0] - 1]
            return make

    layers = Reuse()

    def call(image):
        global L
        L = layers
        at[0] = 0
        return network(image)

    call(tf.constant(numbers([1, size, size, 3])))
    randomize([v for layer in made for v in layer.variables])
    return call


def record_network(name, network, size=32, scale=1.0, text=False):
    call = traced(network, size)
    image = numbers([1, size, size, 3]) * scale + (scale if scale > 1 else 0)
    function = tf.function(call).get_concrete_function(tf.TensorSpec([1, size, size, 3], tf.float32, name="image"))
    frozen = convert_variables_to_constants_v2(function)
    graph_def = frozen.graph.as_graph_def()
    save(name, graph_def, {"image": image}, [o.name for o in frozen.outputs], text)


if __name__ == "__main__":
    record_network("mobilenet_v1", mobilenet_v1)
    record_network("mobilenet_v2", mobilenet_v2, scale=127.5)
    record_network("mobilenet_v3", mobilenet_v3)
    record_network("resnet_v2", resnet_v2)
    record_network("deeplab", deeplab, 33)
    record_network("ssd", ssd)
    record_network("unet", unet)
