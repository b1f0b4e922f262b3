/// \file
/// Plugins as kernel families.
#pragma once

#include "clkernels/family.hpp"
#include "tessera/plugin.hpp"

namespace tessera {

/// The only family of a plugin's operator: planar dense operands. Its name holds a hash of version and
/// source, so that tuning records of other texts are not taken for its own.
class PluginFamily final : public KernelFamily {
 public:
  explicit PluginFamily(std::shared_ptr<const Plugin> plugin);

  FamilyId id() const override { return {name_, 1}; }
  Verdict applies(const OpView& op, const DeviceCaps& device) const override;
  TacticSpace space(const Problem& problem, const DeviceCaps& device) const override;
  Tactic fallback(const Problem& problem, const DeviceCaps& device) const override;
  Launch plan(const Problem& problem, const Tactic& tactic, const DeviceCaps& device) const override;
  Cost cost(const Problem& problem, const DeviceCaps& device) const override;

  const Plugin& plugin() const { return *plugin_; }
  const std::string& sourcePath() const { return path_; }  ///< that kernelSource() has the text under

 private:
  KernelCall callOf(const PluginCall& call, const PluginLayer& layer, const PluginLaunch& launch,
                    const Tactic& tactic, const DeviceCaps& device) const;
  KernelArg argumentOf(const PluginArgument& argument, const PluginLayer& layer,
                       const PluginLaunch& launch) const;
  std::string whyNot(const OpView& op, const Tactic& tactic, const DeviceCaps& device) const;
  void checkRange(const PluginCall& call, const PluginLayer& layer, const DeviceCaps& device) const;
  void checkItems(const PluginCall& call, const PluginLayer& layer) const;
  [[noreturn]] void refuse(const std::string& why) const;

  std::shared_ptr<const Plugin> plugin_;
  std::string name_, path_;
};

}  // namespace tessera
