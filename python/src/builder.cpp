// Networks written in Python.
#include "tessera/builder.hpp"

#include <pybind11/stl.h>

#include "python/src/arrays.hpp"
#include "python/src/attributes.hpp"
#include "python/src/module.hpp"

namespace tessera::python {
namespace {

using Numbers = std::variant<std::int64_t, std::vector<std::int64_t>>;

/// A PerExtent or a Padding, whose lists are of a length known when they are compiled.
template <class T>
T listed(const Numbers& given) {
  if (const auto* one = std::get_if<std::int64_t>(&given)) return {*one};
  const auto& v = std::get<std::vector<std::int64_t>>(given);
  switch (v.size()) {
    case 1:
      return {v[0]};
    case 2:
      return {v[0], v[1]};
    case 3:
      return {v[0], v[1], v[2]};
    case 4:
      return {v[0], v[1], v[2], v[3]};
    case 6:
      return {v[0], v[1], v[2], v[3], v[4], v[5]};
    default:
      throw Error(ErrorCode::InvalidArgument,
                  "there are " + std::to_string(v.size()) + " numbers for the spatial extents or sides");
  }
}

/// A NetworkBuilder that knows which values it gave.
class Builder : public NetworkBuilder {
 public:
  using NetworkBuilder::NetworkBuilder;

  TensorId given(TensorId value) {
    last_ = std::max(last_, value);
    return value;
  }
  TensorId known(TensorId value) const {
    if (value < 0 || value > last_)
      throw Error(ErrorCode::InvalidArgument,
                  "this builder has given no value " + std::to_string(value) + " so far");
    return value;
  }
  std::vector<TensorId> known(std::vector<TensorId> values) const {
    for (const TensorId value : values) known(value);
    return values;
  }
  /// A value of this builder, an array, or none.
  Parameter parameter(const py::object& given) const {
    if (given.is_none()) return {};
    if (PyLong_Check(given.ptr())) return known(given.cast<TensorId>());
    return tensorOf(given, "a parameter");
  }

 private:
  TensorId last_ = -1;
};

using Type = py::class_<Builder>;
const std::string kClass = "NetworkBuilder.";

/// Binds a function of one value and plain arguments.
template <class Function, class... Arguments>
void unary(Type& type, const char* name, Function function, Arguments... arguments) {
  type.def(name, function, py::arg("x"), arguments..., doc((kClass + name).c_str()));
}

void bindWindows(Type& type) {
  type.def(
          "convolution",
          [](Builder& b, TensorId x, const py::object& weights, const Numbers& stride, const Numbers& pad,
             const Numbers& dilation, std::int64_t group, const py::object& bias, std::string name) {
            return b.given(b.convolution(b.known(x), b.parameter(weights),
                                         {listed<PerExtent>(stride), listed<PerExtent>(dilation),
                                          listed<Padding>(pad), group, b.parameter(bias), std::move(name)}));
          },
          py::arg("x"), py::arg("weights"), py::kw_only(), py::arg("stride") = 1, py::arg("pad") = 0,
          py::arg("dilation") = 1, py::arg("group") = 1, py::arg("bias") = py::none(), py::arg("name") = "",
          doc("NetworkBuilder.convolution"))
      .def(
          "deconvolution",
          [](Builder& b, TensorId x, const py::object& weights, const Numbers& stride, const Numbers& pad,
             const Numbers& dilation, const Numbers& added, std::int64_t group, const py::object& bias,
             std::string name) {
            return b.given(
                b.deconvolution(b.known(x), b.parameter(weights),
                                {listed<PerExtent>(stride), listed<PerExtent>(dilation), listed<Padding>(pad),
                                 listed<PerExtent>(added), group, b.parameter(bias), std::move(name)}));
          },
          py::arg("x"), py::arg("weights"), py::kw_only(), py::arg("stride") = 1, py::arg("pad") = 0,
          py::arg("dilation") = 1, py::arg("output_padding") = 0, py::arg("group") = 1,
          py::arg("bias") = py::none(), py::arg("name") = "", doc("NetworkBuilder.deconvolution"))
      .def(
          "fully_connected",
          [](Builder& b, TensorId x, const py::object& weights, const py::object& bias, std::string name) {
            return b.given(
                b.fullyConnected(b.known(x), b.parameter(weights), {b.parameter(bias), std::move(name)}));
          },
          py::arg("x"), py::arg("weights"), py::kw_only(), py::arg("bias") = py::none(), py::arg("name") = "",
          doc("NetworkBuilder.fully_connected"));
  const auto pool = [&](const char* name, auto function) {
    type.def(
        name,
        [function](Builder& b, TensorId x, const Numbers& kernel, const Numbers& stride, const Numbers& pad,
                   bool ceilMode, bool includePad, std::string layer) {
          return b.given((b.*function)(
              b.known(x), listed<PerExtent>(kernel),
              {listed<PerExtent>(stride), listed<Padding>(pad), ceilMode, includePad, std::move(layer)}));
        },
        py::arg("x"), py::arg("kernel"), py::kw_only(), py::arg("stride") = 1, py::arg("pad") = 0,
        py::arg("ceil_mode") = false, py::arg("count_include_pad") = false, py::arg("name") = "",
        doc((kClass + name).c_str()));
  };
  pool("max_pool", &NetworkBuilder::maxPool);
  pool("average_pool", &NetworkBuilder::averagePool);
}

void bindNorms(Type& type) {
  type.def(
          "batch_norm",
          [](Builder& b, TensorId x, const py::object& scale, const py::object& bias, const py::object& mean,
             const py::object& variance, double epsilon) {
            return b.given(b.batchNorm(b.known(x), b.parameter(scale), b.parameter(bias), b.parameter(mean),
                                       b.parameter(variance), epsilon));
          },
          py::arg("x"), py::arg("scale"), py::arg("bias"), py::arg("mean"), py::arg("variance"),
          py::arg("epsilon") = 1e-5, doc("NetworkBuilder.batch_norm"))
      .def(
          "instance_norm",
          [](Builder& b, TensorId x, const py::object& scale, const py::object& bias, double epsilon) {
            return b.given(b.instanceNorm(b.known(x), b.parameter(scale), b.parameter(bias), epsilon));
          },
          py::arg("x"), py::arg("scale"), py::arg("bias"), py::arg("epsilon") = 1e-5,
          doc("NetworkBuilder.instance_norm"))
      .def(
          "layer_norm",
          [](Builder& b, TensorId x, const py::object& scale, const py::object& bias, std::int64_t axis,
             double epsilon) {
            return b.given(b.layerNorm(b.known(x), b.parameter(scale), b.parameter(bias), axis, epsilon));
          },
          py::arg("x"), py::arg("scale"), py::arg("bias"), py::arg("axis") = -1, py::arg("epsilon") = 1e-5,
          doc("NetworkBuilder.layer_norm"))
      .def(
          "prelu",
          [](Builder& b, TensorId x, const py::object& slope) {
            return b.given(b.prelu(b.known(x), b.parameter(slope)));
          },
          py::arg("x"), py::arg("slope"), doc("NetworkBuilder.prelu"));
}

void bindPointwise(Type& type) {
  using Unary = TensorId (NetworkBuilder::*)(TensorId);
  const std::pair<const char*, Unary> unaries[] = {
      {"relu", &NetworkBuilder::relu},
      {"sigmoid", &NetworkBuilder::sigmoid},
      {"tanh", &NetworkBuilder::tanh},
      {"silu", &NetworkBuilder::silu},
      {"hard_swish", &NetworkBuilder::hardSwish},
      {"gelu", &NetworkBuilder::gelu},
      {"global_average_pool", &NetworkBuilder::globalAveragePool},
      {"global_max_pool", &NetworkBuilder::globalMaxPool},
      {"flatten", &NetworkBuilder::flatten}};
  for (const auto& [name, function] : unaries)
    unary(type, name, [f = function](Builder& b, TensorId x) { return b.given((b.*f)(b.known(x))); });
  using Binary = TensorId (NetworkBuilder::*)(TensorId, TensorId);
  const std::pair<const char*, Binary> binaries[] = {{"add", &NetworkBuilder::add},
                                                     {"sub", &NetworkBuilder::sub},
                                                     {"mul", &NetworkBuilder::mul},
                                                     {"div", &NetworkBuilder::div},
                                                     {"mat_mul", &NetworkBuilder::matMul}};
  for (const auto& [name, function] : binaries)
    type.def(
        name,
        [f = function](Builder& b, TensorId x, TensorId y) {
          return b.given((b.*f)(b.known(x), b.known(y)));
        },
        py::arg("a"), py::arg("b"), doc((kClass + name).c_str()));
  unary(
      type, "leaky_relu",
      [](Builder& b, TensorId x, double alpha) { return b.given(b.leakyRelu(b.known(x), alpha)); },
      py::arg("alpha") = 0.01);
  unary(
      type, "clip",
      [](Builder& b, TensorId x, double least, double most) {
        return b.given(b.clip(b.known(x), least, most));
      },
      py::arg("least"), py::arg("most"));
  type.def(
      "concat",
      [](Builder& b, std::vector<TensorId> parts, std::int64_t axis) {
        return b.given(b.concat(b.known(std::move(parts)), axis));
      },
      py::arg("parts"), py::arg("axis") = 1, doc("NetworkBuilder.concat"));
}

void bindAxes(Type& type) {
  using Axis = TensorId (NetworkBuilder::*)(TensorId, std::int64_t);
  const std::pair<const char*, Axis> axes[] = {{"softmax", &NetworkBuilder::softmax},
                                               {"log_softmax", &NetworkBuilder::logSoftmax},
                                               {"arg_max", &NetworkBuilder::argMax}};
  for (const auto& [name, function] : axes)
    unary(
        type, name,
        [f = function](Builder& b, TensorId x, std::int64_t axis) {
          return b.given((b.*f)(b.known(x), axis));
        },
        py::arg("axis") = 1);
  unary(
      type, "depth_to_space",
      [](Builder& b, TensorId x, std::int64_t block) { return b.given(b.depthToSpace(b.known(x), block)); },
      py::arg("block"));
  unary(
      type, "reduce_mean",
      [](Builder& b, TensorId x, std::vector<std::int64_t> over, bool keep) {
        return b.given(b.reduceMean(b.known(x), std::move(over), keep));
      },
      py::arg("axes"), py::arg("keep_extents") = true);
  unary(
      type, "reshape",
      [](Builder& b, TensorId x, Shape shape) { return b.given(b.reshape(b.known(x), std::move(shape))); },
      py::arg("shape"));
  unary(
      type, "transpose",
      [](Builder& b, TensorId x, std::vector<std::int64_t> order) {
        return b.given(b.transpose(b.known(x), std::move(order)));
      },
      py::arg("order"));
  unary(
      type, "slice",
      [](Builder& b, TensorId x, std::vector<std::int64_t> starts, std::vector<std::int64_t> sizes) {
        return b.given(b.slice(b.known(x), std::move(starts), std::move(sizes)));
      },
      py::arg("starts"), py::arg("sizes"));
  unary(
      type, "pad",
      [](Builder& b, TensorId x, const Numbers& around, double value) {
        return b.given(b.pad(b.known(x), listed<Padding>(around), value));
      },
      py::arg("around"), py::arg("value") = 0);
  const ResizeOptions defaults;
  unary(
      type, "resize",
      [](Builder& b, TensorId x, const Numbers& size, std::string mode, std::string coordinate,
         bool antialias, std::string name) {
        return b.given(b.resize(b.known(x), listed<PerExtent>(size),
                                {std::move(mode), std::move(coordinate), antialias, std::move(name)}));
      },
      py::arg("size"), py::kw_only(), py::arg("mode") = defaults.mode,
      py::arg("coordinate") = defaults.coordinate, py::arg("antialias") = false, py::arg("name") = "");
}

}  // namespace

void bindBuilder(py::module_& module) {
  Type type(module, "NetworkBuilder", doc("NetworkBuilder"));
  type.def(py::init<std::string>(), py::arg("name") = "", doc("NetworkBuilder.__init__"))
      .def(
          "input",
          [](Builder& b, const std::string& name, Shape shape, const py::object& dtype) {
            return b.given(b.input(name, std::move(shape), dataTypeOf(dtype)));
          },
          py::arg("name"), py::arg("shape"), py::arg("dtype") = "float32", doc("NetworkBuilder.input"))
      .def(
          "constant",
          [](Builder& b, const py::object& value, const std::string& name) {
            return b.given(b.constant(tensorOf(value, "constant '" + name + "'"), name));
          },
          py::arg("value"), py::arg("name") = "", doc("NetworkBuilder.constant"))
      .def(
          "output",
          [](Builder& b, TensorId value, const std::string& name) { b.output(b.known(value), name); },
          py::arg("value"), py::arg("name"), doc("NetworkBuilder.output"))
      .def(
          "layer",
          [](Builder& b, const std::string& op, const std::vector<std::optional<TensorId>>& inputs,
             const py::object& attrs, const std::string& name) {
            std::vector<TensorId> ids;
            for (const auto& input : inputs) ids.push_back(input ? b.known(*input) : kNoTensor);
            return b.given(b.layer(op, std::move(ids), attributesOf(attrs), name));
          },
          py::arg("op"), py::arg("inputs"), py::arg("attrs") = py::dict(), py::arg("name") = "",
          doc("NetworkBuilder.layer"))
      .def(
          "shape", [](const Builder& b, TensorId value) { return tupleOf(b.shape(b.known(value))); },
          py::arg("value"), doc("NetworkBuilder.shape"))
      .def("build", &Builder::build, doc("NetworkBuilder.build"));
  bindWindows(type);
  bindNorms(type);
  bindPointwise(type);
  bindAxes(type);
}

}  // namespace tessera::python
