// Default tactics by device class.
#include "tune/defaults.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

#include "clkernels/embedded.hpp"
#include "ops/geometry.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr std::string_view kNumbers[] = {"batch", "in", "out", "group", "pixels", "inBlock", "outBlock"};
constexpr std::string_view kTexts[] = {"type", "kernel", "stride", "dilation"};

bool oneOf(const auto& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

[[noreturn]] void wrong(const std::string& why) { throw Error(ErrorCode::BadCache, why); }

std::int64_t numberOf(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty())
    wrong("'" + std::string(text) + "' is no number");
  return value;
}

std::string timesText(const Extents& extents, int rank) {
  std::string text;
  for (int axis = 3 - rank; axis < 3; ++axis)
    text += (text.empty() ? "" : "x") + std::to_string(extents[axis]);
  return text;
}

DefaultLine::Condition conditionOf(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) wrong("'" + std::string(text) + "' is no condition like in=64..255");
  DefaultLine::Condition condition{std::string(text.substr(0, equals)), {}, {}, {}};
  const std::string_view value = text.substr(equals + 1);
  if (oneOf(kTexts, condition.feature)) {
    condition.text = value;
    if (value.empty()) wrong("'" + condition.feature + "=' names nothing");
  } else if (oneOf(kNumbers, condition.feature)) {
    const auto dots = value.find("..");
    const std::string_view least = value.substr(0, dots),
                           most = dots == std::string_view::npos ? value : value.substr(dots + 2);
    if (!least.empty()) condition.least = numberOf(least);
    if (!most.empty()) condition.most = numberOf(most);
    if (!condition.least && !condition.most) wrong("'" + std::string(text) + "' has no bound");
  } else {
    wrong("problems have no feature '" + condition.feature + "'");
  }
  return condition;
}

// The power of four at or below a number.
std::int64_t quarter(std::int64_t value) {
  std::int64_t power = 1;
  while (power * 4 <= value) power *= 4;
  return power;
}

}  // namespace

ProblemFeatures featuresOf(const OpView& problem) {
  ProblemFeatures f;
  if (problem.inputs.empty() || problem.outputs.empty()) return f;
  const TensorDesc &in = problem.inputs[0], &out = problem.outputs[0];
  f.texts["type"] = toString(in.type);
  if (!out.shape.empty()) f.numbers["batch"] = out.shape[0];
  if (in.shape.size() > 1) f.numbers["in"] = in.shape[1];
  if (out.shape.size() > 1) f.numbers["out"] = out.shape[1];
  f.numbers["pixels"] = 1;
  for (std::size_t axis = 2; axis < out.shape.size(); ++axis) f.numbers["pixels"] *= out.shape[axis];
  f.numbers["inBlock"] = in.layout.block;
  f.numbers["outBlock"] = out.layout.block;
  if (traitsOf(problem.op).window) try {
      const Window w = windowOf(problem);
      f.numbers["group"] = w.group;
      f.texts["kernel"] = timesText(w.kernel, w.rank);
      f.texts["stride"] = timesText(w.stride, w.rank);
      f.texts["dilation"] = timesText(w.dilation, w.rank);
    } catch (const Error&) {  // then lines that ask for a window do not match
    }
  return f;
}

bool DefaultLine::Condition::holds(const ProblemFeatures& features) const {
  if (!text.empty()) {
    const auto it = features.texts.find(feature);
    return it != features.texts.end() && it->second == text;
  }
  const auto it = features.numbers.find(feature);
  return it != features.numbers.end() && (!least || it->second >= *least) && (!most || it->second <= *most);
}

std::string DefaultLine::text() const {
  std::string out = deviceClass + " " + family + " " + op;
  for (const Condition& c : conditions) {
    out += " " + c.feature + "=";
    if (!c.text.empty())
      out += c.text;
    else if (c.least == c.most)
      out += std::to_string(*c.least);
    else
      out += (c.least ? std::to_string(*c.least) : "") + ".." + (c.most ? std::to_string(*c.most) : "");
  }
  return out + " -> " + tactic.text();
}

DefaultLine DefaultLine::parse(std::string_view text) {
  const auto arrow = text.find("->");
  if (arrow == std::string_view::npos) wrong("it has no '->' before a tactic");
  DefaultLine line;
  std::istringstream words{std::string(text.substr(0, arrow))};
  if (!(words >> line.deviceClass >> line.family >> line.op))
    wrong("it does not begin with a device class, a kernel family and an operator");
  if (!oneOf(DeviceCaps::allClasses(), line.deviceClass))
    wrong("there is no device class '" + line.deviceClass + "'");
  if (!findFamily(line.family)) wrong("there is no kernel family '" + line.family + "'");
  if (const auto& serving = familiesFor(line.op);
      std::find(serving.begin(), serving.end(), findFamily(line.family)) == serving.end())
    wrong("kernel family " + line.family + " does not run the operator '" + line.op + "'");
  for (std::string word; words >> word;) line.conditions.push_back(conditionOf(word));
  std::istringstream rest{std::string(text.substr(arrow + 2))};
  std::string tactic, more;
  if (!(rest >> tactic) || rest >> more) wrong("one tactic is wanted after '->'");
  line.tactic = Tactic::parse(tactic);
  return line;
}

bool DefaultLine::matches(const Problem& problem) const {
  if (problem.op != op) return false;
  const ProblemFeatures features = featuresOf(problem);
  return std::all_of(conditions.begin(), conditions.end(),
                     [&](const Condition& c) { return c.holds(features); });
}

DefaultLine coarseClass(const KernelFamily& family, const Problem& problem) {
  DefaultLine line;
  line.family = family.id().name;
  line.op = problem.op;
  const ProblemFeatures features = featuresOf(problem);
  for (const auto& [name, text] : features.texts) line.conditions.push_back({name, text, {}, {}});
  for (const auto& [name, number] : features.numbers) {
    if (name == "batch") continue;
    if (name == "in" || name == "out" || name == "pixels")
      line.conditions.push_back({name, {}, quarter(number), 4 * quarter(number) - 1});
    else if (name != "group" || number == 1)
      line.conditions.push_back({name, {}, number, number});
    else
      line.conditions.push_back({name, {}, 2, {}});
  }
  return line;
}

DefaultTactics::DefaultTactics(const DeviceCaps& device) : device_(device) {
  load(kernelFilesNamed("defaults.txt"));
}

DefaultTactics::DefaultTactics(const DeviceCaps& device, const std::map<std::string, std::string>& files)
    : device_(device) {
  load(files);
}

void DefaultTactics::load(const std::map<std::string, std::string>& files) {
  const auto classes = device_.classes();
  for (const auto& [path, content] : files) {
    std::istringstream in(content);
    int number = 0;
    for (std::string text; std::getline(in, text);) {
      ++number;
      if (const auto comment = text.find('#'); comment != std::string::npos) text.erase(comment);
      if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
      const std::string place = path + ":" + std::to_string(number);
      try {
        DefaultLine line = DefaultLine::parse(text);
        if (oneOf(classes, line.deviceClass)) {
          auto& lines = byFamily_[line.family];
          lines.push_back({std::move(line), place});
        }
      } catch (const Error& e) {
        log().warn("{} is ignored: {}", place, e.what());
      }
    }
  }
  const auto rank = [&](const Known& known) {
    return std::find(classes.begin(), classes.end(), known.line.deviceClass) - classes.begin();
  };
  for (auto& [_, lines] : byFamily_)
    std::stable_sort(lines.begin(), lines.end(),
                     [&](const Known& a, const Known& b) { return rank(a) < rank(b); });
}

std::size_t DefaultTactics::size() const {
  std::size_t count = 0;
  for (const auto& [_, lines] : byFamily_) count += lines.size();
  return count;
}

std::vector<Tactic> DefaultTactics::of(const KernelFamily& family, const Problem& problem) const {
  std::vector<Tactic> tactics;
  const auto known = byFamily_.find(family.id().name);
  if (known == byFamily_.end()) return tactics;
  std::optional<TacticSpace> space;
  for (const Known& k : known->second) {
    if (!k.line.matches(problem)) continue;
    if (!space) space = family.space(problem, device_);
    const std::string why = space->whyNot(k.line.tactic);
    if (why.empty()) {
      tactics.push_back(k.line.tactic);
    } else if (!k.reported) {
      k.reported = true;
      // A line for many problems need not fit each of them; one that names other parameters fits none.
      const bool foreign = k.line.tactic.values().size() != space->parameters.size();
      log().log(foreign ? spdlog::level::warn : spdlog::level::debug, "{} is not used for {}: {}", k.place,
                problem.text(), why);
    }
  }
  return tactics;
}

}  // namespace tessera
