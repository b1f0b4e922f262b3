// The explicit list of kernel families (families.def), and what they share.
#include "clkernels/family.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <sstream>

#include "base/read_file.hpp"
#include "clkernels/added_families.hpp"
#include "clkernels/common/work_size.hpp"
#include "clkernels/embedded.hpp"
#include "ops/ordered.hpp"

namespace tessera {

#define TESSERA_FAMILIES(stem) void addFamilies_##stem(FamilyList&);
#include "clkernels/families.def"
#undef TESSERA_FAMILIES

void FamilyList::add(const KernelFamily& family, std::vector<std::string> ops) {
  all.push_back(&family);
  for (auto& op : ops) {
    byOp[op].push_back(&family);
    if (family.ordersSums()) inOrder[op].push_back(&family);
  }
}

namespace {
const FamilyList& families() {
  static const FamilyList list = [] {
    FamilyList all;
#define TESSERA_FAMILIES(stem) addFamilies_##stem(all);
#include "clkernels/families.def"
#undef TESSERA_FAMILIES
    return all;
  }();
  return list;
}
}  // namespace

namespace {
/// Those that came later.
struct AddedFamily {
  std::unique_ptr<const KernelFamily> family;
  std::vector<const KernelFamily*> alone;  ///< itself
};
struct AddedFamilies {
  std::shared_mutex mutex;
  std::map<std::string, AddedFamily, std::less<>> byOp;
  std::map<std::string, std::string, std::less<>> sources;  ///< by path
};
AddedFamilies& added() {
  static AddedFamilies families;
  return families;
}
}  // namespace

void addFamily(std::unique_ptr<const KernelFamily> family, const std::string& op, const std::string& path,
               std::string source) {
  const std::unique_lock lock(added().mutex);
  AddedFamily entry{std::move(family), {}};
  entry.alone.push_back(entry.family.get());
  if (!added().byOp.emplace(op, std::move(entry)).second ||
      !added().sources.emplace(path, std::move(source)).second)
    throw Error(ErrorCode::Internal, "kernels for " + op + " are added twice");
}

const std::vector<const KernelFamily*>& allFamilies() { return families().all; }

namespace {
const std::vector<const KernelFamily*>& listed(const FamilyList::ByOp& lists, std::string_view op) {
  static const std::vector<const KernelFamily*> none;
  if (const auto it = lists.find(op); it != lists.end()) return it->second;
  const std::shared_lock lock(added().mutex);
  const auto it = added().byOp.find(op);
  return it == added().byOp.end() ? none : it->second.alone;
}
}  // namespace

const std::vector<const KernelFamily*>& familiesFor(std::string_view op) {
  return listed(families().byOp, op);
}

const std::vector<const KernelFamily*>& familiesFor(const OpView& op) {
  return listed(sumsInOrder(op) ? families().inOrder : families().byOp, op.op);
}

const KernelFamily* findFamily(std::string_view name) {
  for (const KernelFamily* family : allFamilies())
    if (family->id().name == name) return family;
  const std::shared_lock lock(added().mutex);
  for (const auto& [op, entry] : added().byOp)
    if (entry.family->id().name == name) return entry.family.get();
  return nullptr;
}

std::string packingKey(const KernelFamily& family, const Problem& problem, const Tactic& tactic,
                       std::size_t index) {
  return family.id().text() + "\t" + problem.text() + "\t" + tactic.text() + "\t" + std::to_string(index);
}

BlockChoice BlockChoice::uniform(const OpView& op, int block) {
  BlockChoice choice;
  for (const auto& t : op.inputs) choice.inputs.push_back(t.blockable() ? block : 1);
  for (const auto& t : op.outputs) choice.outputs.push_back(t.blockable() ? block : 1);
  return choice;
}

OpView withBlocks(const OpView& op, const BlockChoice& choice) {
  OpView view = op;
  for (std::size_t i = 0; i < view.inputs.size(); ++i) view.inputs[i].layout = {choice.inputs.at(i), 0, 0};
  for (std::size_t i = 0; i < view.outputs.size(); ++i) view.outputs[i].layout = {choice.outputs.at(i), 0, 0};
  return view;
}

std::vector<BlockChoice> KernelFamily::blockChoices(const OpView& op, const DeviceCaps& device) const {
  const int wanted = channelBlock(op, device);
  if (wanted > 0) return {BlockChoice::uniform(op, wanted)};
  std::vector<BlockChoice> choices;
  for (const int block : {16, 8, 4, 32, 1}) choices.push_back(BlockChoice::uniform(op, block));
  return choices;
}

Cost KernelFamily::cost(const Problem& problem, const DeviceCaps&) const {
  Cost cost;
  for (const auto& t : problem.inputs) cost.bytes += t.present() ? static_cast<double>(t.bytes()) : 0;
  for (const auto& t : problem.outputs) {
    cost.bytes += static_cast<double>(t.bytes());
    cost.operations += static_cast<double>(t.size());
  }
  return cost;
}

void setFlat(KernelCall& call, std::int64_t count, const DeviceCaps& device) {
  const std::int64_t items = std::max<std::int64_t>(count, 1);
  std::int64_t local = 256;
  // A CPU device runs a work-group per thread: short ranges are split so that every core gets some. Few
  // sizes, since PoCL compiles a kernel anew for each.
  if (device.isCpu()) local = items < 1024 ? 16 : items < 65536 ? 128 : 1024;
  local = std::min<std::int64_t>(local, device.maxWorkGroup);
  call.global = {static_cast<std::size_t>(roundUp(items, local))};
  call.local = {static_cast<std::size_t>(local)};
}

std::size_t groupSize(const DeviceCaps& device) {
  std::size_t group = device.isCpu() ? 16 : 256;
  while (group > device.maxWorkGroup) group /= 2;
  return group;
}

void setItems(KernelCall& call, const std::vector<std::int64_t>& extents) {
  call.global.assign(extents.begin(), extents.end());
  call.local.assign(extents.size(), 1);
}

double withIdleCores(double steps, std::int64_t items, const DeviceCaps& device) {
  const double count = static_cast<double>(items), cores = std::max(device.computeUnits, 1);
  return steps * std::ceil(count / cores) * cores / count;
}

void addInts(std::vector<KernelArg>& args, const std::vector<std::int64_t>& values) {
  for (const std::int64_t value : values) args.push_back(KernelArg::ofInt(value));
}

std::string rawType(DataType type) {
  switch (byteSize(type)) {
    case 1:
      return "uchar";
    case 2:
      return "ushort";
    case 4:
      return "uint";
    case 8:
      return "ulong";
    default:
      throw Error(ErrorCode::Internal, "no OpenCL type of this size");
  }
}

std::string clType(DataType type) {
  switch (type) {
    case DataType::Float32:
      return "float";
    case DataType::Float16:
      return "half";
    case DataType::Int8:
      return "char";
    case DataType::UInt8:
    case DataType::Bool:
      return "uchar";
    case DataType::Int32:
      return "int";
    case DataType::Int64:
      return "long";
    default:
      throw Error(ErrorCode::Internal, "no OpenCL type for none");
  }
}

std::string floatLiteral(float value) {
  if (std::isnan(value)) return "NAN";
  if (std::isinf(value)) return value > 0 ? "INFINITY" : "(-INFINITY)";
  char text[48];
  std::snprintf(text, sizeof text, value < 0 ? "(%af)" : "%af", static_cast<double>(value));
  return text;
}

namespace {
std::string readKernelFile(std::string_view path) {
  {
    const std::shared_lock lock(added().mutex);
    if (const auto it = added().sources.find(path); it != added().sources.end()) return it->second;
  }
  if (const char* folder = std::getenv("TESSERA_KERNEL_DIR")) {
    FileContent file = readRegularFile(std::filesystem::path(folder) / path);
    if (file.ok()) return std::move(file.bytes);
    if (!file.missing)
      throw Error(ErrorCode::InvalidArgument, "the kernel source " + std::string(path) +
                                                  " in TESSERA_KERNEL_DIR can not be read: " + file.why);
  }
  const auto it = embeddedFiles().find(path);
  if (it == embeddedFiles().end())
    throw Error(ErrorCode::Internal, "no kernel source named " + std::string(path));
  return it->second;
}

void expand(std::string_view path, std::set<std::string, std::less<>>& seen, std::string& out) {
  if (!seen.emplace(path).second) return;
  std::istringstream text(readKernelFile(path));
  for (std::string line; std::getline(text, line);) {
    static const std::string kInclude = "#include \"";
    if (line.rfind(kInclude, 0) == 0)
      expand(line.substr(kInclude.size(), line.find('"', kInclude.size()) - kInclude.size()), seen, out);
    else
      out += line + "\n";
  }
}
}  // namespace

std::map<std::string, std::string> kernelFilesNamed(std::string_view name) {
  const std::string end = "/" + std::string(name);
  std::map<std::string, std::string> files;
  for (const auto& [path, text] : embeddedFiles())
    if (path.ends_with(end)) files[path] = text;
  const char* folder = std::getenv("TESSERA_KERNEL_DIR");
  std::error_code error;  // a folder that can not be listed has none
  if (folder)
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
      if (FileContent file = readRegularFile(entry.path() / name); file.ok())
        files[entry.path().filename().string() + end] = std::move(file.bytes);
  return files;
}

// Every kernel of a network asks, mostly for one of a few files: they are put together once, but for those of
// a folder, which whoever edits kernels changes.
std::string kernelSource(std::string_view path) {
  const auto expanded = [&] {
    std::set<std::string, std::less<>> seen;
    std::string out;
    expand(path, seen, out);
    return out;
  };
  if (std::getenv("TESSERA_KERNEL_DIR")) return expanded();
  static std::shared_mutex mutex;
  static std::map<std::string, std::string, std::less<>> sources;
  {
    const std::shared_lock lock(mutex);
    if (const auto it = sources.find(path); it != sources.end()) return it->second;
  }
  std::string source = expanded();
  const std::unique_lock lock(mutex);
  return sources.emplace(path, std::move(source)).first->second;
}

}  // namespace tessera
