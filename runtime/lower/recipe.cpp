#include "lower/recipe.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "lower/lowering.hpp"

namespace tessera {
namespace {

// A step's text: "[~]layer|family|in,in>out|tactic"; steps are separated by blanks. What would be taken for
// one of these signs in a layer's name is written as %XX.
constexpr char kReformatSign = '~';
// Before the steps, where it is known: "chain=GROUPS".
constexpr std::string_view kChain = "chain=";
constexpr int kMostGroups = 1 << 20;  // far more than any device holds at once

std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte > ' ' && byte != 0x7f && c != '%' && c != '|' && c != kReformatSign;
    text += plain ? std::string(1, c) : percentEscape(c);
  }
  return text;
}

[[noreturn]] void malformed(std::string_view step) {
  throw Error(ErrorCode::BadCache, "'" + std::string(step.substr(0, 80)) + "' is no step of a recipe");
}

std::string blocksText(const std::vector<int>& blocks) {
  std::string text;
  for (const int block : blocks) text += (text.empty() ? "" : ",") + std::to_string(block);
  return text;
}

std::vector<int> parseBlocks(std::string_view text, std::string_view step) {
  std::vector<int> blocks;
  while (!text.empty()) {
    int block = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), block);
    if (error != std::errc{} || block < 1) malformed(step);
    blocks.push_back(block);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) break;
    if (text.front() != ',' || text.size() == 1) malformed(step);
    text.remove_prefix(1);
  }
  return blocks;
}

int parseGroups(std::string_view word) {
  const std::string_view number = word.substr(kChain.size());
  int groups = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), groups);
  if (error != std::errc{} || end != number.data() + number.size() || groups < 0 || groups > kMostGroups)
    malformed(word);
  return groups;
}

RecipeStep parseStep(std::string_view text) {
  std::vector<std::string_view> fields;
  for (std::size_t at = 0;;) {
    const auto bar = text.find('|', at);
    fields.push_back(text.substr(at, bar == std::string_view::npos ? bar : bar - at));
    if (bar == std::string_view::npos) break;
    at = bar + 1;
  }
  if (fields.size() != 4) malformed(text);
  RecipeStep step;
  if (fields[0].starts_with(kReformatSign)) step.reformat = true, fields[0].remove_prefix(1);
  auto layer = percentUnescaped(fields[0]);
  if (!layer) malformed(fields[0]);
  step.layer = *std::move(layer);
  step.family = fields[1];
  const auto arrow = fields[2].find('>');
  if (arrow == std::string_view::npos) malformed(text);
  step.inputs = parseBlocks(fields[2].substr(0, arrow), text);
  step.outputs = parseBlocks(fields[2].substr(arrow + 1), text);
  step.tactic = Tactic::parse(fields[3]);
  return step;
}

std::vector<int> blocksOf(const std::vector<TensorDesc>& operands) {
  std::vector<int> blocks;
  for (const TensorDesc& t : operands) blocks.push_back(t.layout.block);
  return blocks;
}

// Obeys a recipe, step by step.
class RecipeReader final : public Lowering::Choice {
 public:
  RecipeReader(const Recipe& recipe, const DeviceCaps& device, const std::string& graph)
      : recipe_(recipe), device_(device), graph_(graph) {}

  Fit fit(Lowering& lowering, const Layer& layer, const OpView& base) override {
    // Reformats of its inputs stand before it.
    std::size_t at = next_;
    while (at < recipe_.steps.size() && recipe_.steps[at].reformat) ++at;
    if (at == recipe_.steps.size()) misfit("it ends before layer '" + layer.name + "'");
    const RecipeStep& step = recipe_.steps[at];
    if (step.layer != layer.name)
      misfit("it has '" + step.layer + "' where the network has '" + layer.name + "'");
    const auto& families = familiesFor(base);
    const auto family =
        std::ranges::find_if(families, [&](const KernelFamily* f) { return f->id().text() == step.family; });
    if (family == families.end())
      misfit("there is no family " + step.family + " for " + layer.op + " '" + layer.name + "'");
    if (step.inputs.size() != base.inputs.size() || step.outputs.size() != base.outputs.size())
      misfit("'" + layer.name + "' has another number of operands");
    std::string refusal;
    auto fit = lowering.fit(layer, base, **family, {step.inputs, step.outputs}, refusal);
    if (!fit) misfit(step.family + " does not run '" + layer.name + "': " + refusal);
    return *std::move(fit);
  }

  Tactic tactic(const std::string& name, bool reformat, const KernelFamily& family,
                const OpView& view) override {
    if (next_ == recipe_.steps.size()) misfit("it ends before '" + name + "'");
    const RecipeStep& step = recipe_.steps[next_++];
    if (step.layer != name || step.reformat != reformat || step.family != family.id().text() ||
        step.inputs != blocksOf(view.inputs) || step.outputs != blocksOf(view.outputs))
      misfit("it has '" + step.layer + "' by " + step.family + " where the network has '" + name + "' by " +
             family.id().text());
    if (!offers(family, family.problem(view), step.tactic, device_))
      misfit(step.family + " does not offer '" + step.tactic.text() + "' for '" + name + "'");
    return step.tactic;
  }

  void end() const {
    if (next_ != recipe_.steps.size()) misfit("it goes on after the network's last step");
  }

 private:
  [[noreturn]] void misfit(const std::string& why) const {
    throw Error(ErrorCode::BadCache, "the recipe is not of network '" + graph_ + "': " + why);
  }

  const Recipe& recipe_;
  const DeviceCaps& device_;
  const std::string& graph_;
  std::size_t next_ = 0;
};

}  // namespace

std::string Recipe::text() const {
  std::string text;
  if (chainGroups != kChainUnknown) text = std::string(kChain) + std::to_string(chainGroups);
  for (const RecipeStep& step : steps) {
    if (!text.empty()) text += ' ';
    if (step.reformat) text += kReformatSign;
    text += escaped(step.layer) + "|" + step.family + "|" + blocksText(step.inputs) + ">" +
            blocksText(step.outputs) + "|" + step.tactic.text();
  }
  return text;
}

Recipe Recipe::parse(std::string_view text) {
  Recipe recipe;
  while (!text.empty()) {
    const auto blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    if (recipe.steps.empty() && recipe.chainGroups == kChainUnknown && word.starts_with(kChain) &&
        word.find('|') == std::string_view::npos)
      recipe.chainGroups = parseGroups(word);
    else
      recipe.steps.push_back(parseStep(word));
    if (blank == std::string_view::npos) break;
    text.remove_prefix(blank + 1);
    if (text.empty()) malformed("");
  }
  return recipe;
}

Recipe recipeOf(const Lowered& lowered) {
  constexpr std::string_view kPrefix = "reformat ";  // of the names of such steps
  Recipe recipe;
  for (const Step& step : lowered.steps)
    recipe.steps.push_back({step.reformat ? step.layer.substr(kPrefix.size()) : step.layer, step.reformat,
                            step.family->id().text(), blocksOf(step.view.inputs), blocksOf(step.view.outputs),
                            step.tactic});
  recipe.chainGroups = lowered.chainGroups;
  return recipe;
}

bool offers(const KernelFamily& family, const Problem& problem, const Tactic& tactic,
            const DeviceCaps& device) {
  return family.space(problem, device).contains(tactic) || tactic == family.fallback(problem, device);
}

Lowered lowerGraph(const Graph& graph, const DeviceCaps& device, const Recipe& recipe) {
  RecipeReader reader(recipe, device, graph.name);
  Lowered lowered = Lowering(graph, device, reader, true).run();
  reader.end();
  lowered.chainGroups = recipe.chainGroups;
  return lowered;
}

}  // namespace tessera
