/// \file
/// Plugins that a manifest and an OpenCL file describe.
#pragma once

#include <memory>
#include <optional>

#include "plugin/expression.hpp"
#include "plugin/manifest.hpp"

namespace tessera {

class ManifestPlugin final : public Plugin {
 public:
  /// Bytes that a manifest or a kernel source may have.
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;

  /// Throws Error(InvalidArgument) that names the file and the reason.
  static std::shared_ptr<const ManifestPlugin> read(const std::filesystem::path& file);
  /// Of its two texts; `origin` stands in messages.
  static std::shared_ptr<const ManifestPlugin> make(std::string text, std::string source,
                                                    const std::string& origin);
  ManifestPlugin(std::string text, std::string source);

  const std::string& text() const { return text_; }  ///< the manifest
  std::string name() const override { return manifest_.name; }
  std::string version() const override { return manifest_.version; }
  std::vector<std::string> types() const override { return manifest_.types; }
  std::vector<PluginInput> inputs() const override { return manifest_.inputs; }
  std::vector<PluginAttribute> attributes() const override { return manifest_.attributes; }
  std::vector<PluginTunable> tunables() const override { return manifest_.tunables; }
  PluginTolerance tolerance() const override { return manifest_.tolerance; }
  std::string source() const override { return source_; }
  std::vector<TensorDesc> infer(const PluginLayer& layer) const override;
  void reference(const PluginLayer& layer, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override;
  std::string whyNot(const PluginLayer& layer, const PluginTactic& tactic,
                     const DeviceCaps& device) const override;
  PluginLaunch launch(const PluginLayer& layer, const PluginTactic& tactic,
                      const DeviceCaps& device) const override;
  double operations(const PluginLayer& layer) const override;
  /// About how many multiply-adds reference() takes as long as.
  double referenceWork(const PluginLayer& layer) const;

  /// Elements of an output, at flat indices, without the others; fewer of them where those take more than so
  /// many steps.
  std::vector<double> elements(const PluginLayer& layer, std::span<const HostTensor> inputs,
                               std::size_t output, std::span<const std::int64_t> indices,
                               std::int64_t mostSteps = std::int64_t{1} << 62) const;

 private:
  struct Condition {
    Expression holds;
    std::string reason;
  };
  struct Output {
    std::vector<Expression> shape;
    std::optional<std::size_t> like;  ///< the input that has its shape
    Expression reference;
  };
  struct Argument {
    PluginArgument::Kind kind;
    int index = 0;
    Expression value;
  };
  struct Call {
    std::vector<Expression> global, local;
    std::vector<Argument> arguments;
    std::vector<std::pair<std::string, Argument>> defines;
  };
  struct Parser;

  void requireEntries() const;
  ExpressionValues valuesOf(const PluginLayer& layer) const;
  ExpressionValues referenceValues(const PluginLayer& layer) const;
  ExpressionValues valuesOf(const PluginLayer& layer, const PluginTactic& tactic,
                            const DeviceCaps& device) const;
  PluginArgument argumentOf(const Argument& argument, const ExpressionValues& values) const;

  std::string text_, source_;
  Manifest manifest_;
  std::vector<Condition> conditions_, constraints_;
  std::vector<Output> outputs_;
  std::vector<Call> calls_;
  std::vector<Expression> scratch_;
  Expression operations_;
};

}  // namespace tessera
