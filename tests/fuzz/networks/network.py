"""A random ONNX network in the making: tensors with known shapes, and nodes that make more of them."""
import random

import numpy as np
from onnx import TensorProto, helper, numpy_helper

MOST_ELEMENTS = 200_000
MOST_RANK = 6


class NoRoom(Exception):
    """No tensor suits the node that was drawn, or its result would be too large."""


class Network:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.name = f"network{seed}"
        self.nodes, self.constants, self.inputs = [], {}, []
        self.shapes = {}  # of inputs and results, in the order in which they came

    # ---- what nodes are made of

    def fresh(self, prefix):
        return f"{prefix}{len(self.nodes)}_{len(self.shapes)}_{len(self.constants)}"

    def constant(self, values, dtype=np.float32):
        name = self.fresh("c")
        self.constants[name] = numpy_helper.from_array(np.asarray(values, dtype), name)
        return name

    def integers(self, values):
        return self.constant(values, np.int64)

    def weights(self, *shape, spread=None):
        """Normal numbers; without a spread so that sums of products over all but the first extent stay near 1."""
        terms = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        return self.constant(self.numbers.normal(0, spread or terms**-0.5, shape))

    def pick(self, suits=lambda shape: True):
        """A tensor whose shape suits, a recent one more often."""
        names = [name for name, shape in self.shapes.items() if suits(shape)]
        if not names:
            raise NoRoom
        return names[-1] if self.random.random() < 0.6 else self.random.choice(names)

    def image(self, suits=lambda n, c, h, w: True):
        name = self.pick(lambda shape: len(shape) == 4 and suits(*shape))
        return name, self.shapes[name]

    def same_shape(self, shape):
        return [name for name, other in self.shapes.items() if other == tuple(shape)]

    def add(self, op, inputs, *shapes, **attributes):
        """Appends a node; gives the name of its result, or names where there are several shapes."""
        for shape in shapes:
            if min(shape, default=1) < 1 or np.prod(shape) > MOST_ELEMENTS or len(shape) > MOST_RANK:
                raise NoRoom
        names = [self.fresh("t") + f"_{i}" for i in range(len(shapes))]
        self.nodes.append(helper.make_node(op, inputs, names, name=self.fresh(op + "_"), **attributes))
        self.shapes.update({name: tuple(map(int, shape)) for name, shape in zip(names, shapes)})
        return names[0] if len(names) == 1 else names

    # ---- the whole

    def add_inputs(self):
        r = self.random
        image = (r.choice([1, 1, 2, 3]), r.choice([1, 3, 4, 8, 12, 16, 17]), r.choice([1, 5, 8, 9, 13, 16]), r.choice([1, 6, 7, 8, 15, 16]))
        for _ in range(r.choice([1, 1, 1, 2])):
            name = f"input{len(self.inputs)}"
            self.shapes[name] = image if r.random() < 0.85 else image[:r.choice([2, 3])]
            self.inputs.append(name)

    def grow(self, makers, size):
        """Adds nodes by makers drawn from the list until there are `size`."""
        for _ in range(40 * size):
            if len(self.nodes) >= size:
                return
            nodes, shapes = len(self.nodes), dict(self.shapes)
            try:
                self.random.choice(makers)(self)
            except NoRoom:
                del self.nodes[nodes:]
                self.shapes = shapes

    def model(self):
        """The ONNX model: what no node reads is an output, and so is a tenth of the rest."""
        read = {name for node in self.nodes for name in node.input}
        made = [name for name in self.shapes if name not in self.inputs]
        outputs = [name for name in made if name not in read or self.random.random() < 0.1]

        def values(names):
            return [helper.make_tensor_value_info(n, TensorProto.FLOAT, self.shapes[n]) for n in names]

        inputs = [name for name in self.inputs if name in read]
        graph = helper.make_graph(self.nodes, self.name, values(inputs), values(outputs), [c for n, c in self.constants.items() if n in read])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
