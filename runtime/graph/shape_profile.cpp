// Which shapes inputs may take.
#include <algorithm>

#include "graph/graph_family.hpp"

namespace tessera {

bool ShapeRange::contains(const Shape& shape) const {
  if (shape.size() != min.size()) return false;
  for (std::size_t d = 0; d < shape.size(); ++d)
    if (shape[d] < min[d] || shape[d] > max[d]) return false;
  return true;
}

void checkProfile(const ShapeProfile& profile) {
  for (const auto& [name, range] : profile) {
    const auto refuse = [&](const std::string& why) {
      throw Error(ErrorCode::InvalidArgument, "the shapes of input '" + name + "' from " +
                                                  toString(range.min) + " by " + toString(range.opt) +
                                                  " to " + toString(range.max) + ": " + why);
    };
    if (range.min.size() != range.max.size() || range.opt.size() != range.max.size())
      refuse("they differ in their number of extents");
    for (std::size_t d = 0; d < range.max.size(); ++d) {
      if (range.min[d] < 1) refuse("extent " + std::to_string(d) + " is below 1");
      if (range.min[d] > range.opt[d] || range.opt[d] > range.max[d])
        refuse("extent " + std::to_string(d) + " does not grow from min by opt to max");
    }
  }
}

std::vector<InputShapes> probeShapes(const ShapeProfile& profile) {
  InputShapes largest, smallest, wanted, between;
  for (const auto& [name, range] : profile) {
    largest[name] = range.max;
    smallest[name] = range.min;
    wanted[name] = range.opt;
    between[name] = range.min;
    for (std::size_t d = 0; d < range.min.size(); ++d) between[name][d] = (range.min[d] + range.max[d]) / 2;
  }
  std::vector<InputShapes> probes{largest};
  const auto add = [&](const InputShapes& shapes) {
    if (std::ranges::find(probes, shapes) == probes.end()) probes.push_back(shapes);
  };
  add(smallest);
  add(wanted);
  for (const auto& [name, range] : profile)
    for (std::size_t d = 0; d < range.min.size(); ++d) {
      InputShapes one = largest;
      one[name][d] = range.min[d];
      add(one);
    }
  add(between);
  return probes;
}

}  // namespace tessera
