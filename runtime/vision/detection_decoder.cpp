// From values to boxes.
#include <algorithm>
#include <cmath>

#include "vision/detection_heads.hpp"

namespace tessera {

struct DetectionDecoder::Impl : DetectorParts {};

namespace {

constexpr double kMostScore = 1.001;  ///< that a class may have: 1, and what half precision makes of it

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

// A class or an item that is written as a float; -1: it is none.
std::int64_t wholeOf(float value) {
  return value >= 0 && value < 1e9F ? static_cast<std::int64_t>(value) : -1;
}

/// Values of one item.
class Values {
 public:
  Values(const TensorMap& outputs, const ValueSource& source, std::int64_t item) : source_(source) {
    const auto it = outputs.find(source.output);
    if (it == outputs.end())
      throw Error(ErrorCode::InvalidArgument, "the output '" + source.output + "' was not given");
    const auto all = it->second.as<float>();
    begin_ = all.data() + source.base + item * source.itemStep;
    rows_ = source.itemStep == 0 ? 0 : static_cast<std::int64_t>(all.size());
  }
  float at(std::int64_t row, std::int64_t value) const {
    return begin_[row * source_.rowStep + value * source_.valueStep];
  }
  std::int64_t elements() const { return rows_; }

 private:
  const ValueSource& source_;
  const float* begin_ = nullptr;
  std::int64_t rows_ = 0;
};

/// The best class of each row; rows that were not asked for have none.
struct Best {
  std::vector<float> score;
  std::vector<int> index;
};

// `rows`: those to look at, rising. Walks values in the order in which they lie.
Best bestClasses(const Values& scores, const ValueSource& source, const std::vector<std::int64_t>& rows,
                 int classes, int background) {
  Best best{std::vector<float>(rows.size(), -INFINITY), std::vector<int>(rows.size(), -1)};
  const auto visit = [&](std::size_t i, int c) {
    const float score = scores.at(rows[i], c);
    if (!(score > best.score[i])) return;
    best.score[i] = score;
    best.index[i] = c;
  };
  if (source.rowStep == 1) {
    for (int c = 0; c < classes; ++c)
      for (std::size_t i = 0; c != background && i < rows.size(); ++i) visit(i, c);
  } else {
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (int c = 0; c < classes; ++c)
        if (c != background) visit(i, c);
  }
  return best;
}

class Item {
 public:
  Item(const DetectorParts& d, const TensorMap& outputs, std::int64_t item);
  std::vector<DetectedObject> decode();

 private:
  using Layout = DetectionFormat::Layout;

  void rows(const DetectionHead& head);
  void listed(const DetectionHead& head);
  void head(const DetectionHead& head);
  void severalClasses(const DetectionHead& head, const Values& boxes, const Values& scores);
  bool areCorners(const Values& boxes, std::int64_t rows) const;
  Box priorBox(const Values& boxes, std::int64_t row, std::int64_t rows, bool corners) const;
  Box box(const DetectionHead& head, const Values& boxes, std::int64_t row) const;
  Box distances(const DetectionHead& head, const Values& boxes, std::int64_t row) const;
  Box centered(float x, float y, float w, float h) const {
    return {x - w / 2, y - h / 2, x + w / 2, y + h / 2};
  }
  Box inPixels(Box b) const {
    if (!format_.fraction) return b;
    return {b.left * d_.width, b.top * d_.height, b.right * d_.width, b.bottom * d_.height};
  }

  const DetectorParts& d_;
  const DetectionFormat& format_;
  const TensorMap& outputs_;
  std::int64_t item_;
  double threshold_;
  std::vector<DetectedObject> found_;
};

Item::Item(const DetectorParts& d, const TensorMap& outputs, std::int64_t item)
    : d_(d),
      format_(d.network.format),
      outputs_(outputs),
      item_(item),
      threshold_(d.options.suppression.threshold) {}

// Rows of DetectionOutput say which item they are of; those of other networks belong to theirs.
void Item::rows(const DetectionHead& head) {
  const bool tagged = d_.network.rowValues == 7;
  const HostTensor& tensor = outputs_.at(head.box.output);
  const Values values(outputs_, head.box, tagged ? 0 : item_);
  const std::int64_t rows = tagged ? tensor.size() / 7 : head.rows;
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto v = [&](std::int64_t k) { return values.at(row, k); };
    if (tagged && wholeOf(v(0)) != item_) continue;
    const float score = v(tagged ? 2 : 4);
    const auto index = static_cast<int>(wholeOf(v(tagged ? 1 : 5)));
    if (!(static_cast<double>(score) >= threshold_) || index < 0 || index == format_.background) continue;
    const std::int64_t at = tagged ? 3 : 0;
    found_.push_back({inPixels({v(at), v(at + 1), v(at + 2), v(at + 3)}), index, score});
  }
}

void Item::listed(const DetectionHead& head) {
  const Values boxes(outputs_, head.box, item_), scores(outputs_, head.scores, item_);
  const HostTensor& classes = outputs_.at(d_.network.listed);
  const std::int64_t rows =
      std::min({head.rows, classes.size() - item_ * head.rows, boxes.elements() / 4, scores.elements()});
  for (std::int64_t row = 0; row < rows; ++row) {
    const float score = scores.at(row, 0);
    const auto index = static_cast<int>(classes.integer(item_ * head.rows + row));
    if (!(static_cast<double>(score) >= threshold_) || index < 0 || index == format_.background) continue;
    found_.push_back(
        {inPixels({boxes.at(row, 0), boxes.at(row, 1), boxes.at(row, 2), boxes.at(row, 3)}), index, score});
  }
}

// Corners that are none would have a negative extent somewhere; offsets from priors have about as often as
// not.
bool Item::areCorners(const Values& boxes, std::int64_t rows) const {
  for (std::int64_t row = 0; row < rows; ++row)
    if (!(boxes.at(row, 2) >= boxes.at(row, 0)) || !(boxes.at(row, 3) >= boxes.at(row, 1))) return false;
  return true;
}

Box Item::priorBox(const Values& boxes, std::int64_t row, std::int64_t rows, bool corners) const {
  const std::array<float, 4> t{boxes.at(row, 0), boxes.at(row, 1), boxes.at(row, 2), boxes.at(row, 3)};
  if (corners) return inPixels({t[0], t[1], t[2], t[3]});
  std::array<float, 4> prior{},
      variance{format_.variances[0], format_.variances[0], format_.variances[1], format_.variances[1]};
  if (!d_.network.priors.empty()) {
    const float* p = outputs_.at(d_.network.priors).as<float>().data() + row * 4;
    prior = {(p[0] + p[2]) / 2, (p[1] + p[3]) / 2, p[2] - p[0], p[3] - p[1]};
    std::copy_n(p + rows * 4, 4, variance.begin());
  } else if (!d_.priors.empty()) {
    prior = d_.priors[static_cast<std::size_t>(row)];
  } else {
    throw Error(
        ErrorCode::InvalidArgument,
        "the boxes of output '" + d_.network.heads[0].box.output +
            "' are no corners, and there are no priors to decode them with: make the priors an output of "
            "the network (1x2x(4 BOXES): corners, variances), output.priors in the description");
  }
  return inPixels(centered(prior[0] + t[0] * variance[0] * prior[2], prior[1] + t[1] * variance[1] * prior[3],
                           prior[2] * std::exp(t[2] * variance[2]), prior[3] * std::exp(t[3] * variance[3])));
}

Box Item::distances(const DetectionHead& head, const Values& boxes, std::int64_t row) const {
  std::array<float, 4> side{};
  const int bins = format_.bins;
  for (int k = 0; k < 4; ++k) {
    if (bins == 0) {
      side[static_cast<std::size_t>(k)] = boxes.at(row, k);
      continue;
    }
    float most = -INFINITY, sum = 0, mean = 0;
    for (int b = 0; b < bins; ++b) most = std::max(most, boxes.at(row, k * bins + b));
    for (int b = 0; b < bins; ++b) {
      const float weight = std::exp(boxes.at(row, k * bins + b) - most);
      sum += weight;
      mean += weight * static_cast<float>(b);
    }
    side[static_cast<std::size_t>(k)] = mean / sum;
  }
  const float x = static_cast<float>(row % head.columns) + format_.cellPoint,
              y = static_cast<float>(row / head.columns) + format_.cellPoint, s = head.stride;
  return {(x - side[0]) * s, (y - side[1]) * s, (x + side[2]) * s, (y + side[3]) * s};
}

Box Item::box(const DetectionHead& head, const Values& boxes, std::int64_t row) const {
  if (format_.decoding == BoxDecoding::Distances) return distances(head, boxes, row);
  const float x = static_cast<float>(row % head.columns), y = static_cast<float>(row / head.columns);
  const float s = head.stride, t0 = boxes.at(row, 0), t1 = boxes.at(row, 1), t2 = boxes.at(row, 2),
              t3 = boxes.at(row, 3);
  switch (format_.decoding) {
    case BoxDecoding::Cells:
      return centered((x + t0) * s, (y + t1) * s, std::exp(t2) * s, std::exp(t3) * s);
    case BoxDecoding::Anchors:
      return centered((x + sigmoid(t0)) * s, (y + sigmoid(t1)) * s, std::exp(t2) * head.anchor[0],
                      std::exp(t3) * head.anchor[1]);
    case BoxDecoding::ScaledAnchors: {
      const float w = 2 * sigmoid(t2), h = 2 * sigmoid(t3);
      return centered((x + 2 * sigmoid(t0) - 0.5F) * s, (y + 2 * sigmoid(t1) - 0.5F) * s,
                      w * w * head.anchor[0], h * h * head.anchor[1]);
    }
    case BoxDecoding::FastestDet: {  // a cell covers its share of the input, whatever the stride says
      const auto columns = static_cast<float>(head.columns),
                 lines = static_cast<float>(head.rows / head.columns);
      return centered((x + std::tanh(t0)) / columns * d_.width, (y + std::tanh(t1)) / lines * d_.height,
                      sigmoid(t2) * d_.width, sigmoid(t3) * d_.height);
    }
    default:
      return inPixels(centered(t0, t1, t2, t3));
  }
}

void Item::severalClasses(const DetectionHead& head, const Values& boxes, const Values& scores) {
  const bool corners = areCorners(boxes, head.rows);
  for (std::int64_t row = 0; row < head.rows; ++row)
    for (int c = 0; c < d_.network.classes; ++c) {
      const float score = scores.at(row, c);
      if (c == format_.background || !(static_cast<double>(score) >= threshold_)) continue;
      found_.push_back({priorBox(boxes, row, head.rows, corners), c, score});
    }
}

void Item::head(const DetectionHead& head) {
  const Values boxes(outputs_, head.box, item_), scores(outputs_, head.scores, item_);
  if (format_.severalClasses) return severalClasses(head, boxes, scores);
  const auto probability = [&](float value) { return format_.sigmoid ? sigmoid(value) : value; };
  const bool weighted = format_.decoding == BoxDecoding::FastestDet;
  // Scores of classes are 1 at most, so that rows with little objectness need no look at their classes.
  std::vector<std::int64_t> rows;
  std::vector<float> factors;
  std::optional<Values> objectness;
  if (head.objectness) objectness.emplace(outputs_, *head.objectness, item_);
  // Most cells have far too little for the power to be worth computing.
  const double least = weighted ? std::pow(threshold_ / kMostScore, 1 / 0.6) * 0.999 : 0;
  for (std::int64_t row = 0; row < head.rows; ++row) {
    const float object = objectness ? probability(objectness->at(row, 0)) : 1.0F;
    if (weighted && static_cast<double>(object) < least) continue;
    const float factor = weighted ? std::pow(object, 0.6F) : object;
    if (!(static_cast<double>(factor) * kMostScore >= threshold_)) continue;
    rows.push_back(row);
    factors.push_back(factor);
  }
  const Best best = bestClasses(scores, head.scores, rows, d_.network.classes, format_.background);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (best.index[i] < 0) continue;
    const float own = probability(best.score[i]);
    const float score = factors[i] * (weighted ? std::pow(own, 0.4F) : own);
    if (static_cast<double>(score) >= threshold_)
      found_.push_back({box(head, boxes, rows[i]), best.index[i], score});
  }
}

std::vector<DetectedObject> Item::decode() {
  for (const DetectionHead& one : d_.network.heads) {
    if (format_.layout == Layout::Rows)
      rows(one);
    else if (format_.layout == Layout::Listed)
      listed(one);
    else
      head(one);
  }
  return std::move(found_);
}

}  // namespace

DetectionDecoder::DetectionDecoder(const std::vector<Binding>& bindings, std::int64_t batch,
                                   std::int64_t height, std::int64_t width, DetectionOptions options)
    : impl_(std::make_unique<Impl>()) {
  options.suppression.check();
  impl_->network = headsOf(bindings, batch, height, width, options);
  impl_->options = std::move(options);
  impl_->height = static_cast<float>(height);
  impl_->width = static_cast<float>(width);
  impl_->priors = priorsOf(impl_->network.format, height, width);
}
DetectionDecoder::~DetectionDecoder() = default;
DetectionDecoder::DetectionDecoder(DetectionDecoder&&) noexcept = default;
DetectionDecoder& DetectionDecoder::operator=(DetectionDecoder&&) noexcept = default;

int DetectionDecoder::classes() const { return impl_->network.classes; }
const DetectionFormat& DetectionDecoder::format() const { return impl_->network.format; }

std::vector<std::string> DetectionDecoder::outputs() const {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const DetectionHead& head : impl_->network.heads) {
    add(head.box.output);
    add(head.scores.output);
    if (head.objectness) add(head.objectness->output);
  }
  add(impl_->network.priors);
  add(impl_->network.listed);
  return names;
}

std::vector<DetectedObject> DetectionDecoder::decode(const TensorMap& outputs, std::int64_t item) const {
  return Item(*impl_, outputs, item).decode();
}

}  // namespace tessera
