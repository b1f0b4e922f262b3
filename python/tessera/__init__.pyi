"""Runs trained neural networks on any OpenCL device.

A model becomes a Graph (import_model), the graph an Engine on a Device, and a Context runs the engine on numpy arrays:

    graph = tessera.import_model("net.onnx")
    engine = tessera.Engine.build(graph, tessera.Device.select("gpu"))
    outputs = tessera.Context(engine).run({"input": image})

Shapes are tuples, outermost extent first; images are N, C, H, W. Long calls release the GIL.
"""
from os import PathLike
import concurrent.futures
import pathlib
from typing import Any, Callable, ClassVar, Generator, Literal, Mapping, Sequence

import logging
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__version__: str

_Array = NDArray[Any]
_Path = str | PathLike[str]
_Shape = tuple[int, ...]
_Attribute = bool | int | float | str | Sequence[int] | Sequence[float]
_PrecisionName = Literal["fp32", "fp16", "int8"]
_PrecisionChoice = Literal["rules", "measured"]
_CalibrationMethod = Literal["auto", "entropy", "minmax", "percentile", "mse"]
_ResizeMode = Literal["linear", "nearest", "area", "antialiased"]
_ImageFit = Literal["stretch", "letterbox", "letterbox-top-left", "crop"]
_ChannelOrder = Literal["BGR", "RGB", "GREY"]
_PixelFormat = Literal["BGR", "RGB", "GREY", "planar_BGR", "planar_RGB", "NV12"]
_YuvColors = Literal["BT.601", "BT.709", "BT.601_full"]
_Numbers = int | Sequence[int]
_Parameter = int | ArrayLike | None
_OutputLayout = Literal["auto", "NCHW", "NHWC", "classes", "mask"]
_Launches = Literal["measured", "steps", "one"]
_BoxDecoding = Literal["center-size", "cells", "anchors", "scaled-anchors", "distances", "priors", "fastestdet"]
_DetectionLayout = Literal["joined", "per-scale", "split", "split-per-scale", "rows", "listed"]
_ScoreKind = Literal["auto", "probabilities", "logits"]
_TuneMode = Literal["off", "cached", "fast", "full", "background"]
_LogLevel = Literal["trace", "debug", "info", "warning", "error", "critical", "off"]

class Error(Exception):
    """Every error that Tessera raises. The text is a complete sentence that names file, node and reason where they are
    known. There is a class for each code."""

    code: ClassVar[str]  #: the code's name in C++, "BadModel" say

class InvalidArgument(Error, ValueError):
    """The caller passed something that can never work."""  # C++: ErrorCode::InvalidArgument

class Unsupported(Error):
    """Valid, but Tessera has no implementation; the text says what would help."""  # C++: ErrorCode::Unsupported

class BadModel(Error):
    """A model file is damaged or contradicts itself."""  # C++: ErrorCode::BadModel

class DeviceError(Error):
    """An OpenCL call or a kernel build failed; the text names call, code and kernel."""  # C++: ErrorCode::DeviceError

class Cancelled(DeviceError):
    """What a run ends with that Context.cancel() has stopped."""

class OutOfMemory(Error, MemoryError):
    """The device or the host has no room."""  # C++: ErrorCode::OutOfMemory

class BadCache(Error):
    """A calibration cache, a tuning cache or a plan is damaged or belongs to something else."""  # C++: ErrorCode::BadCache

class Internal(Error):
    """A defect of Tessera itself."""  # C++: ErrorCode::Internal

def set_logger(logger: logging.Logger | Callable[[str, str], object] | None) -> None:
    """Sends the library's messages to a logger of Python, or to a callable that is given level and message; None:
    silence. Without it, warnings and errors go to stderr. Messages may come from threads of the library."""

def set_log_level(level: _LogLevel) -> None:
    """The least important level that is logged; "warning" at first."""  # C++: log

class DeviceCaps:
    """Facts about a device that kernels depend on."""

    platform: str  #: name of the platform
    name: str  #: of the device
    vendor: str  #: as the device gives it
    driver: str  #: its version
    version: str  #: "OpenCL 3.0 ..", as the device gives it
    kind: Literal["cpu", "gpu", "other"]  #: what OpenCL says it is
    compute_units: int  #: cores of a CPU, multiprocessors of a GPU
    max_work_group: int  #: work-items of a group, at most
    max_work_item: tuple[int, int, int]  #: of them along each dimension, at most
    local_memory: int  #: bytes a work-group may use
    global_memory: int  #: bytes
    max_allocation: int  #: bytes of one buffer
    address_align: int  #: bytes; sub-buffers begin at multiples of it
    sub_buffers: bool  #: False: the driver fails on them
    parallel_builds: bool  #: False: the driver's compiler crashes when several threads build programs
    fences: bool  #: after a fence and an atomic, other work-groups of a kernel see what was written
    fp64: bool  #: computes in double
    fp16: bool  #: arithmetic declared by the driver; storage in half needs nothing
    pocl: bool  #: CPU through PoCL
    nvidia: bool  #: takes inline PTX
    nvidia_compute_capability: int  #: 90 for sm_90, say; 0: not NVIDIA or unknown
    avx512: bool  #: PoCL on a host with AVX-512
    avx512_vnni: bool  #: PoCL on a host with AVX-512 VNNI
    amx_int8: bool  #: PoCL on a host with tile registers for codes (AMX); in int8_caps() only
    integer_dot_product: bool  #: cl_khr_integer_dot_product with packed 4x8 signed input
    dot4: str  #: body of the four-element dot product that INT8 kernels use; see Device.int8_caps
    vector_float: int  #: preferred float vector width
    @property
    def is_cpu(self) -> bool:
        """Whether kernels run on a CPU."""
    def fingerprint(self) -> str:
        """Identity of device and driver for caches."""
    def classes(self) -> list[str]:
        """Classes of devices that it belongs to, the narrowest first; default tactics are looked up by them."""

class Dot4Probe:
    """What probing found about one body of the four-element dot product."""  # C++: Device::Dot4Probe

    body: str  #: which of them
    works: bool  #: compiled, and computed right
    gops: float  #: 10^9 operations per second (a product and a sum count two); 0: not measured
    why: str  #: why it can not be used

class Device:
    """One OpenCL device."""

    @staticmethod
    def all() -> list[Device]:
        """Every device that the ICD loader gives; empty where there is no OpenCL."""
    @staticmethod
    def select(selector: str = "") -> Device:
        """`selector`: an index into all(), "cpu", "gpu", or part of a name (any case); "" prefers a GPU. Raises DeviceError
        that lists what there is."""
    @property
    def caps(self) -> DeviceCaps:
        """Facts about it, without the dot4 body."""
    def int8_caps(self) -> DeviceCaps:
        """caps with the fastest dot4 body that compiled and computed right here; probed once, at the first call."""
    def dot4_probes(self) -> list[Dot4Probe]:
        """One for each body of the four-element dot product."""

class GraphTensor:
    """One value of a graph: a constant, an input, or the output of a layer."""

    name: str  #: the source model's, where it has one
    dtype: np.dtype[Any]  #: of the elements # C++: GraphTensor::type
    shape: _Shape  #: the most there can be, where a count says how much means something
    constant: _Array | None  #: a copy of its value, for constants only

class Layer:
    """One operator applied to tensors (docs/operators.md)."""

    name: str  #: the source model's; fused layers keep the name of the one that computes
    op: str  #: the operator's name
    attrs: dict[str, int | float | str | list[int] | list[float]]  #: those that are missing have the operator's defaults
    inputs: list[int | None]  #: tensors by index; None for an absent optional input
    outputs: list[int]  #: tensors by index

class Graph:
    """A network as layers over tensors, in the order they run: made by an importer, or layer by layer with add_input,
    add_constant, add and mark_output. Tensors are named by their index into tensors."""

    name: str  #: the model's; goes into messages and caches
    def __init__(self, name: str = "") -> None:
        """An empty one."""
    def add_input(self, name: str, shape: Sequence[int], dtype: DTypeLike = "float32") -> int:
        """Appends an input of the network."""
    def add_constant(self, name: str, value: ArrayLike) -> int:
        """Adds a tensor whose value is known; the array is copied. Its dtype is the tensor's, and float64 is none of them."""
    def add(self, op: str, name: str, inputs: Sequence[int | None], attrs: Mapping[str, _Attribute] = {},
            output_names: Sequence[str] = ()) -> int:
        """Appends a layer, infers type and shape of its outputs, and returns the first of them. The outputs are called
        `output_names`, or `<name>:<i>`. Raises InvalidArgument that names layer and reason where the operator refuses."""
    def add_layer(self, op: str, name: str, inputs: Sequence[int | None], attrs: Mapping[str, _Attribute] = {},
                  output_names: Sequence[str] = ()) -> Layer:
        """As add(), for layers of several outputs."""
    def mark_output(self, tensor: int) -> None:
        """Appends to outputs."""
    @property
    def tensors(self) -> list[GraphTensor]:
        """All of them, by index."""
    @property
    def layers(self) -> list[Layer]:
        """Producers before consumers."""
    @property
    def inputs(self) -> list[int]:
        """Of the network, in the model's order."""
    @property
    def outputs(self) -> list[int]:
        """Of the network, in the model's order."""
    def tensor(self, index: int) -> GraphTensor:
        """One of tensors."""
    def find_tensor(self, name: str) -> int | None:
        """The index of the tensor of that name; None where there is none."""
    def is_output(self, tensor: int) -> bool:
        """Whether it is an output of the network."""
    def producer(self, tensor: int) -> int | None:
        """Index of the layer that computes it; None for inputs and constants."""
    def consumers(self, tensor: int) -> list[int]:
        """Indices of the layers that read it, in order."""
    def replace_uses(self, old: int, new: int) -> None:
        """Replaces every use of `old`, outputs of the network too, by `new`."""
    def compact(self) -> None:
        """Drops tensors that nothing refers to and gives the others new indices; keeps inputs."""
    def copy(self) -> Graph:
        """A graph of its own; values of constants are shared."""  # C++: Graph
    def verify(self) -> None:
        """Checks order, types, shapes and single producers; raises Internal that says what is wrong."""
    def text(self) -> str:
        """Stable dump, one line a layer; equal graphs give equal text."""
    def hash(self) -> int:
        """Of structure, shapes and constants, 64 bits."""

class NetworkBuilder:
    """Makes a Graph layer by layer with a function for each common operator. Values are float32 unless said otherwise; images
    are N, C, H, W; values are named by their index. Stride, kernel and the like are one number, or one for each spatial extent;
    pad one number, one for each extent, or begins and then ends. Weights, scales and biases are arrays, or values of the
    network. Raises InvalidArgument that names layer, shapes and reason where operands do not fit."""

    def __init__(self, name: str = "") -> None:
        """name: Graph.name; messages begin with it."""
    def input(self, name: str, shape: Sequence[int], dtype: DTypeLike = "float32") -> int:
        """An input of the network."""
    def constant(self, value: ArrayLike, name: str = "") -> int:
        """A tensor whose values are known; for several layers that share it, or as an operand."""
    def output(self, value: int, name: str) -> None:
        """Makes `value` an output of the network under this name."""
    def convolution(self, x: int, weights: _Parameter, *, stride: _Numbers = 1, pad: _Numbers = 0, dilation: _Numbers = 1,
                    group: int = 1, bias: _Parameter = None, name: str = "") -> int:
        """Cross-correlation of x [N, C, ..] with weights [K, C / group, k..]."""
    def deconvolution(self, x: int, weights: _Parameter, *, stride: _Numbers = 1, pad: _Numbers = 0, dilation: _Numbers = 1,
                      output_padding: _Numbers = 0, group: int = 1, bias: _Parameter = None, name: str = "") -> int:
        """Transposed convolution of x [N, C, ..] with weights [C, K / group, k..]."""
    def fully_connected(self, x: int, weights: _Parameter, *, bias: _Parameter = None, name: str = "") -> int:
        """x [N, ..], flattened to [N, I], times weights [O, I] transposed."""
    def mat_mul(self, a: int, b: int) -> int:
        """a [.., M, K] times b [.., K, N], as numpy's matmul."""
    def max_pool(self, x: int, kernel: _Numbers, *, stride: _Numbers = 1, pad: _Numbers = 0, ceil_mode: bool = False,
                 count_include_pad: bool = False, name: str = "") -> int:
        """The largest of every window of `kernel` cells. ceil_mode: the last window may hang over the end."""
    def average_pool(self, x: int, kernel: _Numbers, *, stride: _Numbers = 1, pad: _Numbers = 0, ceil_mode: bool = False,
                     count_include_pad: bool = False, name: str = "") -> int:
        """The mean of every window. count_include_pad: averages divide by the whole window."""
    def global_average_pool(self, x: int) -> int:
        """The mean over all spatial extents, which become 1."""
    def global_max_pool(self, x: int) -> int:
        """The largest over all spatial extents, which become 1."""
    def batch_norm(self, x: int, scale: _Parameter, bias: _Parameter, mean: _Parameter, variance: _Parameter,
                   epsilon: float = 1e-5) -> int:
        """(x - mean) / sqrt(variance + epsilon) * scale + bias, each of them [C]."""
    def instance_norm(self, x: int, scale: _Parameter, bias: _Parameter, epsilon: float = 1e-5) -> int:
        """Over the spatial extents of each image and channel; scale and bias [C]."""
    def layer_norm(self, x: int, scale: _Parameter, bias: _Parameter, axis: int = -1, epsilon: float = 1e-5) -> int:
        """Over the extents from `axis` on, which scale and bias have."""
    def relu(self, x: int) -> int:
        """max(x, 0)."""
    def leaky_relu(self, x: int, alpha: float = 0.01) -> int:
        """alpha x below 0."""
    def prelu(self, x: int, slope: _Parameter) -> int:
        """slope x below 0; slope broadcast against x."""
    def sigmoid(self, x: int) -> int:
        """1 / (1 + exp(-x))."""
    def tanh(self, x: int) -> int:
        """Hyperbolic tangent."""
    def silu(self, x: int) -> int:
        """x sigmoid(x)."""
    def hard_swish(self, x: int) -> int:
        """x min(max(x + 3, 0), 6) / 6."""
    def gelu(self, x: int) -> int:
        """x (1 + erf(x / sqrt(2))) / 2."""
    def clip(self, x: int, least: float, most: float) -> int:
        """Between `least` and `most`; clip(x, 0, 6) is Relu6."""
    def softmax(self, x: int, axis: int = 1) -> int:
        """Over one axis."""
    def log_softmax(self, x: int, axis: int = 1) -> int:
        """The logarithm of softmax()."""
    def add(self, a: int, b: int) -> int:
        """a + b, broadcast as numpy does."""
    def sub(self, a: int, b: int) -> int:
        """a - b."""
    def mul(self, a: int, b: int) -> int:
        """a b."""
    def div(self, a: int, b: int) -> int:
        """a / b."""
    def concat(self, parts: Sequence[int], axis: int = 1) -> int:
        """One behind the other."""
    def reshape(self, x: int, shape: Sequence[int]) -> int:
        """An extent of -1 is what is left; 0 stays as it is."""
    def flatten(self, x: int) -> int:
        """[N, everything else]."""
    def transpose(self, x: int, order: Sequence[int]) -> int:
        """Extent i of the result is x's order[i]."""
    def slice(self, x: int, starts: Sequence[int], sizes: Sequence[int]) -> int:
        """`sizes` elements of every extent from `starts` on."""
    def pad(self, x: int, around: _Numbers, value: float = 0) -> int:
        """Of the spatial extents."""
    def resize(self, x: int, size: _Numbers, *, mode: str = "linear", coordinate: str = "half_pixel", antialias: bool = False,
               name: str = "") -> int:
        """The spatial extents to `size`; mode ("nearest", "linear", "cubic") and coordinate as ONNX Resize names them."""
    def reduce_mean(self, x: int, axes: Sequence[int], keep_extents: bool = True) -> int:
        """Over `axes`."""
    def arg_max(self, x: int, axis: int = 1) -> int:
        """int64, the axis becomes 1."""
    def depth_to_space(self, x: int, block: int) -> int:
        """Channels to block x block pixels (order DCR)."""
    def layer(self, op: str, inputs: Sequence[int | None], attrs: Mapping[str, _Attribute] = {}, name: str = "") -> int:
        """Any operator of docs/operators.md; the first of its outputs."""
    def shape(self, value: int) -> _Shape:
        """Of a value."""
    def build(self) -> Graph:
        """The network. Raises InvalidArgument where it has no output."""

def import_model(model: _Path, *, batch: int = 1, input_shapes: Mapping[str, Sequence[int]] = {},
                 open_shape: Callable[[str, list[int]], Sequence[int] | None] | None = None,
                 constants: Mapping[str, ArrayLike] = {}, max_constant_bytes: int = 1 << 27,
                 max_folded_work: int = 1 << 28, max_layers: int = 1 << 16, decode_ends: bool = False) -> Graph:
    """Imports `model.onnx`, `net.prototxt,net.caffemodel`, or a model of TensorFlow (`.pb`, `.tflite`, `.uff`); the bytes tell
    which.

    batch: value of an open batch extent.
    input_shapes: shapes of inputs by name; they replace the model's. "*" fills what the model leaves open in every input of
        that many extents.
    open_shape: called with name and declared extents (-1: open; an empty list: unknown) of inputs that `input_shapes` does
        not close; returns a shape, or None to leave it open.
    constants: inputs to freeze, by name. A number stands for all elements.
    max_constant_bytes, max_folded_work, max_layers: what an import may spend (bytes of constants, multiply-adds to fold
        them, layers after loops are unrolled), beside an allowance for every byte of the files.
    decode_ends: inputs and outputs in codes (i8, u8) become f32, and are coded and decoded inside.

    Raises BadModel that names file and reason, or one Unsupported that lists every node Tessera can not run."""

def import_onnx(file: _Path, *, batch: int = 1, input_shapes: Mapping[str, Sequence[int]] = {},
                open_shape: Callable[[str, list[int]], Sequence[int] | None] | None = None,
                constants: Mapping[str, ArrayLike] = {}, max_constant_bytes: int = 1 << 27,
                max_folded_work: int = 1 << 28, max_layers: int = 1 << 16, decode_ends: bool = False) -> Graph:
    """As import_model(), of a file of any name."""

def import_caffe(prototxt: _Path, caffemodel: _Path, *, batch: int = 1, input_shapes: Mapping[str, Sequence[int]] = {},
                 open_shape: Callable[[str, list[int]], Sequence[int] | None] | None = None,
                 constants: Mapping[str, ArrayLike] = {}, max_constant_bytes: int = 1 << 27,
                 max_folded_work: int = 1 << 28, max_layers: int = 1 << 16, decode_ends: bool = False) -> Graph:
    """As import_model(), of files of any names."""

def load_plugins(file: _Path) -> list[str]:
    """Makes the plugins of a manifest (.json) or a library (.so), or of all of them in a folder, known, and returns their names.

    Models that are imported afterwards may have layers of these. Raises InvalidArgument that names the file and the reason."""

class Pass:
    """One rewrite of the graph that does not change what it computes."""

    name: str  #: "fold-batch-norm", say
    purpose: str  #: one line

def all_passes() -> list[Pass]:
    """All passes in the order they run."""

def optimize(graph: Graph, passes_off: Sequence[str] = ()) -> None:
    """Runs all passes but those named. Engine.build() does it by itself."""

class TuneProgress:
    """How far a search for kernels is; the milliseconds are sums over the network's layers."""

    layer: str  #: being searched for, in the source model's names
    elapsed: float  #: seconds
    budget: float  #: seconds that searches may take
    fraction: float  #: of the whole search, 0 to 1
    candidates: int  #: tried so far
    untuned: float  #: milliseconds of a pass before the search
    best: float  #: milliseconds of a pass with the best found so far

class TuneOptions:
    """How much an engine's kernels are searched for, and where what was found is kept."""

    mode: _TuneMode  #: "off": untuned; "cached": records of earlier searches; "fast", "full": search about a minute, some minutes; "background": as "cached", and a thread searches while contexts run (progress is not called)
    seconds: float  #: budget of a build, about; 0: 50 (CPUs 75) for "fast", 600 for "full"
    folder: str | None  #: of the records; None: `$TESSERA_CACHE_DIR`, else the user's cache folder; "": records last as long as the engine
    shipped: str  #: a file of records that comes with an application: looked into, never written
    progress: Callable[[TuneProgress], object] | None  #: called between candidates, from the thread that builds the engine
    worker: list[str]  #: program with arguments in which candidates run, so that one that crashes costs nothing else: TUNE_WORKER
    verify: bool  #: compares the tuned network with the untuned one, see TuneReport.check
    patience: float  #: seconds without a sign of life after which a worker's candidate counts as hanging
    workspace_limit: int | None  #: bytes that the kernels of one layer may take beside its operands: others are not offered
    def __init__(self, mode: _TuneMode = "cached", *, seconds: float = 0, folder: _Path | None = None, shipped: _Path = "",
                 progress: Callable[[TuneProgress], object] | None = None, worker: Sequence[str] = (), verify: bool = False,
                 patience: float = 60, workspace_limit: int | None = None) -> None:
        """Arguments are the attributes."""

TUNE_WORKER: list[str]

def run_tune_worker() -> int:
    """Serves the process that started this one as TuneOptions.worker; returns the exit code. `python -m tessera.tune_worker`
    calls it."""

class NetworkCheck:
    """What comparing a tuned network with the untuned one on random inputs found. A network that is wrong is not kept."""

    done: bool  #: something was compared
    right: bool  #: as far as it was
    outputs: int  #: of the network, that were compared
    values: int  #: elements of them
    kernels: int  #: compared one by one
    difference: float  #: the largest, as a share of its output's range
    wrong: str  #: what is wrong: the layer, its kernel and tactic where they were found

class LimitedLayer:
    """A layer that would run with other kernels if it were not for TuneOptions.workspace_limit."""

    layer: str  #: in the source model's names
    wanted: str  #: family and tactic that it would have
    workspace: int  #: bytes that these take
    taken: str  #: family and tactic that it has
    wanted_milliseconds: float  #: of a pass, as measured on this device; 0: not measured
    taken_milliseconds: float  #: likewise

class TuneReport:
    """Where the tactics of an engine came from."""

    problems: int  #: distinct kernels that were chosen
    planned: int  #: by the plan that the engine came from
    exact: int  #: by a record of this device
    stale: int  #: by a record of this device with another driver
    defaults: int  #: by a default tactic of the device's class
    fallback: int  #: without any of these
    candidates: int  #: tried for this engine; 0: nothing was tuned
    bad: int  #: of these, wrong, crashed or hung
    seconds: float  #: spent on them
    check: NetworkCheck  #: after every search that changed the network
    limited: list[LimitedLayer]  #: what the limit of the workspace cost

class Calibration:
    """What calibration found: portable to any device. Keys are names of the source model's tensors and layers. The attributes
    are copies: assign them to change them."""

    graph_name: str  #: of the network
    graph_hash: int  #: Graph.hash() of the graph as imported; 0: not known (foreign caches)
    method: str  #: CalibrationOptions.method, or where the scales came from
    scales: dict[str, float]  #: by tensor: threshold / 127
    least: dict[str, float]  #: by tensor: no value lies below that; codes then use the whole range around a zero point
    channel_peaks: dict[str, list[float]]  #: by tensor: the largest absolute value of each channel
    float_tensors: set[str]  #: tensors to keep in floating point though codes would be possible
    float_layers: set[str]  #: layers to keep in floats: what precision_rest says
    half_layers: set[str]  #: layers to keep in fp16
    partial: bool  #: tensors without a scale stay in floats; else a missing scale is an error
    bias_correction: dict[str, list[float]]  #: by layer: added to the bias, one per output channel
    weight_scales: dict[str, list[float]]  #: by layer: given scales; else max / 127
    weight_steps: dict[str, list[int]]  #: by layer: what each weight's code is off the nearest, -1, 0 or 1
    def __init__(self) -> None:
        """One without scales."""
    @staticmethod
    def parse(text: str | bytes, source: str = "the calibration cache") -> Calibration:  # C++: parseAnyCalibration
        """Reads a cache of Tessera's or of TensorRT's, told apart by the first line. Raises BadCache that names `source` (a
        file, say), line and reason."""
    def text(self) -> str:  # C++: calibrationText
        """Tessera's cache (docs/cache_and_plan_format.md)."""
    def tensorrt_text(self) -> str:  # C++: tensorrtCacheText
        """TensorRT's cache."""

class ShapeRange:
    """The shapes that one input may take: as many extents, each from min's to max's on its own (docs/shapes.md)."""

    min: _Shape  #: the least of every extent
    opt: _Shape  #: what kernels are tuned for, beside max
    max: _Shape  #: the most of every extent
    def __init__(self, min: Sequence[int], opt: Sequence[int], max: Sequence[int]) -> None:
        """Arguments are the attributes."""
    def contains(self, shape: Sequence[int]) -> bool:
        """Whether the input may take it."""

class EngineOptions:
    """How to build an engine."""

    precision: _PrecisionName  #: "fp32", "fp16" (half in memory, sums in fp32), or "int8"
    passes_off: list[str]  #: passes of the graph to leave out # C++: EngineOptions::passes
    calibration: Calibration | None  #: needed for "int8"; copied where it is assigned
    keep_fp32: list[str]  #: "fp16" and "int8": layers that stay in fp32; an unknown name is an error # C++: PrecisionOptions::keepFp32
    keep_first_last: bool  #: likewise the first and the last layer with weights # C++: PrecisionOptions::keepFirstLast
    precision_rest: Literal["fp32", "fp16"]  #: "int8": what layers run in that INT8 leaves # C++: PrecisionOptions::rest
    precision_choice: _PrecisionChoice  #: "int8": every layer that can ("rules"), or those for which it pays here ("measured")
    tuning: TuneOptions  #: copied where it is assigned; records are used, nothing is searched for unless asked
    description: str  #: how images become the input and what the outputs are, for whoever runs the network; goes into plans as it is
    optimized: bool  #: the graph went through optimize() already
    deterministic: bool  #: outputs are the same bits on every device, tuned or not, in any precision: layers in floats sum in one order, by plain kernels; Unsupported lists layers that can not
    launches: _Launches  #: "steps": a launch for each kernel; "one": all in one, or Unsupported says why not; "measured": what tuning found faster
    shapes: dict[str, ShapeRange]  #: that Context.set_shape() may set, by input; a copy: assign it to change it; needs a callable as Engine.build()'s network
    memory_budget: int  #: bytes that the engine and one context may take; more is OutOfMemory that lists them; 0: as the device has
    share_programs: Engine | None  #: an engine on the same device: kernels that it has compiled are not compiled again
    def __init__(self, precision: _PrecisionName = "fp32", *, calibration: Calibration | None = None, keep_fp32: Sequence[str] = (),
                 keep_first_last: bool = False, precision_rest: Literal["fp32", "fp16"] = "fp32",
                 precision_choice: _PrecisionChoice = "rules", tuning: TuneOptions | None = None, passes_off: Sequence[str] = (),
                 description: str = "", optimized: bool = False, shapes: Mapping[str, ShapeRange] = {}, memory_budget: int = 0,
                 share_programs: Engine | None = None, deterministic: bool = False, launches: _Launches = "measured") -> None:
        """Arguments are the attributes."""

class Binding:
    """An input or output of the network, as the host sees it."""

    name: str  #: of the graph's tensor
    dtype: np.dtype[Any]  #: as the host sees it: floats in any precision # C++: Binding::type
    shape: _Shape  #: the most there can be, where the length depends on values
    is_input: bool  #: else an output
    @property
    def nbytes(self) -> int:
        """Bytes of its buffer."""  # C++: Binding::bytes

class MemoryUse:
    """Bytes an engine takes; activations and workspace once per context."""

    weights: int  #: constants on the device, in the layouts the tactics want
    activations: int  #: the most that values take at one time, bindings not counted
    bindings: int  #: inputs and outputs
    workspace: int  #: scratch of steps, gaps, counters

class LayerInfo:
    """How one layer runs."""

    name: str  #: of the layer; "reformat .." for a change of layout
    op: str  #: its operator
    family: str  #: of its kernels
    tactic: str  #: values of its tunables; empty: it has none
    precision: _PrecisionName  #: that it runs in
    operations: float  #: a multiply-add counts two
    bytes: float  #: each operand moved once

class LayerPrecision:
    """Precision of one layer and why."""

    layer: str  #: its name
    op: str  #: its operator
    precision: _PrecisionName  #: that it got
    reason: str  #: for people
    multiply_adds: float  #: of one run

class SelfCheck:
    """What Engine.self_check() found."""

    outputs: int  #: that were compared
    exact: bool  #: all to the bit
    difference: float  #: else the largest, as a share of its output's range

class PlanSection:
    """A plan's section for one device."""

    fingerprint: str  #: of the device: platform, name, driver, limits
    used: bool  #: by the device that was asked about
    why: str  #: why it is not
    kernels: int  #: steps of its recipe; 0 where it is not used
    programs: int  #: that the steps need; as kernels
    programs_used: int  #: of these, found in the plan and taken by the driver
    packings: int  #: packed weights of the steps; as kernels
    packings_used: int  #: of these, in the plan
    dropped: list[str]  #: what is compiled, packed or chosen anew though it is used, and why

class PlanReport:
    """What Engine.load() would find."""

    name: str  #: of the network
    precision: _PrecisionName  #: that it was built in
    bytes: int  #: of the file
    layers: int  #: of the network
    constants: int  #: their bytes
    description: bool  #: it says how images become the input
    golden_outputs: int  #: that the self-check compares
    golden_exact: bool  #: to the bit, on every device
    sections: list[PlanSection]  #: one per device
    used: bool  #: whether one of the sections is for the device

class Engine:
    """A network ready to run on one device. Immutable; any number of contexts may use it from any threads."""

    @staticmethod
    def build(graph: Graph | Callable[[dict[str, _Shape]], Graph], device: Device | str = "",
              options: EngineOptions | None = None) -> Engine:
        """Optimises and lowers a copy of `graph`, compiles its kernels and uploads its weights. `graph`: a network; or, with
        options.shapes, a callable that gives the network for shapes of inputs by name, asked for a few of them while the engine
        is built: `lambda shapes: tessera.import_model("net.onnx", input_shapes=shapes)`. `device`: one, or what
        Device.select() takes. Raises Unsupported that lists every layer without a kernel, OutOfMemory, DeviceError."""
    @staticmethod
    def load(file: _Path, device: Device | str = "", tuning: TuneOptions | None = None,
             network_only: bool = False) -> Engine:
        """The engine that a plan holds. On a device (or driver) that the plan does not know, a warning says so and kernels
        are chosen as for a new network; so they are with `network_only`. Raises BadCache that names file and reason where it is no plan, of another format,
        cut off or damaged."""
    def save(self, file: _Path, *, programs: bool = True, weights: bool = True) -> None:
        """Writes a plan: the network in its precision with weights and description, and how it runs on this device.
        programs: compiled programs, where the driver gives them. weights: packed as the kernels want them. Runs the network
        once, for self_check()."""
    def append_to(self, file: _Path, *, programs: bool = True, weights: bool = True) -> None:
        """Adds how the network runs on this engine's device to a plan of the same network. Raises BadCache where the file is
        no plan of this network."""
    def self_check(self) -> SelfCheck | None:  # C++: selfCheck
        """Runs the network once on the inputs that its plan was saved with, and compares what comes out with what came out
        then. None for an engine that came from no plan. Raises DeviceError that names the output that is wrong."""
    @property
    def name(self) -> str:
        """Of the network."""
    @property
    def precision(self) -> _PrecisionName:
        """That it was built with."""
    @property
    def description(self) -> str:
        """EngineOptions.description."""
    @property
    def graph(self) -> Graph:
        """What runs: optimised, in its precision. A copy."""
    @property
    def bindings(self) -> list[Binding]:
        """Inputs, then outputs, as the graph lists them."""
    @property
    def inputs(self) -> list[Binding]:
        """Those of bindings that are inputs."""  # C++: Engine::bindings
    @property
    def outputs(self) -> list[Binding]:
        """Those of bindings that are outputs."""  # C++: Engine::bindings
    def binding(self, name: str) -> Binding:
        """One of bindings; raises InvalidArgument that lists the names."""
    @property
    def shapes(self) -> dict[str, ShapeRange]:
        """That a context may set, by input; bindings have the largest."""
    @property
    def device(self) -> Device:
        """That it was built for."""
    @property
    def memory(self) -> MemoryUse:
        """What it takes."""
    @property
    def layers(self) -> list[LayerInfo]:
        """One per step, in order."""
    @property
    def precisions(self) -> list[LayerPrecision]:
        """"fp16", "int8": one per layer, with the reason; else empty."""
    @property
    def launches(self) -> int:
        """Of a run: 1 where it is in one launch, else one a kernel."""
    @property
    def tuning(self) -> TuneReport:
        """Where the tactics came from."""
    @property
    def tuning_done(self) -> bool:
        """Whether no search goes on in the background; contexts run what it found from their next run on."""
    def wait_for_tuning(self) -> None:
        """Waits until tuning_done."""
    def text(self) -> str:
        """One line a step: layer, family, tactic, operands."""

def check_plan(file: _Path, device: Device | str = "") -> PlanReport:
    """Reads all of a plan and looks what `device` would use of it, without compiling or uploading anything. Raises BadCache as
    Engine.load()."""

def is_plan(file: _Path) -> bool:
    """Whether a file is a plan, by its first bytes; False where it can not be read."""

class LayerTime:
    """Device time of one layer, a median over runs."""

    layer: LayerInfo  #: whose
    milliseconds: float  #: of its kernels

class LaunchTime:
    """One launch of a run, by the device's clock."""

    layer: int  #: index into Engine.layers
    kernel: str  #: its function, or a library's routine
    begin: float  #: milliseconds from where the run's first launch begins
    end: float  #: likewise

class Run:
    """A run that Context.start() put on the device. Can be awaited."""  # C++: -

    def done(self) -> bool:
        """Whether the device is through; result() then returns at once."""  # C++: -
    def result(self, timeout: float | None = None) -> dict[str, _Array]:
        """Waits and gives every output by name, however often it is called. Raises TimeoutError where the run takes longer
        than `timeout` seconds from now; it goes on then."""  # C++: Context::finish
    def __await__(self) -> Generator[Any, None, dict[str, _Array]]:
        """result() in a thread of asyncio."""  # C++: -

class Context:
    """One stream of work through an engine: its own activations and kernel objects. Threads take turns; use one context per
    thread to let them work side by side.

    Inputs are numpy arrays (or what numpy makes arrays of, DLPack included) of the binding's dtype and shape; those in C
    order are read where they lie, others are copied first. Another dtype is an error, never a conversion. Outputs are arrays
    that own their memory, so `__dlpack__` gives them to other libraries without a copy."""

    def __init__(self, engine: Engine, *, cancellable: bool = False, pinned: bool | None = None) -> None:
        """Allocates all that runs need. Raises OutOfMemory or DeviceError where the device has no room.
        cancellable: cancel() may end a run; kernels are then enqueued a few steps ahead of the device only.
        pinned: uploads and downloads pass through memory that the device reads by itself; None: on GPUs."""
    @property
    def engine(self) -> Engine:
        """That it runs."""
    def run(self, inputs: Mapping[str, ArrayLike]) -> dict[str, _Array]:
        """Uploads the inputs, runs, downloads every output. An output whose length depends on values comes in its actual
        shape. Raises InvalidArgument where an input is missing, or has another dtype or shape than its binding."""
    def start(self, inputs: Mapping[str, ArrayLike]) -> Run:
        """The first half of run(): uploads the inputs, which may change from then on, and starts the device. Collect the
        result before the next start()."""
    def finish(self) -> dict[str, _Array]:
        """The second half: the outputs of the run started last."""
    def set_shape(self, input: str, shape: Sequence[int]) -> None:
        """Runs at another shape of an input from now on; what inputs held is lost. Raises InvalidArgument where Engine.shapes
        does not allow it, or a layer can not take it."""
    def set_shapes(self, shapes: Mapping[str, Sequence[int]]) -> None:
        """As set_shape(), of several inputs at once, whose extents have to fit together."""
    @property
    def bindings(self) -> list[Binding]:
        """Inputs, then outputs, at the shapes that were set."""
    def binding(self, name: str) -> Binding:
        """One of bindings; raises InvalidArgument that lists the names."""
    def cancel(self) -> None:
        """Ends the run that another thread waits for, which raises Cancelled there, before its next steps; nothing where there
        is none. For contexts made cancellable."""
    def upload(self, name: str, value: ArrayLike) -> None:
        """Copies to an input's buffer."""
    def download(self, name: str) -> _Array:
        """A binding's value, in its actual shape."""
    def execute(self) -> None:
        """Runs on what lies in the inputs' buffers and waits."""
    def profile(self, runs: int = 5) -> list[LayerTime]:
        """Device time per layer, medians over `runs` runs."""
    def trace(self) -> list[LaunchTime]:  # C++: traceRun
        """Runs the network once on what lies in the inputs' buffers and tells every launch, in order. What lies between them
        is time in which the device does nothing for this context. Layers without a launch (views) have none."""
    @property
    def queue(self) -> int:
        """The context's own in-order cl_command_queue, as an address for other OpenCL libraries
        (pyopencl.CommandQueue.from_int_ptr)."""
    def buffer(self, name: str) -> int:
        """The cl_mem of a binding, as an address (pyopencl.MemoryObject.from_int_ptr)."""
    def bind_host(self, name: str, memory: _Array) -> None:
        """Uses an array's memory for a binding from now on, without a copy, on devices that share the host's (CPUs): as many bytes as the
        binding has, beginning at a multiple of DeviceCaps.address_align. Write inputs before a run; outputs lie there after
        execute(). The array is kept until bind(). Raises Unsupported on other devices."""
    def bind(self, name: str, buffer: int | None, offset: int = 0) -> None:
        """Uses a caller's cl_mem, given as an address, for a binding from now on, from `offset` bytes on; it must hold
        Binding.nbytes of the engine's largest shape and stay alive. None: the own one. An address that is no cl_mem crashes."""
    def enqueue(self, queue: int | None = None, waits: Sequence[int] = ()) -> int:
        """Enqueues one run on a caller's cl_command_queue (None: the own one) after the cl_events `waits`, all given as
        addresses; waits for nothing. Returns a cl_event that the caller releases
        (pyopencl.Event.from_int_ptr(event, retain=False)). An address that is none crashes."""

class Ceiling:
    """What small kernels that do nothing else reached on a device."""

    gops: float  #: 10^9 operations per second; a multiply-add counts two
    gbps: float  #: 10^9 bytes per second of a copy, read and written
    by: str  #: what computed: "fp32 fma", "mma s8", ..

def members_of(source: Graph, optimized: Graph) -> dict[str, list[str]]:
    """Which layers of `source`, as it was imported, passes took into which layers of `optimized` (Engine.graph), by the name of
    the one that is left."""

def measure_ceiling(device: Device | str = "", precision: _PrecisionName = "fp32") -> Ceiling:
    """Measures what layers in `precision` can be compared with, in a second or two: the fastest arithmetic of that precision
    that ran, and copies in device memory."""

class TensorDifference:
    """How far a tensor is from the same tensor of another run."""

    relative: float  #: root of the mean square of the difference, as a share of the tensor's own
    largest: float  #: the largest difference, as a share of the tensor's largest finite number

class LayerDifference:
    """One layer of the network in two runs, in the names of the source model."""

    layer: str  #: its name
    tensor: str  #: the result that was compared
    a: str  #: how the first engine runs it: family and type; "": inside another layer
    b: str  #: how the second does
    accumulated: TensorDifference  #: of the results of two runs on the same inputs of the network
    isolated: TensorDifference | None  #: of its results on the first engine's operands: the layer's own share; None where there are not all of them
    bad: bool  #: beyond the tolerance

class Comparison:
    """What compare_runs() found."""

    layers: list[LayerDifference]  #: those whose results both engines have, in the second's order
    outputs: list[LayerDifference]  #: of the network, likewise; `layer` is the output's name
    first_bad: int | None  #: index into layers of the first that is at fault, by isolated differences, else by accumulated ones; None: all is well
    not_compared: list[str]  #: layers of the second engine without a counterpart in the first

def compare_runs(a: Context, b: Context, inputs: Mapping[str, ArrayLike], tolerance: float = 0) -> Comparison:
    """Compares two engines of one network layer by layer (plans, precisions, kernels or devices): runs both contexts on the
    inputs, step by step, and the second once more with the first's operands. tolerance: relative difference beyond which a layer
    is bad; 0: 1e-4 where both compute in fp32, 0.01 where one does in fp16, 0.1 in INT8; accumulated ones beyond ten times as
    much. Raises InvalidArgument where an input is missing, or the contexts' inputs differ."""

def checksum(value: ArrayLike) -> str:
    """XXH3 (64 bits, as hexadecimal digits) of an array's bytes in C order: what `tessera run --checksum` prints of an output."""  # C++: -

def write_trace(file: _Path, context: Context) -> None:
    """Runs the network once on what lies in the inputs' buffers, and writes what the device did as a trace that Perfetto and
    chrome://tracing open: a track of layers, a track of kernels. As `tessera bench --trace`."""  # C++: -

class EnginePool:
    """Runs requests on contexts of its own, each on a thread of its own. Engines of one network on several devices share the
    requests: whichever is free takes the next. Any thread may call it."""

    def __init__(self, engines: Sequence[Engine], *, contexts: int = 2, queue: int = 16, batch: int = 0, delay: float = 0.002,
                 in_order: bool = False) -> None:
        """contexts: for each engine. queue: requests that may be on their way; submit() waits where there are as many.
        batch: items that run together at most; requests of fewer are joined along the first extent; 0: as many as the engines'
        largest shapes have, 1: requests are not joined. delay: seconds that a request waits for others to run with.
        in_order: results come in the order of requests."""
    def submit(self, inputs: Mapping[str, ArrayLike]) -> concurrent.futures.Future[dict[str, _Array]]:
        """Accepts a request, after waiting for room. The arrays are copied. The future has the outputs, or raises the request's
        error; asyncio.wrap_future() makes it one of asyncio."""
    def finish(self) -> None:
        """Accepts no more, and waits until all requests have their results."""

class Calibrator:
    """Where calibration gets its data. A subclass has batch_size() and next_batch(), and whatever of the rest it wants."""

    def __init__(self) -> None:
        """A subclass with an __init__ of its own calls this."""
    def batch_size(self) -> int:
        """Images in a batch: the first extent of the network's input."""
    def next_batch(self) -> Mapping[str, ArrayLike] | None:
        """One array for each input of the network, by name; None at the end. The arrays are copied."""
    def last_batch(self) -> str:
        """What the last batch was made of, for messages: names of files, say. "": its number is given."""
    def batch_count(self) -> int:
        """Batches there will be, for progress; 0: not known."""
    def read_cache(self) -> str | bytes | None:
        """A cache written before (Tessera's or TensorRT's text); None or "": calibrate."""
    def write_cache(self, text: str) -> None:
        """Given what was found, in Tessera's format."""

class CalibrationOptions:
    """How to calibrate."""

    def __init__(self, method: _CalibrationMethod = "auto", *, percentile: float = 99.99, bias_correction: bool = True,
                 fp32_share: float = 0, fp16_share: float = 0, passes_off: Sequence[str] = (),
                 keep_fp32: Sequence[str] = (), keep_first_last: bool = False,
                 progress: Callable[[str, int, int], object] | None = None, worker: Sequence[str] = ()) -> None:
        """method: how the threshold of a tensor follows from its histogram (docs/int8_tutorial.md); "auto" tries all.
        percentile: for "percentile", and what "auto" tries.
        bias_correction: "auto": let corrected biases compete.
        fp32_share: "auto": share of the multiply-adds that may be left in fp32 where that helps most; above 0 the bits differ
            between devices.
        fp16_share: "auto": share of the multiply-adds that may be left in fp16 where INT8 harms most per millisecond that it
            saves on this device (CalibrationResult.frontier); fp16's bits differ between devices.
        passes_off, keep_fp32, keep_first_last: as of the engine to come (EngineOptions).
        progress: called with the stage's name, batches done and batches in all (0: not known).
        worker: as of TuneOptions, TUNE_WORKER for one: such processes compile the fp32 network with its statistics side by side."""

class CalibrationDamage:
    """How an INT8 network's outputs differ from fp32's."""

    error: float  #: |int8 - fp32|^2 / |fp32|^2, mean over outputs and batches
    changed: float  #: share of the outputs' positions whose largest channel is another one

class Fp16Choice:
    """Layers in fp16 instead of INT8: what the network then loses and takes."""

    layers: list[str]  #: that run in fp16
    share: float  #: of the multiply-adds that they make
    milliseconds: float  #: of a run, on the device that calibrated
    damage: CalibrationDamage  #: mean over draws of images that ranges leave out
    worst: CalibrationDamage  #: of the draws

class CalibrationResult:
    """What calibration found, and what the methods cost on the calibration data."""

    calibration: Calibration  #: for EngineOptions.calibration
    from_cache: bool  #: Calibrator.read_cache() gave it; nothing was run
    batches: int  #: that the network was run on
    damage: dict[str, CalibrationDamage]  #: by candidate ("minmax", "entropy", ..), "auto" only
    chosen: str  #: the candidate "auto" took, refinements included
    frontier: list[Fp16Choice]  #: with fp16_share: from no layer in fp16 to as many as that allows
    harmful: list[Fp16Choice]  #: below 25 dB: layers whose codes are why, and what each in fp16 gives and costs

class LayerSensitivity:
    """What one layer alone in INT8 costs, all others in fp32."""

    layer: str  #: its name
    op: str  #: its operator
    multiply_adds: float  #: of one run
    damage: CalibrationDamage  #: of the network's outputs

def calibrate(graph: Graph, device: Device | str, calibrator: Calibrator,
              options: CalibrationOptions | None = None) -> CalibrationResult:
    """Runs the fp32 network over the calibrator's batches on the device and finds a scale for each tensor. `graph`: as
    imported, with the calibrator's batch size; the scales serve every other. Raises InvalidArgument where there is no data or
    an activation is infinite or NaN, BadCache for a cache of another network, and whatever the calibrator raises."""

def tensors_to_calibrate(graph: Graph) -> list[str]:
    """Names of the tensors of an optimised graph whose scales INT8 can use: calibration records these."""

def tensors_with_channel_scales(graph: Graph) -> list[str]:
    """Names of those whose channels may have finer scales: calibration records their channels' peaks."""

def rank_layers(graph: Graph, device: Device | str, data: Calibrator, calibration: Calibration, batches: int = 3,
                options: CalibrationOptions | None = None) -> list[LayerSensitivity]:
    """Ranks the layers with weights, most harmful first, on at most `batches` batches: candidates for
    EngineOptions.keep_fp32."""

def export_onnx(graph: Graph, file: _Path) -> None:
    """Writes a graph, imported or built, as an ONNX model (operator set 17) that other programs run. Raises Unsupported,
    which lists every layer that has no form there."""

def export_qdq(graph: Graph, calibration: Calibration, file: _Path, *, keep_fp32: Sequence[str] = (),
               keep_first_last: bool = False, passes_off: Sequence[str] = ()) -> None:
    """Writes the INT8 network that a calibration makes of an imported graph as an ONNX model with QuantizeLinear and
    DequantizeLinear, which other programs run. Raises Unsupported, which lists every layer that has no form there, and
    BadCache for a calibration of another network."""

class ImagePreprocess:
    """How an 8-bit BGR image becomes a network's input: x = (resize(pixel) - mean) / deviation * scale, per channel."""

    height: int  #: of the network's input, in pixels
    width: int  #: likewise
    resize: _ResizeMode  #: "linear": bilinear; "nearest"; "area": mean of what a pixel covers; "antialiased": as PIL
    fit: _ImageFit  #: "stretch"; aspect ratio kept: "letterbox" (centred, the rest is pad), "letterbox-top-left", "crop" (the middle)
    crop: float  #: of the fit "crop": the part of the shorter side that stays
    order: _ChannelOrder  #: of the network's channels; images are BGR
    mean: list[float]  #: three, in the network's channel order
    deviation: list[float]  #: likewise
    scale: float  #: of the formula
    pad: float  #: pixel value around a letterboxed image
    channels_last: bool  #: the network's input is height x width x channels, not channels x height x width
    rounded: bool  #: resized pixels are whole numbers: "linear" as OpenCV's resize of 8 bits, others rounded to the nearest
    def __init__(self, height: int = 0, width: int = 0, *, resize: _ResizeMode = "linear", fit: _ImageFit = "stretch",
                 crop: float = 1, order: _ChannelOrder = "BGR", mean: Sequence[float] = (0, 0, 0),
                 deviation: Sequence[float] = (1, 1, 1), scale: float = 1, pad: float = 114,
                 channels_last: bool = False, rounded: bool = False) -> None:
        """Arguments are the attributes."""

class ImagePlace:
    """Where the extents of an image lie in a network's input."""

    height: int  #: in pixels
    width: int  #: in pixels
    channels_last: bool  #: N x height x width x channels, not N x channels x height x width

class ImageRegion:
    """Where a resized image lies in a network's input: all of it, a part where letterboxed, beyond its edges where cropped."""

    top: int  #: first row
    left: int  #: first column
    height: int  #: rows
    width: int  #: columns

def image_place_of(shape: Sequence[int], channels: int = 3) -> ImagePlace | None:
    """Of N x channels x height x width, or N x height x width x channels; None where the shape is neither."""

def image_region(preprocess: ImagePreprocess, image_height: int, image_width: int) -> ImageRegion:
    """Where an image of those extents goes in the input that `preprocess` describes."""

class ImageBatchStream(Calibrator):
    """Calibration data from image files, shuffled, read and resized ahead on a thread. An image that can not be read is
    reported by name, and the next takes its place; a last batch that would not be full is left out. Absent where Tessera was
    built without OpenCV."""

    def __init__(self, files: Sequence[_Path], *, input: str, preprocess: ImagePreprocess, batch_size: int = 1,
                 limit: int = 0, seed: int = 0, cache_file: _Path = "") -> None:
        """files: images, from calibration_images() say.
        input: name of the network's input.
        preprocess: as inference does it.
        limit: images at most; 0: all.
        seed: of the shuffle that picks them; equal seeds give equal batches on every machine.
        cache_file: read before and written after calibration; "": none."""

def calibration_images(paths: Sequence[_Path]) -> list[pathlib.Path]:
    """Image files below the folders and in the lists, sorted; images as given. A list is a text file with one path a line,
    relative to the list's folder."""

class SegmentationOptions:
    """How images go in and maps come out."""

    preprocess: ImagePreprocess  #: height and width 0: the network's own; channels_last follows the network's input
    input: str  #: binding; "": the only one
    output: str  #: binding; "": the only one
    palette: list[list[int]]  #: blue, green, red, opacity in the overlay, by class; classes beyond the end are black and transparent
    border: int  #: width of the line between classes in the overlay; -1: by image size
    layout: _OutputLayout  #: of the network's output: scores of classes, classes, or a mask
    threshold: float | None  #: of a mask; 0.5 where there is none
    fewest_classes: int  #: that the labels allow; 0: not known
    most_classes: int  #: likewise
    def __init__(self, preprocess: ImagePreprocess = ..., *, input: str = "", output: str = "",
                 palette: Sequence[Sequence[int]] = (), border: int = -1, layout: _OutputLayout = "auto",
                 threshold: float | None = None, fewest_classes: int = 0, most_classes: int = 0) -> None:
        """Arguments are the attributes."""

class SegmentedImage:
    """What became of one image. Arrays share its memory. Pixels are 8-bit BGR; classes are uint8, or int32 for networks with
    more than 256; what is no class is 255, or 65535."""

    height: int  #: of the image, in pixels
    width: int  #: likewise
    classes: _Array  #: height x width
    colors: NDArray[np.uint8]  #: height x width x 3: the palette's, by class
    overlay: NDArray[np.uint8]  #: height x width x 3: the image with the colours over it
    map: _Array  #: classes at the network's resolution

class SegmentedBatch:
    """A batch of them and the device time it took, in milliseconds."""

    images: list[SegmentedImage]  #: in the order of the submission
    preprocess: float  #: preprocessing kernels, per image
    network: float  #: the network alone, per batch

class Segmentation:
    """A network that gives scores per class and pixel, or classes, run on images: preprocessing, network, class map and
    colours, all on the device. Uploads, computation and downloads of consecutive batches overlap: submit the next batch
    before collecting the last. Images are arrays of uint8, height x width x 3, BGR."""

    def __init__(self, engine: Engine, options: SegmentationOptions | None = None) -> None:
        """Raises InvalidArgument where the engine does not take images or gives no scores, classes or mask."""
    @staticmethod
    def check(bindings: Sequence[Binding], options: SegmentationOptions) -> None:
        """Raises as the constructor does where a network with such inputs and outputs will not do."""
    @property
    def batch(self) -> int:
        """Most images a submission may have."""
    @property
    def classes(self) -> int:
        """That the network tells apart; the most it can where its output does not say."""
    @property
    def layout(self) -> _OutputLayout:
        """As which the output is read."""
    def set_palette(self, palette: Sequence[Sequence[int]]) -> None:
        """Replaces SegmentationOptions.palette, for what is submitted from now on."""
    def submit(self, images: Sequence[ArrayLike]) -> None:
        """Uploads and enqueues. The arrays are kept until collected and must not change until then. At most two submissions
        may wait."""
    @property
    def waiting(self) -> int:
        """Submissions not collected yet."""
    def collect(self) -> SegmentedBatch:
        """Waits for the oldest submission."""
    def run(self, image: ArrayLike) -> SegmentedImage:
        """Submits one image and collects it."""

class ClassScore:
    """One class of an answer."""

    index: int  #: of the class, from 0
    confidence: float  #: from 0 to 1 where scores are

class Box:
    """A rectangle by its edges, in pixels; the first pixel reaches from 0 to 1."""

    left: float  #: where it begins
    top: float  #: likewise
    right: float  #: where it ends
    bottom: float  #: likewise
    def __init__(self, left: float, top: float, right: float, bottom: float) -> None:
        """Arguments are the attributes."""

class DetectedObject:
    """What a detector found."""

    box: Box  #: in pixels of the image
    index: int  #: of the class, as the network counts
    score: float  #: from 0 to 1
    def __init__(self, box: Box, index: int, score: float) -> None:
        """Arguments are the attributes."""

class ClassificationOptions:
    """How scores become an answer."""

    def __init__(self, output: str = "", kind: _ScoreKind = "auto", top: int = 5,
                 threshold: float = 0) -> None:
        """output: binding; "": the only one. kind: what the scores are; "auto": as the network's last layers say. top: classes in
        an answer at most. threshold: least confidence of a class in an answer."""

class SuppressionOptions:
    """Which boxes of a detector stay."""

    def __init__(self, kind: Literal["hard", "soft", "none"] = "hard", threshold: float = 0.25, overlap: float = 0.45,
                 softness: float = 0.5, per_class: bool = True, most: int = 300) -> None:
        """threshold: least score of a box that stays. overlap: "hard": of two that overlap by more, the one with the lower score
        goes. softness: "soft": scores fall by exp(-overlap^2 / softness). per_class: boxes of different classes do not touch
        each other. most: boxes of an image."""

class DetectionFormat:
    """How a detector's outputs are laid out, where no preset says it. A cell is a pixel (x, y) of the map of a stride s."""

    decoding: _BoxDecoding  #: "center-size": x, y, width, height; "cells": YOLOX; "anchors": YOLOv3; "scaled-anchors": YOLOv5; "distances": to the edges, as YOLOv8; "priors": SSD
    layout: _DetectionLayout  #: "joined": one output; "per-scale": one a stride; "split": boxes, scores; "rows": 7 or 6 values; "listed": corners, scores, classes
    what: str  #: for messages: the outputs' shapes
    scores_first: bool  #: the scores of classes lie before the box
    objectness: bool  #: one value beside the scores, to multiply them with
    sigmoid: bool  #: scores and objectness are logits
    fraction: bool  #: decoded boxes are fractions of the input's extents, not pixels of it
    several_classes: bool  #: a box counts for each class above the threshold, not for the best alone
    background: int  #: class that is never reported; -1: none
    strides: list[int]  #: of the maps of cells, in the order of the outputs' rows
    anchors: list[list[float]]  #: width and height in pixels, as many for each stride
    bins: int  #: "distances": values of each distribution; 0: distances as they are
    cell_point: float  #: "distances": the cell's point is (x + this) s
    prior_sizes: list[list[float]]  #: squares in pixels, by stride, in the middle of each cell, where no output has the priors
    variances: list[float]  #: of priors: centre, size
    def __init__(self, decoding: _BoxDecoding = "center-size", *, layout: _DetectionLayout = "joined", what: str = "",
                 scores_first: bool = False, objectness: bool = False, sigmoid: bool = False, fraction: bool = False,
                 several_classes: bool = False, background: int = -1, strides: Sequence[int] = (),
                 anchors: Sequence[Sequence[float]] = (), bins: int = 0, cell_point: float = 0.5,
                 prior_sizes: Sequence[Sequence[float]] = (), variances: Sequence[float] = (0.1, 0.2)) -> None:
        """Arguments are the attributes."""
    @property
    def box_values(self) -> int:
        """Values of a box."""

class DetectionOptions:
    """How a detector's outputs become objects."""

    formats: list[DetectionFormat]  #: what the outputs may be; the first that fits counts
    suppression: SuppressionOptions  #: which boxes stay
    boxes: str  #: output by name, where shapes do not tell it; "": they do
    scores: str  #: likewise
    priors: str  #: likewise
    classes: str  #: likewise, of indices of classes ("listed")
    class_count: int  #: that the network tells apart; 0: as its outputs say
    def __init__(self, formats: Sequence[DetectionFormat], *, suppression: SuppressionOptions | None = None, boxes: str = "",
                 scores: str = "", priors: str = "", classes: str = "", class_count: int = 0) -> None:
        """Arguments are the attributes."""

class Preset:
    """The usual export of a well-known network: how images go in and what comes out."""

    name: str  #: "yolov8", ..
    what: str  #: which networks
    preprocess: ImagePreprocess  #: height and width 0: the network's own
    labels: str  #: names of its classes: "coco", or names with commas; "": not known
    detection: DetectionOptions | None  #: None: the network is for classification
    classifies: bool  #: else it detects

def preset_of(name: str) -> Preset:
    """Raises InvalidArgument that lists the names."""

class DetectionDecoder:
    """Reads the outputs of one detector."""

    def __init__(self, bindings: Sequence[Binding], batch: int, height: int, width: int, options: DetectionOptions) -> None:
        """bindings: of the network (Engine.bindings), for images of height x width pixels, a batch of `batch`. Raises
        InvalidArgument that lists the outputs and what was looked for where no format fits."""
    @property
    def classes(self) -> int:
        """That the outputs tell apart, with the background; 0: not known."""
    @property
    def format(self) -> DetectionFormat:
        """That fits."""
    @property
    def outputs(self) -> list[str]:
        """Those that are read."""
    def decode(self, outputs: Mapping[str, ArrayLike], item: int = 0) -> list[DetectedObject]:
        """The boxes of one item of the batch with a score of at least the threshold, in pixels of the network's input, in the
        order of the outputs' rows; suppress() is next."""

def softmax(scores: ArrayLike) -> NDArray[np.float32]:
    """exp(x) / sum of exp(x) over all scores, in double precision inside, without overflow."""

def top_classes(confidences: ArrayLike, top: int = 5, threshold: float = 0) -> list[ClassScore]:
    """The classes with the highest confidence of at least `threshold`, falling; of equals the lower class first."""

def classify(scores: ArrayLike, item: int = 0, batch: int = 1, options: ClassificationOptions | None = None) -> list[ClassScore]:
    """The answer for one item of a batch. "auto" counts as probabilities. Raises InvalidArgument where the array is no such thing."""

def overlap_of(a: Box, b: Box) -> float:
    """Intersection over union; 0 where either has no area."""

def suppress(boxes: Sequence[DetectedObject], options: SuppressionOptions | None = None) -> list[DetectedObject]:
    """The boxes that stay, by falling score; of equals the earlier first. A score that is not a number is none."""

def box_in_image(box: Box, region: ImageRegion, image_height: int, image_width: int) -> Box:
    """From pixels of a network's input to those of an image that lies in `region` of it (image_region()), cut off at its edges."""

class Answer:
    """What the network says of one image."""

    height: int  #: of the image, in pixels
    width: int  #: likewise
    classes: list[ClassScore]  #: of a classification
    objects: list[DetectedObject]  #: of a detection, by falling score

class RunnerBatch:
    """Answers for a batch, with what it took in milliseconds. `outputs`, a dictionary of arrays, has the network's outputs where
    they were wanted."""

    images: list[Answer]  #: in the order of the submission
    preprocess: float  #: kernels, per image
    network: float  #: the network alone on the device, per batch
    postprocess: float  #: on the host, per image

class RunnerOptions:
    """What goes into a network and what becomes of its outputs."""

    def __init__(self, preset: str = "", *, preprocess: ImagePreprocess | None = None, input: str = "",
                 classification: ClassificationOptions | None = None, suppression: SuppressionOptions | None = None,
                 detection: DetectionOptions | None = None, outputs: bool = False, preprocessors: Mapping[str, Callable[[list[_Array], Binding], ArrayLike]] = {},
                 postprocessors: Mapping[str, Callable[[_Array], ArrayLike]] = {}) -> None:
        """preset: one of presets(): how images go in and what comes out, for the usual exports.
        preprocess: goes before the preset's.
        input: binding that images fill; "": the only one.
        classification: answers are to have classes.
        suppression: which boxes stay, with the preset of a detector or with detection.
        detection: answers are to have objects; goes before the preset's.
        outputs: RunnerBatch.outputs are wanted; always where there is neither classification nor detection.
        preprocessors: callables that fill other inputs, by name: of the batch's images and the binding.
        postprocessors: callables that make something else of outputs, by name, before anything else reads them."""

def presets() -> dict[str, str]:
    """Names of the presets, and which networks they are for."""

class Runner:
    """Runs a network on images, from pixels to classes and boxes. Images are arrays of uint8: height x width x 3 (BGR,
    RGB), height x width (GREY), 3 x height x width (planar), 3 height / 2 x width (NV12, whose colours are BT.601 or another). Uploads
    and kernels of one batch overlap what the host does with the last: submit the next batch before collecting."""

    def __init__(self, engine: Engine, options: RunnerOptions) -> None:
        """Raises InvalidArgument that says what is missing."""
    @staticmethod
    def load(model: _Path, device: Device | str = "", options: RunnerOptions | None = None,
             engine: EngineOptions | None = None) -> Runner:
        """Of a model (`model.onnx`, or `net.prototxt,net.caffemodel`) or of a plan, whose precision and kernels then count.
        options: None: as the description says that lies beside the model or in the plan."""
    @staticmethod
    def check(bindings: Sequence[Binding], options: RunnerOptions) -> None:
        """Raises as the constructor does, of a network that is not built yet."""
    @property
    def engine(self) -> Engine:
        """That it runs; holding it keeps the Runner."""
    @property
    def batch(self) -> int:
        """Most images a submission may have."""
    @property
    def classes(self) -> int:
        """That the outputs tell apart, with a background; 0: not known, or no such task."""
    def submit(self, images: Sequence[ArrayLike], *, format: _PixelFormat = "BGR", colors: _YuvColors = "BT.601") -> None:
        """Uploads and enqueues. The arrays are kept until collected and must not change until then. At most two submissions may
        wait."""
    @property
    def waiting(self) -> int:
        """Submissions not collected yet."""
    def collect(self) -> RunnerBatch:
        """Waits for the oldest submission."""
    def run(self, image: ArrayLike, *, format: _PixelFormat = "BGR", colors: _YuvColors = "BT.601") -> Answer:
        """Submits one image and collects it."""

class NetworkDescription:
    """What a file beside a model, or a plan, says of its images and outputs (docs/programs.md)."""

    file: pathlib.Path  #: where it stands
    task: Literal["segmentation", "classification", "detection", ""]  #: "": not said
    preset: str  #: one of presets(); "": none
    input: str  #: binding that images fill; "": the only one
    output: str  #: binding; "": the only one
    preprocess: ImagePreprocess  #: height and width 0: the network's own
    threshold: float | None  #: of a mask; least confidence of a class; least score of a box
    classes: int  #: that the output tells apart; 0: not said
    labels: str | list[Any] | None  #: name of a set or a file, or list of classes
    preset_labels: bool  #: they are the preset's, which a network need not have been trained for
    layout: _OutputLayout  #: of a segmentation
    scores: _ScoreKind  #: of a classification
    detection: DetectionOptions  #: of a detection: the preset's, with what the description says
    @staticmethod
    def parse(json: str, file: _Path = ..., preset: str = "") -> NetworkDescription:
        """Of JSON. `file` is for messages. `preset` takes the place of the description's. Raises InvalidArgument that names file,
        field and reason; also for a field that there is not."""
    @staticmethod
    def read(file: _Path, preset: str = "") -> NetworkDescription:
        """As parse(), of a file."""
    @staticmethod
    def of_preset(preset: str) -> NetworkDescription:
        """Of a preset alone."""
    def runner_options(self) -> RunnerOptions:
        """What a Runner makes of it: classes or boxes by the task, else outputs."""
    def segmentation_options(self) -> SegmentationOptions:
        """What a Segmentation makes of it."""

def find_description(model: _Path) -> pathlib.Path | None:
    """Where the description of a model lies: beside `model.onnx` as `model.json`. None where there is none."""
