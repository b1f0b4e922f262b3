// What a plan says of devices, and what the network computed when the plan was made.
#include "plan/plan.pb.h"
#include "plan/plan_network.hpp"

namespace tessera {
namespace {

[[noreturn]] void bad(const std::string& reason) { throw Error(ErrorCode::BadCache, reason); }

// As Pieces::add() laid it down.
KeptBytes partOf(std::span<const std::byte> parts, std::uint64_t offset, std::uint64_t bytes,
                 const std::shared_ptr<const void>& keeper) {
  if (offset > parts.size() || bytes > parts.size() - offset)
    bad("what it says of a device lies outside the file");
  return bytes == 0 ? KeptBytes() : KeptBytes(parts.subspan(offset, bytes), keeper);
}

}  // namespace

std::string featuresOf(const DeviceCaps& device) {
  std::string text;
  const auto add = [&](bool has, const char* name) {
    text += has ? (text.empty() ? "" : ",") + std::string(name) : "";
  };
  add(device.avx512, "avx512");
  add(device.avx512Vnni, "avx512vnni");
  add(device.fp16, "fp16");
  add(device.fences, "fences");
  add(device.subBuffers, "subbuffers");
  add(device.nvidiaComputeCapability > 0, ("sm" + std::to_string(device.nvidiaComputeCapability)).c_str());
  return text;
}

DeviceSections deviceSections(const PlanDevice& device) {
  tessera_plan::Device message;
  DeviceSections sections;
  message.set_fingerprint(device.fingerprint);
  message.set_recipe(device.recipe);
  message.set_features(device.features);
  message.set_dot4(device.dot4);
  for (const ProgramBinary& program : device.parts.programs) {
    auto& to = *message.add_programs();
    to.set_identity(program.identity);
    to.set_bytes(program.bytes.size());
    if (!program.bytes.empty()) to.set_offset(sections.parts.add(program.bytes));
  }
  for (const PlannedWeights& weights : device.parts.weights) {
    auto& to = *message.add_packed();
    to.set_step(weights.step), to.set_index(weights.index);
    to.set_bytes(weights.bytes.size());
    to.set_low(weights.content[0]), to.set_high(weights.content[1]);
    if (!weights.bytes.empty()) to.set_offset(sections.parts.add(weights.bytes));
  }
  sections.device = message.SerializeAsString();
  return sections;
}

PlanDevice parseDevice(std::string_view bytes, std::optional<std::span<const std::byte>> parts,
                       const std::shared_ptr<const void>& keeper) {
  tessera_plan::Device message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    bad("what it says of a device can not be read");
  PlanDevice device{message.fingerprint(), message.recipe(), message.features(), message.dot4(), {}};
  if (!parts) return device;
  for (const auto& p : message.programs())
    device.parts.programs.push_back({p.identity(), partOf(*parts, p.offset(), p.bytes(), keeper)});
  for (const auto& w : message.packed())
    device.parts.weights.push_back(
        {w.step(), w.index(), {w.low(), w.high(), w.bytes()}, partOf(*parts, w.offset(), w.bytes(), keeper)});
  return device;
}

std::string goldenSection(const Golden& golden) {
  tessera_plan::Golden message;
  message.set_seed(golden.seed);
  message.set_exact(golden.exact);
  for (const GoldenOutput& output : golden.outputs) {
    auto& to = *message.add_outputs();
    to.set_name(output.name);
    to.set_low(output.checksum[0]), to.set_high(output.checksum[1]);
    to.set_range(output.range);
    to.mutable_samples()->Add(output.samples.begin(), output.samples.end());
  }
  return message.SerializeAsString();
}

Golden parseGolden(std::string_view bytes) {
  tessera_plan::Golden message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    bad("what its network computed can not be read");
  Golden golden{message.seed(), message.exact(), {}};
  for (const auto& output : message.outputs())
    golden.outputs.push_back({output.name(),
                              {output.low(), output.high()},
                              output.range(),
                              {output.samples().begin(), output.samples().end()}});
  return golden;
}

}  // namespace tessera
