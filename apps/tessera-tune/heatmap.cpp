// Two parameters of a kernel against its time, as numbers and as a picture.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "apps/common/images.hpp"
#include "apps/common/progress.hpp"
#include "apps/tessera-tune/commands.hpp"

namespace tessera::app {
namespace {

constexpr int kCell = 56, kMargin = 96;

// The kernel of the family asked for, or of any, that was fastest for the problem in some layout, if it has
// parameters.
std::optional<Candidate> fastestOnRecord(const OpView& view, const std::string& name,
                                         const RecordStore& store, const DeviceCaps& caps) {
  std::optional<Candidate> best;
  double least = 0;
  for (const TacticRecord& r : store.tactics()) {
    const KernelFamily* family = findFamily(r.family.substr(0, r.family.find('/')));
    if (r.bad || r.tactic.empty() || !family || family->id().text() != r.family ||
        (best && r.milliseconds >= least) || r.device != caps.fingerprint() ||
        (!name.empty() && family->id().name != name))
      continue;
    const auto candidate = candidateOf(r);
    if (!candidate) continue;
    const OpView& recorded = candidate->view;
    if (planarView(recorded) != planarView(view) || !family->applies(recorded, caps)) continue;
    if (!family->space(family->problem(recorded), caps).contains(candidate->tactic)) continue;
    best = candidate;
    least = r.milliseconds;
  }
  return best;
}

// The family asked for, or the one that the cost model likes best, in its preferred layout.
Candidate chosenKernel(const std::string& problem, const std::string& name, const RecordStore& store,
                       const DeviceCaps& caps) {
  const OpView view = parseOpView(problem);
  if (const auto recorded = fastestOnRecord(view, name, store, caps)) return *recorded;
  Candidate best;
  double least = 0;
  for (const KernelFamily* family : familiesFor(view)) {
    if (!name.empty() && family->id().name != name) continue;
    std::vector<OpView> layouts{view};  // the problem's own, else what the family prefers
    for (const BlockChoice& choice : family->blockChoices(view, caps))
      layouts.push_back(withBlocks(view, choice));
    const auto fits = std::find_if(layouts.begin(), layouts.end(), [&](const OpView& v) {
      return family->applies(v, caps) && !family->space(family->problem(v), caps).empty();
    });
    if (fits == layouts.end()) continue;
    const double seconds = estimateSeconds(family->cost(family->problem(*fits), caps), caps);
    if (best.family && seconds >= least) continue;
    least = seconds;
    best = {family, *fits, family->fallback(family->problem(*fits), caps)};
  }
  if (!best.family)
    throw Error(ErrorCode::InvalidArgument, "No kernel family" + (name.empty() ? "" : " named " + name) +
                                                " with parameters to tune runs '" + problem + "' on " +
                                                caps.name + ".");
  return best;
}

const TacticSpace::Parameter& parameterNamed(const TacticSpace& space, const std::string& name) {
  for (const auto& parameter : space.parameters)
    if (parameter.name == name) return parameter;
  std::string names;
  for (const auto& parameter : space.parameters) names += (names.empty() ? "" : ", ") + parameter.name;
  throw Error(ErrorCode::InvalidArgument, "There is no parameter '" + name + "'; there are: " + names + ".");
}

cv::Scalar shade(double fraction) {  // fast is bright, slow is dark
  cv::Mat value(1, 1, CV_8UC1, cv::Scalar(255 * (1 - fraction))), color;
  cv::applyColorMap(value, color, cv::COLORMAP_VIRIDIS);
  const auto c = color.at<cv::Vec3b>(0, 0);
  return {static_cast<double>(c[0]), static_cast<double>(c[1]), static_cast<double>(c[2])};
}

void text(cv::Mat& image, const std::string& what, cv::Point at, double size, const cv::Scalar& color) {
  cv::putText(image, what, at, cv::FONT_HERSHEY_SIMPLEX, size, color, 1, cv::LINE_AA);
}

// Milliseconds by two parameters of a kernel, a row for each value of the second.
struct Heatmap {
  std::string first, second;      // names: the one across, and the one down
  std::vector<int> across, down;  // the values of each
  std::vector<double> ms;         // negative: no member of the space, or not right

  double at(std::size_t row, std::size_t column) const { return ms[row * across.size() + column]; }
};

// The parameters that --axes names, else the first two.
Heatmap axesOf(const TacticSpace& space, const std::string& axes) {
  Heatmap map;
  map.first = space.parameters.front().name;
  map.second = space.parameters[std::min<std::size_t>(1, space.parameters.size() - 1)].name;
  if (!axes.empty()) {
    const auto comma = axes.find(',');
    if (comma == std::string::npos) throw UsageError("--axes wants two names, as in TX,REGION.");
    map.first = axes.substr(0, comma), map.second = axes.substr(comma + 1);
  }
  map.across = parameterNamed(space, map.first).values;
  map.down = parameterNamed(space, map.second).values;
  map.ms.assign(map.across.size() * map.down.size(), -1);
  return map;
}

void measureMap(Heatmap& map, const Candidate& base, const TacticSpace& space, CandidateRunner& runner) {
  const std::size_t columns = map.across.size();
  Progress progress("measuring", map.ms.size(), "tactics");
  for (std::size_t r = 0; r < map.down.size(); ++r) {
    std::vector<Candidate> row;
    std::vector<std::size_t> at;
    for (std::size_t c = 0; c < columns; ++c) {
      Candidate candidate = base;
      candidate.tactic.set(map.first, map.across[c]);
      candidate.tactic.set(map.second, map.down[r]);
      if (!space.contains(candidate.tactic)) continue;
      row.push_back(candidate);
      at.push_back(r * columns + c);
    }
    const auto trials = runner.run(row, 0, false);
    for (std::size_t i = 0; i < trials.size(); ++i)
      if (trials[i].outcome != Trial::Outcome::Wrong) map.ms[at[i]] = trials[i].milliseconds;
    progress.advance(columns);
  }
}

double fastestOf(const Heatmap& map) {
  double least = 0;
  for (const double t : map.ms)
    if (t > 0) least = least > 0 ? std::min(least, t) : t;
  return least;
}

cv::Mat drawn(const Heatmap& map, const std::string& title, const std::string& problem) {
  const double least = fastestOf(map);
  // What is slower than four times the fastest is as dark as can be.
  const double most = std::min(*std::max_element(map.ms.begin(), map.ms.end()), 4 * least);
  const int columns = static_cast<int>(map.across.size()), rows = static_cast<int>(map.down.size());
  cv::Mat image(kMargin + rows * kCell + 24, kMargin + columns * kCell + 24, CV_8UC3,
                cv::Scalar(255, 255, 255));
  const cv::Scalar black(0, 0, 0), white(255, 255, 255), grey(200, 200, 200);
  text(image, title, {8, 18}, 0.45, black);
  text(image, problem, {8, 36}, 0.35, black);
  text(image, map.first + " across, " + map.second + " down; ms; grey: not a member or not right", {8, 54},
       0.4, black);
  for (int c = 0; c < columns; ++c)
    text(image, std::to_string(map.across[c]), {kMargin + c * kCell + 8, kMargin - 8}, 0.4, black);
  for (int r = 0; r < rows; ++r) {
    text(image, std::to_string(map.down[r]), {kMargin - 48, kMargin + r * kCell + kCell / 2 + 4}, 0.4, black);
    for (int c = 0; c < columns; ++c) {
      const double t = map.at(r, c);
      const cv::Rect cell(kMargin + c * kCell, kMargin + r * kCell, kCell - 1, kCell - 1);
      const double fraction = most > least ? std::clamp((t - least) / (most - least), 0.0, 1.0) : 0;
      cv::rectangle(image, cell, t > 0 ? shade(fraction) : grey, cv::FILLED);
      if (t > 0)
        text(image, fmt::format("{:.3g}", t), {cell.x + 4, cell.y + kCell / 2 + 4}, 0.38,
             fraction < 0.5 ? black : white);
    }
  }
  return image;
}

Json cellsOf(const Heatmap& map) {
  Json cells = Json::array();
  for (std::size_t r = 0; r < map.down.size(); ++r)
    for (std::size_t c = 0; c < map.across.size(); ++c)
      if (const double t = map.at(r, c); t > 0)
        cells.push_back({{map.first, map.across[c]}, {map.second, map.down[r]}, {"ms", t}});
  return cells;
}

}  // namespace

Json drawHeatmap(const RecordStore& store, const TuneArguments& a, const Device& device) {
  const auto problems = listedProblems(a);
  if (problems.empty()) throw UsageError("--heatmap wants a --problem; tessera-tune --show lists some.");
  const DeviceCaps caps = capsFor(device, parseOpView(problems.front()));
  const Candidate base = chosenKernel(problems.front(), a.heatmapFamily, store, caps);
  const Problem problem = base.family->problem(base.view);
  const TacticSpace space = base.family->space(problem, caps);
  Heatmap map = axesOf(space, a.axes);
  measureMap(map, base, space, *makeWorkerRunner({a.common.tuneWorker, device.caps().fingerprint()}));
  const std::string family(base.family->id().name);
  writeImage(a.heatmap, drawn(map, family + " on " + device.caps().name, problem.text()));
  const Json cells = cellsOf(map);
  fmt::print("{}: {} x {}, {} tactics, fastest {:.4f} ms\n", a.heatmap, map.first, map.second, cells.size(),
             fastestOf(map));
  return {{"family", family}, {"problem", problem.text()}, {"cells", cells}};
}

}  // namespace tessera::app
