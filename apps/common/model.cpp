// Networks.
#include "apps/common/model.hpp"

#include <algorithm>

#include "apps/common/batch.hpp"
#include "apps/common/program.hpp"
#include "tessera/importer.hpp"

namespace tessera::app {
void requireModelFiles(const std::string& model) {
  for (std::size_t begin = 0; begin <= model.size();) {
    const auto comma = std::min(model.find(',', begin), model.size());
    const fs::path file = model.substr(begin, comma - begin);
    if (!fs::exists(file))
      throw Error(ErrorCode::InvalidArgument, "There is no model file " + file.string() + ".");
    begin = comma + 1;
  }
}

namespace {

// A fixed first extent is the batch where no other extent of the model's inputs is: those inputs with it
// replaced. `single` and `graph` were imported for 1 image and for `batch`.
std::map<std::string, Shape> fixedBatchReplaced(const Graph& single, const Graph& graph, std::int64_t batch,
                                                const ImportOptions& options) {
  std::map<std::string, Shape> replaced;
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    const GraphTensor &one = single.tensor(single.inputs()[i]), &many = graph.tensor(graph.inputs()[i]);
    const bool open = one.shape != many.shape;  // the batch was filled in, perhaps elsewhere
    if (open || many.shape.empty() || many.shape[0] == batch || options.inputShapes.count(many.name))
      continue;
    replaced[many.name] = many.shape;
    replaced[many.name][0] = batch;
  }
  return replaced;
}

// Whether the batch is the first extent of every input.
bool batchIsFirst(const Graph& single, const Graph& batched) {
  for (std::size_t i = 0; i < single.inputs().size(); ++i) {
    const Shape &one = single.tensor(single.inputs()[i]).shape,
                &many = batched.tensor(batched.inputs()[i]).shape;
    if (one != many && (one.size() != many.size() || one[0] == many[0])) return false;
  }
  return true;
}

}  // namespace

Graph loadModel(const std::string& model, std::int64_t batch, ImportOptions options) {
  requireModelFiles(model);
  options.batch = static_cast<int>(batch);
  Graph graph = importModel(model, options);
  if (const auto all = options.inputShapes.find("*"); batch != 1 && all != options.inputShapes.end()) {
    if (all->second.empty() || all->second[0] != batch)
      throw Error(ErrorCode::InvalidArgument, "A batch of " + std::to_string(batch) +
                                                  " contradicts the shape " + toString(all->second) +
                                                  " that is given for all inputs.");
    return graph;
  }
  if (batch == 1) return graph;
  ImportOptions one = options;
  one.batch = 1;
  const Graph single = importModel(model, one);
  const auto replaced = fixedBatchReplaced(single, graph, batch, options);
  options.inputShapes.insert(replaced.begin(), replaced.end());
  try {
    if (!replaced.empty()) graph = importModel(model, options);
  } catch (const Error& e) {
    throw Error(
        e.code(),
        sentence("The model fixes its batch size and can not be imported with " + std::to_string(batch) +
                 " (run it with a batch of 1, or export it with an open batch): " + e.what()));
  }
  if (batchIsFirst(single, graph)) checkBatch(model, single, graph, batch);
  return graph;
}

std::optional<Shape> imageShapeFor(const std::vector<std::int64_t>& declared, std::int64_t batch,
                                   std::int64_t height, std::int64_t width, std::int64_t channels) {
  if (declared.empty()) return Shape{batch, channels, height, width};
  if (declared.size() != 4) return std::nullopt;
  const bool first = declared[1] < 0 || declared[1] == channels, last = declared[3] == channels;
  if (last && declared[1] != channels) return Shape{batch, height, width, channels};
  if (first) return Shape{batch, channels, height, width};
  return std::nullopt;
}

std::string modelName(const std::string& model) {
  const auto comma = model.find(',');
  if (comma == std::string::npos) return fs::path(model).filename().string();
  return fs::path(model.substr(0, comma)).filename().string() + "," +
         fs::path(model.substr(comma + 1)).filename().string();
}

}  // namespace tessera::app
