"""Small graphs, each around one operator of TensorFlow, with recorded results. Run: make_operators.py
(TensorFlow 2.21; the files of data/ are the result)."""
import numpy as np
import tensorflow as tf

from record import numbers, operator_case, random

raw = tf.raw_ops
case = operator_case


def image(n=1, h=6, w=7, c=3):
    return {"x": numbers([n, h, w, c])}


def convolutions():
    w = numbers([3, 3, 3, 4])
    case("conv_same", image(), lambda x: tf.nn.bias_add(tf.nn.conv2d(x, w, 1, "SAME"), numbers([4])))
    case("conv_same_stride", image(2), lambda x: tf.nn.conv2d(x, w, 2, "SAME"))
    case("conv_valid", image(), lambda x: tf.nn.relu(tf.nn.conv2d(x, w, [1, 2, 1, 1], "VALID")), text=True)
    case("conv_explicit", image(), lambda x: tf.nn.conv2d(x, w, 2, [[0, 0], [1, 2], [0, 1], [0, 0]]))
    case("conv_dilated", image(1, 9, 9), lambda x: tf.nn.conv2d(x, w, 1, "SAME", dilations=2))
    case("conv_groups", image(c=4), lambda x: tf.nn.conv2d(x, numbers([3, 3, 2, 6]), 1, "SAME"))
    case("conv_depthwise", image(), lambda x: tf.nn.depthwise_conv2d(x, numbers([3, 3, 3, 2]), [1, 2, 2, 1], "SAME"))
    # Blocks of batches, as older models write dilated convolutions; 2 x 2 blocks, a width that they do not divide.
    def atrous(x):
        blocks = raw.SpaceToBatchND(input=x, block_shape=[2, 2], paddings=[[2, 2], [2, 3]])
        y = tf.nn.conv2d(blocks, w, 1, "VALID")
        return tf.nn.relu(raw.BatchToSpaceND(input=y, block_shape=[2, 2], crops=[[0, 0], [0, 1]]))
    case("conv_atrous", image(1, 8, 7), atrous)
    case("space_to_batch", image(1, 4, 5), lambda x: raw.BatchToSpaceND(
        input=tf.nn.relu(raw.SpaceToBatchND(input=x, block_shape=[2, 2], paddings=[[0, 0], [1, 0]])),
        block_shape=[2, 2], crops=[[1, 0], [0, 1]]))
    case("conv_transposed", image(1, 4, 5), lambda x: tf.nn.conv2d_transpose(
        x, numbers([3, 3, 4, 3]), [1, 8, 10, 4], 2, "SAME"))
    case("conv_transposed_valid", image(1, 4, 5), lambda x: tf.nn.conv2d_transpose(
        x, numbers([3, 2, 4, 3]), [1, 10, 10, 4], 2, "VALID"))
    case("conv_3d", {"x": numbers([1, 3, 5, 5, 2])},
         lambda x: tf.nn.conv3d(x, numbers([2, 3, 3, 2, 4]), [1, 1, 2, 2, 1], "SAME"))
    case("conv_1d", {"x": numbers([1, 9, 3])}, lambda x: tf.nn.conv1d(x, numbers([3, 3, 4]), 2, "SAME"))


def planar():
    """NCHW can not run on TensorFlow's CPU kernels: the same in NHWC, between transposes, is recorded; the graph that is
    saved says NCHW."""
    from record import save
    w, scale = numbers([3, 3, 3, 4]), [numbers([4], 0.5, 1.5) for _ in range(4)]
    feeds = {"x": numbers([1, 3, 6, 7])}

    def graph(planar):
        g = tf.Graph()
        with g.as_default():
            x = tf.compat.v1.placeholder(tf.float32, [1, 3, 6, 7], name="x")
            f = "NCHW" if planar else "NHWC"
            two = [1, 1, 2, 2] if planar else [1, 2, 2, 1]
            x = x if planar else tf.transpose(x, [0, 2, 3, 1])
            y = tf.nn.conv2d(x, w, two, "SAME", data_format=f)
            y = tf.nn.bias_add(y, scale[0], data_format=f)
            y = raw.FusedBatchNormV3(x=y, scale=scale[0], offset=scale[1], mean=scale[2], variance=scale[3],
                                     is_training=False, data_format=f)[0]
            y = tf.nn.max_pool2d(y, 2, 1, "VALID", data_format=f)
            tf.identity(y if planar else tf.transpose(y, [0, 3, 1, 2]), name="y")
        return g.as_graph_def()

    save("planar", graph(False), feeds, ["y:0"])
    import record
    (record.DATA / "planar.pb").write_bytes(record.tidy(graph(True)).SerializeToString(deterministic=True))


def poolings():
    case("max_pool", image(), lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"))
    case("max_pool_valid", image(), lambda x: tf.nn.max_pool2d(x, [2, 3], 2, "VALID"))
    case("average_pool", image(), lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME"))


def arithmetic():
    one = {"x": numbers([2, 3, 4, 3], 0.1, 2)}
    two = {"a": numbers([2, 3, 4, 3], 0.2, 2), "b": numbers([3], 0.2, 2)}
    case("binary", two, lambda a, b: [a + b, a - b, a * b, a / b, tf.maximum(a, b), tf.minimum(a, b), tf.pow(a, b),
                                      tf.math.squared_difference(a, b), tf.math.floordiv(a, b), tf.math.floormod(a, b)])
    case("compare", two, lambda a, b: [a < b, a <= b, a > b, a >= b, tf.equal(a, b), tf.not_equal(a, b),
                                       tf.logical_and(a < b, a > 1.0), tf.logical_not(a < b), tf.logical_or(a < b, a > 1.5)])
    case("select", two, lambda a, b: [tf.where(a < b, a, b), raw.Select(condition=[True, False], x=a, y=a * 2.0)])
    case("unary", one, lambda x: [tf.sqrt(x), tf.math.rsqrt(x), tf.square(x), tf.exp(x), tf.math.log(x), tf.abs(-x), -x,
                                  tf.sign(x), tf.floor(x), tf.math.ceil(x), tf.round(x * 3.3), tf.sin(x), tf.cos(x),
                                  tf.math.log1p(x), tf.math.expm1(x), tf.math.reciprocal(x), tf.math.erf(x)])
    signed = {"x": numbers([2, 3, 4, 3], -8, 8)}
    case("activations", signed, lambda x: [tf.nn.relu(x), tf.nn.relu6(x), tf.nn.elu(x), tf.nn.selu(x),
                                           tf.nn.leaky_relu(x, 0.1), tf.sigmoid(x), tf.tanh(x), tf.nn.softplus(x),
                                           tf.nn.softsign(x), tf.nn.softmax(x), tf.nn.log_softmax(x),
                                           tf.clip_by_value(x, -2.0, 3.0)])
    case("swish", signed, lambda x: [x * tf.sigmoid(x), x * tf.nn.relu6(x + 3.0) / 6.0])
    case("integers", {"a": random.integers(-9, 9, [3, 4]).astype(np.int32), "b": random.integers(1, 5, [4]).astype(np.int32)},
         lambda a, b: [a + b, a * b, a // b, a % b, tf.cast(a, tf.float32), tf.reduce_sum(a, 1), raw.TruncateDiv(x=a, y=b)])
    case("add_n", {"a": numbers([2, 3]), "b": numbers([2, 3]), "c": numbers([2, 3])}, lambda a, b, c: tf.add_n([a, b, c]))
    case("div_no_nan", {"a": numbers([6]), "b": np.array([0, 1, 2, 0, -1, 4], np.float32)},
         lambda a, b: tf.math.divide_no_nan(a, b))


def reductions():
    case("reduce", image(2), lambda x: [tf.reduce_mean(x, [1, 2]), tf.reduce_sum(x, 3, keepdims=True),
                                        tf.reduce_max(x, [1, 2], keepdims=True), tf.reduce_min(x, -1),
                                        tf.reduce_prod(x, 2), tf.reduce_mean(x)])
    case("global_pool", image(2), lambda x: tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(x, numbers([1, 1, 3, 5]), 1, "SAME")),
                                                           [1, 2]))
    case("arg_max", image(2), lambda x: [tf.argmax(x, 3), tf.argmin(x, 1, output_type=tf.int32)])
    case("top_k", {"x": numbers([3, 9])}, lambda x: list(tf.math.top_k(x, 4)))
    case("cumsum", {"x": numbers([3, 4])}, lambda x: [tf.cumsum(x, 1), tf.cumsum(x, 0, exclusive=True, reverse=True)])


def normalisations():
    scale = [numbers([3], 0.5, 1.5) for _ in range(4)]
    for version in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
        case("batch_norm" + version[14:].lower(), image(), lambda x: getattr(raw, version)(
            x=x, scale=scale[0], offset=scale[1], mean=scale[2], variance=scale[3], epsilon=1e-3, is_training=False)[0])
    case("lrn", image(c=9), lambda x: tf.nn.local_response_normalization(x, 2, 1.5, 0.3, 0.6))
    # A layer normalisation as it is written out.
    def moments(x):
        mean, variance = tf.nn.moments(x, [3], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-3) * scale[0] + scale[1]
    case("layer_norm", image(), moments)


def shapes():
    x = image(2, 4, 6, 3)
    conv = lambda x: tf.nn.conv2d(x, numbers([1, 1, 3, 4]), 1, "SAME")
    case("concat", {"a": numbers([1, 3, 4, 2]), "b": numbers([1, 3, 4, 3])},
         lambda a, b: [tf.concat([a, tf.nn.relu(b)], 3), tf.concat([a, a], 1)])
    case("concat_images", image(), lambda x: tf.nn.relu(tf.concat([conv(x), x], 3)))
    case("split", image(c=6), lambda x: tf.split(x, 3, 3) + tf.split(conv(x[..., :3]), [1, 3], 3))
    case("pack", image(), lambda x: [tf.stack([conv(x), conv(x)], 1), *tf.unstack(x, axis=3)])
    case("reshape_flatten", x, lambda x: tf.reshape(conv(x), [2, -1]))
    case("reshape_rows", x, lambda x: tf.nn.softmax(tf.reshape(conv(x), [2, -1, 4])))
    case("reshape_heads", x, lambda x: tf.reshape(conv(x), [2, -1, 2]))
    case("squeeze", image(2, 1, 1, 5), lambda x: [tf.squeeze(tf.nn.relu6(tf.nn.max_pool2d(x, 1, 1, "SAME")), [1, 2]),
                                                   tf.expand_dims(x, 0)])
    case("transpose", x, lambda x: [tf.transpose(conv(x), [0, 3, 1, 2]), tf.transpose(x, [0, 2, 1, 3])])
    case("shape_arithmetic", image(1, 4, 6, 3),
         lambda x: tf.reshape(x, tf.stack([tf.shape(x)[0], tf.shape(x)[1] * tf.shape(x)[2], -1])),
         fixed_shapes=False)
    case("strided_slice", x, lambda x: [x[:, 1:3, ::2, :], x[0, ..., ::-1], x[:, -1, tf.newaxis, 1:], conv(x)[:, 1:, :-1],
                                        x[..., 0]])
    case("slice", x, lambda x: tf.slice(conv(x), [0, 1, 0, 2], [-1, 2, 3, 2]))
    case("gather", x, lambda x: [tf.gather(conv(x), [2, 0], axis=3), tf.gather(x, [[1], [0]]), tf.gather(x, 1, axis=1),
                                 tf.gather_nd(x, [[0, 1, 2], [1, 0, 5]])])
    case("pad", x, lambda x: [tf.pad(conv(x), [[0, 0], [1, 2], [0, 1], [0, 0]]),
                              tf.pad(x, [[0, 0], [1, 1], [2, 0], [1, 0]], constant_values=0.5),
                              tf.pad(x, [[0, 0], [2, 1], [1, 2], [0, 0]], "REFLECT"),
                              tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")])
    case("tile", x, lambda x: [tf.tile(conv(x), [1, 2, 1, 3]), tf.broadcast_to(x[:1], [2, 4, 6, 3])])
    case("fill_range", {"x": numbers([4])}, lambda x: x * tf.cast(tf.range(1, 5), tf.float32) + tf.fill([2, 4], 0.5))
    case("one_hot", {"i": np.array([1, 0, -1, 3, 5], np.int32)}, lambda i: tf.one_hot(i, 4, 2.0, -1.0))
    case("reverse", image(), lambda x: tf.reverse(conv(x), [2]))
    case("space_depth", image(1, 4, 6, 8), lambda x: [tf.nn.space_to_depth(x, 2), tf.nn.depth_to_space(conv8(x), 2)])


def conv8(x):
    return tf.nn.conv2d(x, numbers([1, 1, 8, 8]), 1, "SAME")


def products():
    case("matmul", {"x": numbers([3, 5])}, lambda x: tf.nn.bias_add(tf.matmul(x, numbers([5, 4])), numbers([4])))
    case("matmul_turned", {"x": numbers([5, 3])}, lambda x: tf.matmul(x, numbers([4, 5]), transpose_a=True, transpose_b=True))
    case("batch_matmul", {"a": numbers([2, 3, 4]), "b": numbers([2, 5, 4])}, lambda a, b: tf.matmul(a, b, transpose_b=True))
    case("flatten_matmul", image(2, 4, 5), lambda x: tf.matmul(
        tf.reshape(tf.nn.relu(tf.nn.conv2d(x, numbers([3, 3, 3, 4]), 1, "SAME")), [2, 80]), numbers([80, 3])))


def resizing():
    x = image(1, 4, 5, 3)
    for corners, centres in ((False, False), (True, False), (False, True)):
        name = "_corners" if corners else "_centres" if centres else ""
        case("resize_bilinear" + name, x, lambda x: [raw.ResizeBilinear(
            images=x, size=size, align_corners=corners, half_pixel_centers=centres) for size in ([9, 7], [3, 3])])
        case("resize_nearest" + name, x, lambda x: [raw.ResizeNearestNeighbor(
            images=x, size=size, align_corners=corners, half_pixel_centers=centres) for size in ([9, 7], [3, 3])])
    boxes = np.array([[0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], [-0.2, 0.3, 1.1, 0.5]], np.float32)
    case("crop_and_resize", image(2, 5, 6), lambda x: [
        tf.image.crop_and_resize(x, boxes, [0, 1, 1], [4, 3], extrapolation_value=0.25),
        tf.image.crop_and_resize(x, boxes, [0, 1, 0], [1, 1])])


def others():
    corner = numbers([12, 2], 0, 1)
    boxes = np.concatenate([corner, corner + numbers([12, 2], 0.1, 0.6)], 1)
    scores = numbers([12], 0, 1)
    case("suppression", {"boxes": boxes, "scores": scores}, lambda b, s: [
        raw.NonMaxSuppressionV3(boxes=b, scores=s, max_output_size=5, iou_threshold=0.3, score_threshold=0.2)])
    case("suppression_v5", {"boxes": boxes, "scores": scores}, lambda b, s: list(raw.NonMaxSuppressionV5(
        boxes=b, scores=s, max_output_size=20, iou_threshold=0.4, score_threshold=0.1, soft_nms_sigma=0.0)))
    case("fake_quant", {"x": numbers([2, 3, 3, 2], -2, 3)},
         lambda x: tf.quantization.fake_quant_with_min_max_args(x, -1.2, 2.1))

    def switched(x):
        training = tf.constant(False)
        off, on = raw.Switch(data=x, pred=training)
        return raw.Merge(inputs=[on * 2.0, tf.nn.relu(off)])[0]
    case("switch_merge", {"x": numbers([2, 3])}, switched)
    half = numbers([3, 4]).astype(np.float16)
    case("half_constant", {"x": numbers([2, 3])}, lambda x: tf.matmul(x, tf.cast(tf.constant(half), tf.float32)))
    case("splat_constant", {"x": numbers([2, 3])}, lambda x: x + tf.constant(0.25, shape=[2, 3]))


def vision():
    """Of transformers and super-resolution."""
    x, w = image(1, 5, 7, 3), numbers([3, 3, 3, 3])
    conv = lambda x: tf.nn.conv2d(x, w, 1, "SAME")
    for corners, centres in ((False, False), (True, False), (False, True)):
        name = "_corners" if corners else "_centres" if centres else ""
        case("resize_bicubic" + name, x, lambda x: [raw.ResizeBicubic(
            images=conv(x), size=size, align_corners=corners, half_pixel_centers=centres) for size in ([11, 9], [3, 4])])
    case("resize_area", x, lambda x: [raw.ResizeArea(images=conv(x), size=size) for size in ([2, 3], [3, 4], [9, 14])])
    queries, keys = numbers([2, 5, 3, 4]), numbers([2, 6, 3, 4])
    case("einsum", {"q": queries, "k": keys}, lambda q, k: [
        tf.einsum("aecd,abcd->acbe", k, q), tf.einsum("abcd,cde->abe", q, numbers([3, 4, 5])), tf.einsum("...d->...", q),
        tf.einsum("abcd,abcd->ac", q, q)])
    case("roll", image(2, 4, 6), lambda x: [tf.roll(conv(x), [-1, 2], [1, 2]), tf.roll(x, 1, 3), tf.roll(x, 7, 0)])
    case("patches", image(2, 6, 8), lambda x: [raw.ExtractImagePatches(
        images=conv(x), ksizes=[1, 2, 3, 1], strides=[1, 2, 2, 1], rates=[1, 1, 1, 1], padding=p) for p in ("SAME", "VALID")])
    corner = numbers([2, 12, 1, 2], 0, 0.7)
    boxes = np.concatenate([corner, corner + numbers([2, 12, 1, 2], 0.2, 0.5)], 3)
    case("suppression_combined", {"boxes": boxes, "scores": numbers([2, 12, 3], 0, 1)},
         lambda b, s: list(raw.CombinedNonMaxSuppression(
             boxes=b, scores=s, max_output_size_per_class=20, max_total_size=20, iou_threshold=0.3, score_threshold=0.4,
             pad_per_class=False, clip_boxes=True)))
    where = np.array([[1, 0, 3], [2, 2, 0]], np.int32)
    case("gather_batch", {"x": numbers([2, 4, 3]), "i": where}, lambda x, i: [
        tf.gather(x, i, batch_dims=1), tf.gather(x, i, axis=1, batch_dims=-1), tf.gather_nd(x, i[..., None], batch_dims=1)])
    case("batch_matmul_v3", {"a": numbers([2, 3, 4]), "b": numbers([4, 5])},
         lambda a, b: raw.BatchMatMulV3(x=a, y=b, Tout=tf.float32))


def later():
    """Written last, so that those above keep their numbers."""
    # Places halfway between two pixels.
    case("crop_nearest", image(2, 5, 7), lambda x: [
        tf.image.crop_and_resize(x, [[0.0, 0, 1, 1], [0.25, 0, 1, 0.5]], [1, 0], [9, 5], method="nearest"),
        tf.image.crop_and_resize(x, [[-0.5, 0.1, 1.25, 1]], [0], [4, 3], method="nearest", extrapolation_value=3)])
    w = numbers([3, 3, 3, 4])
    case("pad_symmetric", image(1, 4, 5), lambda x: [
        tf.pad(tf.nn.conv2d(x, w, 1, "SAME"), [[0, 0], [4, 2], [1, 5], [0, 0]], "SYMMETRIC"),
        tf.pad(x, [[1, 0], [0, 2], [2, 0], [3, 1]], "SYMMETRIC")])
    case("gelu", {"x": numbers([2, 3, 4, 3], -4, 4)}, lambda x: [tf.nn.gelu(x), tf.nn.gelu(x, approximate=True), tf.math.erfc(x)])



def latest():
    nothing = np.array([0, 1, -2, 0, 3, 0], np.float32)
    case("no_nan", {"a": np.array([0, 2, 0, np.inf, -1, np.nan], np.float32), "b": nothing}, lambda a, b: [
        raw.MulNoNan(x=a, y=b), raw.Xdivy(x=b, y=a), raw.Xlogy(x=b, y=tf.abs(a)), raw.Xlog1py(x=b, y=tf.abs(a)),
        raw.DivNoNan(x=a, y=b)])
    case("atan2", {"a": np.array([1, 1, -1, -1, 0, 0, 2, -2, 0], np.float32),
                   "b": np.array([2, -2, 2, -2, 3, -3, 0, 0, 0], np.float32)}, lambda a, b: tf.atan2(a, b))
    case("truncate_mod", {"a": numbers([3, 4], -5, 5), "b": numbers([4], 0.5, 2)}, lambda a, b: [
        raw.Mod(x=a, y=b), raw.Mod(x=tf.cast(a * 3.0, tf.int32), y=[3, -2, 4, -5])])
    case("scatter_nd", {"at": np.array([[1, 0], [2, 3], [1, 0]], np.int32), "u": numbers([3, 2])},
         lambda at, u: tf.scatter_nd(at, u, [3, 4, 2]))
    rows = np.array([[3], [0]], np.int32)
    case("tensor_scatter", {"x": numbers([5, 3]), "u": numbers([2, 3])}, lambda x, u: [
        tf.tensor_scatter_nd_update(x, rows, u), tf.tensor_scatter_nd_add(x, rows, u),
        tf.tensor_scatter_nd_sub(x, rows, u), tf.tensor_scatter_nd_max(x, rows, u),
        tf.tensor_scatter_nd_min(x, rows, u)])
    case("band_part", {"x": numbers([2, 4, 5])}, lambda x: [
        tf.linalg.band_part(x, 1, 2), tf.linalg.band_part(x, -1, 0), tf.linalg.band_part(x, 0, -1)])
    case("lin_space", {"x": numbers([2, 5])}, lambda x: x * raw.LinSpace(start=-1.0, stop=3.0, num=5))
    corner = numbers([12, 2], 0, 1)
    boxes = np.concatenate([corner, corner + numbers([12, 2], 0.1, 0.6)], 1)
    boxes[3] = boxes[3][[2, 1, 0, 3]]  # corners in the other order
    case("suppression_padded", {"boxes": boxes, "scores": numbers([12], 0, 1)}, lambda b, s: [
        *raw.NonMaxSuppressionV4(boxes=b, scores=s, max_output_size=15, iou_threshold=0.3, score_threshold=0.2,
                                 pad_to_max_output_size=True),
        *raw.NonMaxSuppressionV5(boxes=b, scores=s, max_output_size=8, iou_threshold=1.0, score_threshold=0.25,
                                 soft_nms_sigma=0.4, pad_to_max_output_size=True)])
    case("suppression_soft", {"boxes": boxes, "scores": numbers([12], 0, 1)}, lambda b, s: list(raw.NonMaxSuppressionV5(
        boxes=b, scores=s, max_output_size=12, iou_threshold=0.6, score_threshold=0.3, soft_nms_sigma=0.3)))


if __name__ == "__main__":
    for theme in (convolutions, planar, poolings, arithmetic, reductions, normalisations, shapes, products, resizing, others,
                  vision, later, latest):
        theme()
