/// \file
/// Layers of one's own: how shapes follow, the OpenCL kernels that compute them, and the scalar reference
/// that these are held against (docs/plugins.md).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/attributes.hpp"
#include "tessera/device.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// A layer of a network that a plugin computes.
struct PluginLayer {
  Attributes attributes;            ///< all that the plugin declares: defaults where the model gives none
  std::vector<TensorDesc> inputs;   ///< as many as declared, dense and planar; type None: absent
  std::vector<TensorDesc> outputs;  ///< dense and planar; none while their shapes are asked for
};

/// An input that a plugin declares.
struct PluginInput {
  std::string name;                   ///< an identifier
  DataType type = DataType::Float32;  ///< of its elements; others are refused
  bool optional = false;              ///< may be absent
  double low = -1;                    ///< with `high`:
  double high = 1;                    ///< between which values are drawn to check kernels
};

/// An attribute that a plugin declares.
struct PluginAttribute {
  std::string name;                       ///< an identifier; as the source model has it
  AttributeValue fallback;                ///< its type, and its value where the model gives none
  bool required = false;                  ///< the model has to give it
  std::vector<std::string> choices = {};  ///< of text: what it may be; empty: any word
};

/// A number that kernels are compiled with and that tuning chooses: the macro T_<name>.
struct PluginTunable {
  std::string name;         ///< an identifier
  std::vector<int> values;  ///< to choose from
  int fallback = 0;         ///< of these; used untuned
};
/// Values of tunables by name.
using PluginTactic = std::map<std::string, int>;

/// An argument of a kernel, in its order.
struct PluginArgument {
  /// What it is: a buffer by index, a 32-bit int, a float, or bytes of local memory.
  enum class Kind { Input, Output, Scratch, Int, Float, Local };
  Kind kind = Kind::Int;     ///< see there
  int index = 0;             ///< of Input, Output, Scratch
  std::int64_t integer = 0;  ///< of Int; bytes of Local
  float number = 0;          ///< of Float

  static PluginArgument input(int i) { return {Kind::Input, i}; }            ///< null where it is absent
  static PluginArgument output(int i) { return {Kind::Output, i}; }          ///< to be written as a whole
  static PluginArgument scratch(int i) { return {Kind::Scratch, i}; }        ///< PluginLaunch::scratch
  static PluginArgument ofInt(std::int64_t v) { return {Kind::Int, 0, v}; }  ///< int
  static PluginArgument ofFloat(float v) { return {Kind::Float, 0, 0, v}; }  ///< float
  static PluginArgument local(std::int64_t bytes) { return {Kind::Local, 0, bytes}; }  ///< __local pointer
};

/// A kernel to be run.
struct PluginCall {
  std::string entry;                                         ///< the kernel's name in Plugin::source()
  std::vector<std::pair<std::string, std::string>> defines;  ///< macros, besides those of the tunables
  std::vector<std::size_t> global;        ///< work-items, 1 to 3 extents; multiples of `local`
  std::vector<std::size_t> local;         ///< of a work-group; empty: the driver chooses
  std::vector<PluginArgument> arguments;  ///< in the kernel's order
};

/// All that computes a layer: kernels one after another, and buffers between them.
struct PluginLaunch {
  std::vector<PluginCall> calls;     ///< in order
  std::vector<std::size_t> scratch;  ///< bytes
};

/// |device - reference| <= absolute + relative * |reference| is right.
struct PluginTolerance {
  double absolute = 1e-5;  ///< see there
  double relative = 1e-4;  ///< see there
};

/// One kind of layer. Objects do not change, are asked by many threads at once, and stay while the process
/// does.
class Plugin {
 public:
  virtual ~Plugin() = default;
  /// The operator's name in graphs: an identifier that no operator of Tessera has.
  virtual std::string name() const = 0;
  /// Plans that need the plugin ask for this version.
  virtual std::string version() const = 0;
  /// What source models call it: "Type", or "domain::Type" for one domain of ONNX alone.
  virtual std::vector<std::string> types() const { return {name()}; }
  virtual std::vector<PluginInput> inputs() const = 0;                    ///< in order; optional ones last
  virtual std::vector<PluginAttribute> attributes() const { return {}; }  ///< all it knows
  /// Types and shapes of the outputs. Throws Error(InvalidArgument) with the reason where the layer can not
  /// be.
  virtual std::vector<TensorDesc> infer(const PluginLayer& layer) const = 0;
  /// The definition: plain loops. `outputs` come sized and zeroed; absent inputs are empty.
  virtual void reference(const PluginLayer& layer, std::span<const HostTensor> inputs,
                         std::span<HostTensor> outputs) const = 0;
  /// What kernels may differ from the reference by.
  virtual PluginTolerance tolerance() const { return {}; }
  /// OpenCL C 1.2 that holds the kernels.
  virtual std::string source() const = 0;
  virtual std::vector<PluginTunable> tunables() const { return {}; }  ///< what tuning may choose
  /// Why a tactic does not suit; empty: it does. The fallback has to suit every layer.
  virtual std::string whyNot(const PluginLayer& layer, const PluginTactic& tactic,
                             const DeviceCaps& device) const;
  /// How the kernels are run.
  virtual PluginLaunch launch(const PluginLayer& layer, const PluginTactic& tactic,
                              const DeviceCaps& device) const = 0;
  /// Arithmetic operations of a layer, for profiles and for choosing untuned.
  virtual double operations(const PluginLayer& layer) const;
};

/// What a library of plugins was compiled for: it is taken only where this is the same text.
#define TESSERA_PLUGIN_ABI                                    \
  "tessera plugin interface 1, C++ ABI " TESSERA_PLUGIN_TEXT( \
      __GXX_ABI_VERSION) ", strings of C++11 " TESSERA_PLUGIN_TEXT(_GLIBCXX_USE_CXX11_ABI)
#define TESSERA_PLUGIN_TEXT(value) TESSERA_PLUGIN_TEXT_OF(value)  ///< of a macro's value
#define TESSERA_PLUGIN_TEXT_OF(value) #value                      ///< as it stands

/// What a library of plugins gives.
using PluginList = std::vector<std::shared_ptr<const Plugin>>;

/// Once in a library, outside of any namespace: the classes of its plugins, which are made without arguments.
#define TESSERA_PLUGINS(...)                                                                         \
  extern "C" __attribute__((visibility("default"))) const char* tesseraPluginAbi() {                 \
    return TESSERA_PLUGIN_ABI;                                                                       \
  }                                                                                                  \
  extern "C" __attribute__((visibility("default"))) void tesseraPlugins(tessera::PluginList& list) { \
    tessera::makePlugins<__VA_ARGS__>(list);                                                         \
  }
/// Appends one of each class.
template <class... Plugins>
void makePlugins(PluginList& list) {
  (list.push_back(std::make_shared<const Plugins>()), ...);
}

/// Makes a plugin known to the process, for ever. The same one again changes nothing; another one of that
/// name, or one whose declarations are wrong, is Error(InvalidArgument). `origin` stands in messages.
void addPlugin(std::shared_ptr<const Plugin> plugin, const std::string& origin = "the program");

/// Makes the plugins of a manifest (.json) or a library (.so), or of all of them in a folder, known, and
/// returns their names. A library is code that runs in this process. Throws Error(InvalidArgument) that names
/// the file and the reason; where one of a folder is wrong, none is known.
std::vector<std::string> loadPlugins(const std::filesystem::path& file);

/// A plugin that the process knows.
struct PluginInfo {
  std::string name;                ///< Plugin::name()
  std::string version;             ///< as the plugin says
  std::string origin;              ///< file, plan or "the program"
  std::vector<std::string> types;  ///< Plugin::types()
  bool portable = false;           ///< travels inside plans
};
std::vector<PluginInfo> plugins();  ///< by name

/// The plugin for a type of source models, null where there is none. `domain`: of ONNX; else empty.
std::shared_ptr<const Plugin> pluginFor(std::string_view domain, std::string_view type);

}  // namespace tessera
