"""Nodes for random networks, a function each: draws attributes that are allowed and computes the result's shape.

What is left out is not defined alike everywhere: rounding (another last bit makes another number), align_corners with scales that give
fractions, dilations with SAME padding.
"""
import numpy as np

from network import NoRoom

ACTIVATIONS = ["Relu", "Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Elu", "Selu", "Celu", "Softplus",
               "Softsign", "Mish", "Gelu", "ThresholdedRelu", "Abs", "Neg", "Erf", "Sin", "Exp", "Sqrt", "Reciprocal", "SiLU", "HardSwish6"]


def divisors(number):
    return [d for d in range(1, number + 1) if number % d == 0]


def convolution(net):
    r = net.random
    x, (n, c, h, w) = net.image(lambda n, c, h, w: c <= 64)
    group = r.choice([1, 1, 1, c, *divisors(c)])
    out = r.choice([1, 3, 4, 7, 8, 12, 16, 17, 24, 32]) if group == 1 else group * r.choice([1, 1, 2, 3])
    kernel = r.choice([(1, 1), (3, 3), (3, 3), (1, 3), (5, 5), (2, 2), (7, 1), (4, 3)])
    strides, dilations = [r.choice([1, 1, 2, 3]), r.choice([1, 1, 2])], [r.choice([1, 1, 2, 3]), r.choice([1, 1, 2])]
    padding = r.choice(["", "", "SAME_UPPER", "SAME_LOWER", "VALID"])
    pads = [r.randint(0, 2) for _ in range(4)] if not padding else [0] * 4
    same = padding.startswith("SAME")
    if same:
        dilations = [1, 1]
    spans = [d * (k - 1) + 1 for d, k in zip(dilations, kernel)]
    room = [h + pads[0] + pads[2] - spans[0], w + pads[1] + pads[3] - spans[1]]
    if not same and min(room) < 0:
        raise NoRoom
    extents = [-(-e // s) for e, s in zip((h, w), strides)] if same else [e // s + 1 for e, s in zip(room, strides)]
    attributes = {"auto_pad": padding} if padding else {"pads": pads}
    inputs = [x, net.weights(out, c // group, *kernel)] + ([net.weights(out, spread=0.3)] if r.random() < 0.7 else [])
    net.add("Conv", inputs, (n, out, *extents), strides=strides, dilations=dilations, group=group, **attributes)


def deconvolution(net):
    r = net.random
    x, (n, c, h, w) = net.image(lambda n, c, h, w: c <= 32 and h * w <= 400)
    group, out = r.choice([1, 1, c, *divisors(c)]), r.choice([1, 2, 3, 8])
    kernel = r.choice([(2, 2), (3, 3), (4, 4), (1, 3), (8, 8)])
    strides, dilations = [r.choice([1, 2, 2, 3]), r.choice([1, 2, 4])], [r.choice([1, 1, 2]), 1]
    pads, extra = [r.randint(0, 1) for _ in range(4)], [r.randint(0, s - 1) for s in strides]
    extents = [s * (e - 1) + o + (k - 1) * d + 1 - p - q
               for s, e, o, k, d, p, q in zip(strides, (h, w), extra, kernel, dilations, pads[:2], pads[2:])]
    inputs = [x, net.weights(c, out, *kernel, spread=0.3)] + ([net.weights(group * out, spread=0.3)] if r.random() < 0.6 else [])
    net.add("ConvTranspose", inputs, (n, group * out, *extents), strides=strides, dilations=dilations, group=group, pads=pads,
            output_padding=extra)


def batch_norm(net):
    x = net.pick(lambda shape: len(shape) >= 2)
    c, uniform = net.shapes[x][1], net.numbers.uniform
    values = [uniform(-1, 1.5, c), uniform(-1, 1, c), uniform(-1, 1, c), uniform(0.3, 2, c)]
    net.add("BatchNormalization", [x] + [net.constant(v) for v in values], net.shapes[x], epsilon=1e-3)


def activation(net):
    r, op = net.random, net.random.choice(ACTIVATIONS)
    x = net.pick()
    shape = net.shapes[x]
    made = lambda op, *inputs, **attributes: net.add(op, list(inputs), shape, **attributes)
    number = lambda value: net.constant(np.float32(value))
    if op == "LeakyRelu":
        made(op, x, alpha=r.choice([0.1, 0.01, -0.5, 2.0]))
    elif op == "PRelu":
        slopes = r.choice([(1,), shape[-1:] or (1,), (shape[1],) + (1,) * (len(shape) - 2) if len(shape) > 1 else (1,)])
        made(op, x, net.weights(*slopes, spread=0.5))
    elif op == "Clip":
        low, high = sorted(net.numbers.normal(0, 1, 2))
        made(op, *r.choice([(x, number(low)), (x, "", number(high)), (x, number(low), number(high))]))
    elif op in ("Elu", "Celu", "ThresholdedRelu"):
        made(op, x, alpha=r.choice([0.3, 1.0, 2.0]))
    elif op == "Gelu":
        made(op, x, approximate=r.choice(["none", "tanh"]))
    elif op == "Exp":
        made(op, made("Clip", x, number(-5), number(3)))
    elif op in ("Sqrt", "Reciprocal"):
        made(op, made("Add", made("Abs", x), number(0.5)))
    elif op == "SiLU":
        made("Mul", *r.sample([x, made("Sigmoid", x)], 2))
    elif op == "HardSwish6":
        inner = made("Clip", made("Add", x, number(3)), number(0), number(6))
        made("Div", made("Mul", x, inner), number(6))
    else:
        made(op, x)


def binary(net):
    r = net.random
    x = net.pick()
    shape = net.shapes[x]
    others = [y for y, s in net.shapes.items() if y != x and len(s) == len(shape) and all(a in (1, b) for a, b in zip(s, shape))]
    if others and r.random() < 0.6:
        y = r.choice(others)
    else:
        masks = [(), (1,) * len(shape), shape, shape[-1:], shape[-2:-1] + (1,)]
        y = net.weights(*r.choice(masks + ([(shape[1],) + (1,) * (len(shape) - 2)] if len(shape) > 1 else [])), spread=1)
    op = r.choice(["Add", "Add", "Mul", "Mul", "Sub", "Min", "Max", "Sum", "Mean", "Square"])
    if op == "Square":
        difference = net.add("Sub", r.sample([x, y], 2), shape)
        net.add("Mul", [difference, difference], shape)
    else:
        net.add(op, r.sample([x, y], 2), shape)


def pooling(net):
    r = net.random
    x, (n, c, h, w) = net.image(lambda n, c, h, w: min(h, w) >= 2)
    kernel = [min(r.choice([2, 3, 1, 5]), h), min(r.choice([2, 3, 2]), w)]
    strides, ceil = [r.choice([1, 2, 2, 3]), r.choice([1, 2])], r.choice([0, 0, 1])
    op, attributes = r.choice(["MaxPool", "AveragePool"]), {}
    if r.random() < 0.25:
        extents = [-(-h // strides[0]), -(-w // strides[1])]
        attributes["auto_pad"] = r.choice(["SAME_UPPER", "SAME_LOWER"])
        if any((o - 1) * s + k < e for o, s, k, e in zip(extents, strides, kernel, (h, w))):
            raise NoRoom  # pads below zero
    else:
        pads = [r.randint(0, kernel[i % 2] // 2) for i in range(4)]
        extents = []
        for e, k, s, p, q in zip((h, w), kernel, strides, pads[:2], pads[2:]):
            out = (e + p + q - k + (s - 1) * ceil) // s + 1
            extents.append(out - (ceil and (out - 1) * s >= e + p))  # no window begins behind the image
        attributes.update(pads=pads, ceil_mode=ceil)
    if op == "AveragePool":
        attributes["count_include_pad"] = r.choice([0, 1])
    net.add(op, [x], (n, c, *extents), kernel_shape=kernel, strides=strides, **attributes)


def global_pooling(net):
    x, (n, c, _, _) = net.image()
    net.add(net.random.choice(["GlobalAveragePool", "GlobalMaxPool"]), [x], (n, c, 1, 1))


def concatenation(net):
    r = net.random
    x = net.pick(lambda shape: len(shape) >= 2)
    shape = net.shapes[x]
    axis = r.choice([1, 1, 1, *range(len(shape))])
    others = [y for y, s in net.shapes.items() if len(s) == len(shape) and all(i == axis or a == b for i, (a, b) in enumerate(zip(s, shape)))]
    members = [x] + [r.choice(others) for _ in range(r.randint(1, 3))]
    r.shuffle(members)
    total = sum(net.shapes[m][axis] for m in members)
    if total > 128:
        raise NoRoom
    net.add("Concat", members, shape[:axis] + (total,) + shape[axis + 1:], axis=r.choice([axis, axis - len(shape)]))


def split(net):
    x = net.pick(lambda shape: len(shape) >= 2 and max(shape) >= 2)
    shape = net.shapes[x]
    axis = net.random.choice([i for i, e in enumerate(shape) if e >= 2])
    first = net.random.randint(1, shape[axis] - 1)
    parts = [first, shape[axis] - first]
    net.add("Split", [x, net.integers(parts)], *[shape[:axis] + (p,) + shape[axis + 1:] for p in parts], axis=axis)


def strided_slice(net):
    r = net.random
    x = net.pick(lambda shape: len(shape) >= 2 and max(shape) >= 2)
    shape = list(net.shapes[x])
    axes = r.sample(range(len(shape)), r.randint(1, 2))
    begins, ends, steps = [], [], []
    for axis in axes:
        e = shape[axis]
        begins.append(r.randint(-e, e - 1))
        ends.append(r.choice([r.randint(-e - 1, e + 2), 2**31, -2**31]))
        steps.append(r.choice([1, 1, 2, -1, -2, 3]))
        shape[axis] = len(np.arange(e)[slice(begins[-1], ends[-1], steps[-1])])
    net.add("Slice", [x] + [net.integers(v) for v in (begins, ends, axes, steps)], shape)


def transpose(net):
    x = net.pick(lambda shape: len(shape) >= 2)
    shape = net.shapes[x]
    order = list(range(len(shape)))
    net.random.shuffle(order)
    if len(shape) == 4 and net.random.random() < 0.5:
        order = net.random.choice([[0, 2, 3, 1], [0, 3, 1, 2]])
    net.add("Transpose", [x], [shape[i] for i in order], perm=order)


def reshape(net):
    r = net.random
    x = net.pick()
    shape = net.shapes[x]
    all_elements = int(np.prod(shape))
    kind = r.choice(["Flatten", "Unsqueeze", "Squeeze", "Reshape", "Reshape"])
    if kind == "Flatten" and len(shape) >= 2:
        axis = r.randint(0, len(shape))
        net.add(kind, [x], (int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))), axis=axis)
    elif kind == "Unsqueeze":
        axis = r.randint(0, len(shape))
        net.add(kind, [x, net.integers([axis])], shape[:axis] + (1,) + shape[axis:])
    elif kind == "Squeeze" and 1 in shape:
        axis = shape.index(1)
        net.add(kind, [x, net.integers([axis])], shape[:axis] + shape[axis + 1:])
    else:
        first = r.choice(divisors(all_elements)[:40])
        second = r.choice(divisors(all_elements // first)[:40])
        to = list(r.choice([(first, all_elements // first), (first, second, all_elements // first // second),
                            (1, first, second, all_elements // first // second)]))
        written = list(to)
        if r.random() < 0.4:
            written[r.randrange(len(to))] = -1
        net.add("Reshape", [x, net.integers(written)], to)


def resize(net):
    r = net.random
    x, (n, c, h, w) = net.image(lambda n, c, h, w: h * w <= 600)
    mode = r.choice(["nearest", "linear", "cubic"])
    attributes = {"mode": mode, "coordinate_transformation_mode": r.choice(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])}
    if mode == "nearest":
        attributes["nearest_mode"] = r.choice(["round_prefer_floor", "floor", "ceil", "round_prefer_ceil"])
    if mode == "cubic":
        attributes.update(cubic_coeff_a=r.choice([-0.75, -0.5]), exclude_outside=r.choice([0, 1]))
    if r.random() < 0.5:
        to = (n, c, r.randint(1, 2 * h + 1), r.randint(1, 2 * w + 1))
        net.add("Resize", [x, "", "", net.integers(to)], to, **attributes)
        return
    scales = [r.choice([0.5, 2, 1.5, 3, 0.75]), r.choice([2, 0.5, 1, 1.25])]
    extents = [h * scales[0], w * scales[1]]
    if attributes["coordinate_transformation_mode"] == "align_corners" and any(e % 1 for e in extents):
        raise NoRoom
    net.add("Resize", [x, "", net.constant([1, 1, *scales])], (n, c, *map(int, extents)), **attributes)


def padding(net):
    r = net.random
    x = net.pick(lambda shape: len(shape) >= 2)
    shape = net.shapes[x]
    mode = r.choice(["constant", "constant", "reflect", "edge", "wrap"])
    before, after = [0] * len(shape), [0] * len(shape)
    for axis in r.sample(range(len(shape)), 2):
        most = {"reflect": shape[axis] - 1, "wrap": shape[axis]}.get(mode, 2)
        before[axis], after[axis] = r.randint(0, min(2, most)), r.randint(0, min(2, most))
    inputs = [x, net.integers(before + after)] + ([net.constant(np.float32(1.5))] if mode == "constant" and r.random() < 0.5 else [])
    net.add("Pad", inputs, [sum(e) for e in zip(shape, before, after)], mode=mode)


def softmax(net):
    x = net.pick(lambda shape: len(shape) >= 1)
    rank = len(net.shapes[x])
    net.add(net.random.choice(["Softmax", "Softmax", "LogSoftmax"]), [x], net.shapes[x], axis=net.random.randint(-rank, rank - 1))


def reduction(net):
    r = net.random
    x = net.pick(lambda shape: len(shape) >= 1)
    shape = net.shapes[x]
    axes, keep = r.sample(range(len(shape)), r.randint(1, len(shape))), r.choice([0, 1])
    to = [1 if i in axes else e for i, e in enumerate(shape) if keep or i not in axes]
    op = r.choice(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceL1", "ReduceSumSquare", "ReduceLogSumExp"])
    net.add(op, [x, net.integers([a - r.choice([0, len(shape)]) for a in axes])], to, keepdims=keep)


def matrix_product(net):
    r = net.random
    x = net.pick(lambda shape: len(shape) >= 2 and shape[-1] <= 512)
    shape = net.shapes[x]
    others = [y for y, s in net.shapes.items() if len(s) == len(shape) and s[:-2] == shape[:-2] and s[-2] == shape[-1]]
    if others and r.random() < 0.5:
        y = r.choice(others)
        net.add("MatMul", [x, y], shape[:-1] + net.shapes[y][-1:])
    elif r.random() < 0.3:
        order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
        turned = net.add("Transpose", [x], [shape[i] for i in order], perm=order)
        product = net.add("MatMul", [x, turned], shape[:-1] + (shape[-2],))
        net.add("Mul", [product, net.constant(np.float32(1 / shape[-1]))], net.shapes[product])
    else:
        columns = r.choice([1, 2, 5, 8, 16, 33])
        net.add("MatMul", [x, net.weights(shape[-1], columns, spread=shape[-1]**-0.5)], shape[:-1] + (columns,))


def gemm(net):
    r = net.random
    x = net.pick(lambda shape: len(shape) == 2 and max(shape) <= 1024)
    turn_a, turn_b, n = r.choice([0, 0, 1]), r.choice([0, 1]), r.choice([1, 3, 10, 16, 31])
    m, k = net.shapes[x][::-1] if turn_a else net.shapes[x]
    inputs = [x, net.weights(*((n, k) if turn_b else (k, n)), spread=k**-0.5)]
    if r.random() < 0.8:
        inputs.append(net.weights(*r.choice([(n,), (1, n), (m, n), (m, 1), ()]), spread=0.5))
    net.add("Gemm", inputs, (m, n), transA=turn_a, transB=turn_b, alpha=r.choice([1.0, 0.5]), beta=r.choice([1.0, 2.0]))


def normalization(net):
    r, kind = net.random, net.random.choice(["Layer", "Instance", "Group", "LRN", "Lp"])
    if kind == "Layer":
        x = net.pick(lambda shape: len(shape) >= 2)
        shape = net.shapes[x]
        axis = r.choice([-1, -1, len(shape) - 2])
        inputs = [x, net.weights(*shape[axis:], spread=1)] + ([net.weights(*shape[axis:], spread=1)] if r.random() < 0.7 else [])
        net.add("LayerNormalization", inputs, shape, axis=axis, epsilon=1e-3)
        return
    x, shape = net.image()
    per_channel = [net.weights(shape[1], spread=1), net.weights(shape[1], spread=1)]
    if kind == "Instance":
        net.add("InstanceNormalization", [x, *per_channel], shape, epsilon=1e-2)
    elif kind == "Group":
        net.add("GroupNormalization", [x, *per_channel], shape, num_groups=r.choice(divisors(shape[1])), epsilon=1e-2)
    elif kind == "LRN":
        net.add("LRN", [x], shape, size=r.choice([3, 5]), alpha=0.01, beta=0.75, bias=1.0)
    else:
        net.add("LpNormalization", [x], shape, axis=r.choice([1, -1]), p=r.choice([1, 2]))


def rearrangement(net):
    r = net.random
    kind = r.choice(["DepthToSpace", "SpaceToDepth", "Tile", "Expand", "Gather", "Where", "CumSum", "shuffle", "Trilu", "Identity"])
    x = net.pick(lambda shape: len(shape) >= 2)
    shape = net.shapes[x]
    n, c, h, w = shape if len(shape) == 4 else (0, 1, 1, 1)
    if kind == "DepthToSpace" and c % 4 == 0:
        net.add(kind, [x], (n, c // 4, 2 * h, 2 * w), blocksize=2, mode=r.choice(["DCR", "CRD"]))
    elif kind == "SpaceToDepth" and h % 2 == 0 and w % 2 == 0:
        net.add(kind, [x], (n, 4 * c, h // 2, w // 2), blocksize=2)
    elif kind == "shuffle" and n and c % 2 == 0:
        apart = net.add("Reshape", [x, net.integers([n, 2, c // 2, h, w])], (n, 2, c // 2, h, w))
        turned = net.add("Transpose", [apart], (n, c // 2, 2, h, w), perm=[0, 2, 1, 3, 4])
        net.add("Reshape", [turned, net.integers(shape)], shape)
    elif kind == "Tile" and np.prod(shape) <= 2000:
        repeats = [r.choice([1, 1, 2, 3]) for _ in shape]
        net.add(kind, [x, net.integers(repeats)], [a * b for a, b in zip(shape, repeats)])
    elif kind == "Expand" and 1 in shape and np.prod(shape) <= 2000:
        to = [e if e > 1 else r.choice([1, 3, 4]) for e in shape]
        net.add(kind, [x, net.integers(to)], to)
    elif kind == "Gather":
        axis = r.randrange(len(shape))
        indices = np.array([r.randint(-shape[axis], shape[axis] - 1) for _ in range(r.randint(1, 5))])
        indices = indices[0] if r.random() < 0.3 else indices
        net.add(kind, [x, net.integers(indices)], shape[:axis] + np.shape(indices) + shape[axis + 1:], axis=axis)
    elif kind == "Where":
        mask = net.constant(net.numbers.random(r.choice([(), shape, shape[-1:]])) < 0.5, bool)
        net.add(kind, [mask, x, r.choice(net.same_shape(shape))], shape)
    elif kind == "CumSum":
        net.add(kind, [x, net.integers(r.randrange(len(shape)))], shape, exclusive=r.choice([0, 1]), reverse=r.choice([0, 1]))
    elif kind == "Trilu":
        net.add(kind, [x], shape, upper=r.choice([0, 1]))
    elif kind == "Identity":
        net.add(kind, [x], shape)
    else:
        raise NoRoom


# As often as they stand here.
MAKERS = ([convolution] * 7 + [activation] * 6 + [binary] * 6 + [batch_norm, pooling, concatenation, rearrangement] * 3 +
          [deconvolution, strided_slice, transpose, reshape, resize, padding, reduction, matrix_product, gemm, normalization] * 2 +
          [global_pooling, split, softmax])
