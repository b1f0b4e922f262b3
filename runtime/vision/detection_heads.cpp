// Outputs told by their shapes.
#include "vision/detection_heads.hpp"

#include <algorithm>
#include <numeric>

namespace tessera {

std::int64_t DetectionFormat::perCell(std::size_t scale) const {
  if (!anchors.empty()) return static_cast<std::int64_t>(anchors.size() / strides.size());
  return scale < priorSizes.size() ? static_cast<std::int64_t>(priorSizes[scale].size()) : 1;
}

namespace {

using BoxLayout = DetectionFormat::Layout;

struct Cells {
  std::int64_t height, width;
  std::int64_t count() const { return height * width; }
};

/// An output without its batch.
struct Item {
  std::string name;
  DataType type;
  Shape shape;
  std::int64_t size() const { return elementCount(shape); }
};

class Matcher {
 public:
  Matcher(std::vector<Item> items, const DetectionOptions& options, DetectionFormat format,
          std::int64_t height, std::int64_t width)
      : items_(std::move(items)), options_(options) {
    found_.format = std::move(format);
    for (const int stride : found_.format.strides)
      cells_.push_back({(height + stride - 1) / stride, (width + stride - 1) / stride});
  }

  std::optional<DetectionHeads> match() {
    bool fits = false;
    switch (found_.format.layout) {
      case BoxLayout::Joined:
        fits = joined();
        break;
      case BoxLayout::PerScale:
        fits = perScale();
        break;
      case BoxLayout::Split:
        fits = split();
        break;
      case BoxLayout::SplitPerScale:
        fits = splitPerScale();
        break;
      case BoxLayout::Rows:
        fits = rows();
        break;
      case BoxLayout::Listed:
        fits = listed();
        break;
    }
    if (!fits) return std::nullopt;
    return std::move(found_);
  }

 private:
  const DetectionFormat& format() const { return found_.format; }
  std::int64_t fixedValues() const { return format().boxValues() + (format().objectness ? 1 : 0); }
  std::int64_t expectedRows() const {
    std::int64_t rows = 0;
    for (std::size_t s = 0; s < cells_.size(); ++s) rows += cells_[s].count() * format().perCell(s);
    return rows;
  }
  // Whether so many values beside the box's are the scores of classes.
  bool takesClasses(std::int64_t classes) {
    if (classes < 1 || (options_.classCount > 0 && classes != options_.classCount)) return false;
    if (found_.classes > 0 && classes != found_.classes) return false;
    found_.classes = static_cast<int>(classes);
    return true;
  }

  // A head whose box, objectness and scores lie one after another from `base` on.
  DetectionHead headAt(const Item& item, std::int64_t base, std::int64_t rowStep,
                       std::int64_t valueStep) const {
    const auto source = [&](std::int64_t value) {
      return ValueSource{item.name, base + value * valueStep, item.size(), rowStep, valueStep};
    };
    const std::int64_t box = format().boxValues(), classes = found_.classes;
    DetectionHead head;
    if (format().decoding == BoxDecoding::FastestDet) {
      head.objectness = source(0), head.box = source(1), head.scores = source(5);
    } else if (format().scoresFirst) {
      head.scores = source(0), head.box = source(classes);
    } else {
      head.box = source(0), head.scores = source(fixedValues());
      if (format().objectness) head.objectness = source(box);
    }
    return head;
  }
  void place(DetectionHead& head, std::size_t scale, std::int64_t anchor) const {
    head.rows = cells_[scale].count();
    head.columns = cells_[scale].width;
    head.stride = static_cast<float>(format().strides[scale]);
    const auto per = static_cast<std::size_t>(format().perCell(scale));
    if (!format().anchors.empty())
      head.anchor = format().anchors[scale * per + static_cast<std::size_t>(anchor)];
  }

  bool joined() {
    const std::int64_t rows = expectedRows();
    for (const Item& item : items_) {
      if (item.shape.size() != 2) continue;
      const bool first = item.shape[0] == rows, last = item.shape[1] == rows;
      if (first == last || !takesClasses(item.shape[first ? 1 : 0] - fixedValues())) continue;
      const std::int64_t rowStep = first ? item.shape[1] : 1, valueStep = first ? 1 : rows;
      if (format().decoding == BoxDecoding::CenterSize) {
        found_.heads.push_back(headAt(item, 0, rowStep, valueStep));
        found_.heads.back().rows = rows;
        return true;
      }
      std::int64_t base = 0;
      for (std::size_t scale = 0; scale < cells_.size(); ++scale) {
        found_.heads.push_back(headAt(item, base * rowStep, rowStep, valueStep));
        place(found_.heads.back(), scale, 0);
        base += found_.heads.back().rows;
      }
      return true;
    }
    return false;
  }

  // Heads of one stride, one for each anchor.
  bool scaleIn(const Item& item, std::size_t scale) {
    const Cells& cells = cells_[scale];
    const std::int64_t per = format().perCell(scale), fixed = fixedValues();
    Shape shape = item.shape;
    if (shape.size() == 2 && per == 1) {  // cells in a row
      if (shape[0] == cells.count())
        shape = {cells.height, cells.width, shape[1]};
      else if (shape[1] == cells.count())
        shape = {shape[0], cells.height, cells.width};
    }
    std::int64_t values = 0, rowStep = 0, valueStep = 0, anchorStep = 0;
    if (shape.size() == 4 && shape[0] == per && shape[1] == cells.height && shape[2] == cells.width) {
      values = shape[3], rowStep = values, valueStep = 1, anchorStep = cells.count() * values;
    } else if (shape.size() == 3 && shape[1] == cells.height && shape[2] == cells.width &&
               shape[0] % per == 0) {
      values = shape[0] / per, rowStep = 1, valueStep = cells.count(), anchorStep = values * cells.count();
    } else if (shape.size() == 3 && shape[0] == cells.height && shape[1] == cells.width &&
               shape[2] % per == 0) {
      values = shape[2] / per, rowStep = shape[2], valueStep = 1, anchorStep = values;
    } else {
      return false;
    }
    if (!takesClasses(values - fixed)) return false;
    for (std::int64_t anchor = 0; anchor < per; ++anchor) {
      found_.heads.push_back(headAt(item, anchor * anchorStep, rowStep, valueStep));
      place(found_.heads.back(), scale, anchor);
    }
    return true;
  }
  bool perScale() {
    for (std::size_t scale = 0; scale < cells_.size(); ++scale)
      if (std::none_of(items_.begin(), items_.end(), [&](const Item& item) { return scaleIn(item, scale); }))
        return false;
    return true;
  }

  const Item* named(const std::string& name) const {
    const auto it = std::find_if(items_.begin(), items_.end(), [&](const Item& i) { return i.name == name; });
    return name.empty() || it == items_.end() ? nullptr : &*it;
  }
  // A pair of outputs, rows x box values and rows x classes. `rows`: 0: any.
  bool pair(std::int64_t rows, DetectionHead& head) {
    for (const Item& box : items_) {
      if (!options_.boxes.empty() && box.name != options_.boxes) continue;
      if (box.shape.size() != 2 || box.shape[1] != format().boxValues() || (rows > 0 && box.shape[0] != rows))
        continue;
      for (const Item& scores : items_) {
        if (!options_.scores.empty() && scores.name != options_.scores) continue;
        if (&scores == &box || scores.shape.size() != 2 || scores.shape[0] != box.shape[0] ||
            !takesClasses(scores.shape[1]))
          continue;
        head.rows = box.shape[0];
        head.box = {box.name, 0, box.size(), box.shape[1], 1};
        head.scores = {scores.name, 0, scores.size(), scores.shape[1], 1};
        return true;
      }
    }
    return false;
  }
  bool split() {
    DetectionHead head;
    if (!pair(format().priorSizes.empty() ? 0 : expectedRows(), head)) return false;
    found_.heads.push_back(head);
    // Caffe's: corners, then variances, of all priors.
    if (const Item* priors = named(options_.priors)) {
      if (priors->size() != head.rows * 8) return false;
      found_.priors = priors->name;
    } else if (!options_.priors.empty()) {
      return false;
    } else if (format().priorSizes.empty()) {
      for (const Item& item : items_)
        if (item.size() == head.rows * 8 && item.shape.back() == head.rows * 4) found_.priors = item.name;
    }
    return true;
  }
  bool splitPerScale() {
    for (std::size_t scale = 0; scale < cells_.size(); ++scale) {
      DetectionHead head;
      if (!pair(cells_[scale].count(), head)) return false;
      place(head, scale, 0);
      found_.heads.push_back(head);
    }
    return true;
  }

  bool rows() {
    for (const Item& item : items_) {
      const std::int64_t values = item.shape.empty() ? 0 : item.shape.back();
      const bool detections = format().decoding == BoxDecoding::Priors ? values == 7 : values == 6;
      if (!detections || item.size() / values * values != item.size()) continue;
      // All extents but the last two are 1.
      if (item.shape.size() < 2 || item.size() != item.shape[item.shape.size() - 2] * values) continue;
      // As many rows as there are cells are not yet selected: boxes and the scores of two classes.
      if (format().decoding != BoxDecoding::Priors &&
          (item.shape.size() != 2 || item.shape[0] == expectedRows()))
        continue;
      DetectionHead head;
      head.rows = item.size() / values;
      head.box = {item.name, 0, item.size(), values, 1};
      found_.heads.push_back(head);
      found_.rowValues = values;
      return true;
    }
    return false;
  }
  bool listed() {
    const Item *boxes = named(options_.boxes), *scores = named(options_.scores),
               *classes = named(options_.classes);
    for (const Item& item : items_) {
      if (item.shape.size() == 2 && item.shape[1] == 4 && !boxes && options_.boxes.empty()) boxes = &item;
      if (item.shape.size() != 1) continue;
      if (item.type == DataType::Float32 && !scores && options_.scores.empty()) scores = &item;
      if (item.type != DataType::Float32 && !classes && options_.classes.empty()) classes = &item;
    }
    if (!boxes || !scores || !classes || scores->size() * 4 != boxes->size() ||
        scores->size() != classes->size() || boxes->shape.size() != 2 || boxes->shape[1] != 4)
      return false;
    DetectionHead head;
    head.rows = boxes->shape[0];
    head.box = {boxes->name, 0, boxes->size(), 4, 1};
    head.scores = {scores->name, 0, scores->size(), 1, 1};
    found_.heads.push_back(head);
    found_.listed = classes->name;
    return true;
  }

  std::vector<Item> items_;
  const DetectionOptions& options_;
  DetectionHeads found_;
  std::vector<Cells> cells_;
};

// Outputs that may be read, each without its batch.
std::vector<Item> outputItems(const std::vector<Binding>& bindings, std::int64_t batch) {
  std::vector<Item> items;
  for (const Binding& b : bindings) {
    if (b.isInput) continue;
    Item item{b.name, b.type, b.shape};
    if (item.shape.size() > 1 && item.shape[0] == batch) item.shape.erase(item.shape.begin());
    items.push_back(std::move(item));
  }
  return items;
}

[[noreturn]] void refuseOutputs(const std::vector<Binding>& bindings, std::int64_t height, std::int64_t width,
                                const DetectionOptions& options) {
  std::string text = "the network's outputs are ";
  bool first = true;
  for (const Binding& b : bindings) {
    if (b.isInput) continue;
    text += (first ? "'" : ", '") + b.name + "' " + std::string(toString(b.type)) + ":" + toString(b.shape);
    first = false;
  }
  text += "; wanted are, for images of " + std::to_string(height) + "x" + std::to_string(width) +
          (options.classCount > 0 ? " and " + std::to_string(options.classCount) + " classes" : "");
  for (std::size_t i = 0; i < options.formats.size(); ++i) {
    text += (i == 0 ? ": " : "; or ") + options.formats[i].what;
    const DetectionFormat& f = options.formats[i];
    std::int64_t rows = 0;
    for (std::size_t s = 0; s < f.strides.size(); ++s)
      rows += ((height + f.strides[s] - 1) / f.strides[s]) * ((width + f.strides[s] - 1) / f.strides[s]) *
              f.perCell(s);
    if (rows > 0) text += " (" + std::to_string(rows) + " boxes)";
  }
  throw Error(ErrorCode::InvalidArgument, text);
}

}  // namespace

DetectionHeads headsOf(const std::vector<Binding>& bindings, std::int64_t batch, std::int64_t height,
                       std::int64_t width, const DetectionOptions& options) {
  for (const std::string* name : {&options.boxes, &options.scores, &options.priors, &options.classes})
    if (!name->empty() && std::none_of(bindings.begin(), bindings.end(),
                                       [&](const Binding& b) { return !b.isInput && b.name == *name; }))
      throw Error(ErrorCode::InvalidArgument, "the network has no output '" + *name + "'");
  const std::vector<Item> items = outputItems(bindings, batch);
  for (const DetectionFormat& format : options.formats)
    if (auto heads = Matcher(items, options, format, height, width).match()) return std::move(*heads);
  refuseOutputs(bindings, height, width, options);
}

std::vector<std::array<float, 4>> priorsOf(const DetectionFormat& format, std::int64_t height,
                                           std::int64_t width) {
  std::vector<std::array<float, 4>> priors;
  const auto h = static_cast<float>(height), w = static_cast<float>(width);
  for (std::size_t scale = 0; scale < format.priorSizes.size(); ++scale) {
    const int stride = format.strides[scale];
    const auto step = static_cast<float>(stride);
    for (std::int64_t y = 0; y < (height + stride - 1) / stride; ++y)
      for (std::int64_t x = 0; x < (width + stride - 1) / stride; ++x)
        for (const float size : format.priorSizes[scale])
          priors.push_back({(static_cast<float>(x) + 0.5F) * step / w,
                            (static_cast<float>(y) + 0.5F) * step / h, size / w, size / h});
  }
  return priors;
}

}  // namespace tessera
