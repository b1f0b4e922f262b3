// Reads an ONNX file into a layer graph.
#include <spdlog/logger.h>

#include "importers/common/decode_ends.hpp"
#include "importers/onnx/import_graph.hpp"
#include "importers/onnx/model_file.hpp"
#include "importers/onnx/model_names.hpp"
#include "importers/onnx/onnx_file.hpp"
#include "importers/onnx/tensor_value.hpp"
#include "tessera/importer.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr int kNewestOpset = 28;  ///< the newest operator set the table was written against

tessera_onnx::Model parse(const onnx::ModelFile& opened, const std::filesystem::path& file) {
  tessera_onnx::Model model = opened.parse();
  if (!model.has_graph() || (!model.graph().node_size() && !model.graph().output_size()))
    throw Error(ErrorCode::BadModel, file.string() + " is no ONNX model: it holds no graph.");
  if (onnx::escapeNames(model))
    log().warn(
        "{} has names that are not UTF-8; their bytes are written as \\xff, backslashes in names as \\\\",
        file.string());
  return model;
}

}  // namespace

namespace onnx {
namespace {
ModelValue described(const tessera_onnx::ValueInfo& value) {
  if (!value.type().has_tensor_type()) return {value.name(), ""};
  return {value.name(), elementTypeName(value.type().tensor_type().elem_type())};
}
}  // namespace

ModelSummary summarize(const std::filesystem::path& file) {
  const tessera_onnx::Model model = parse(ModelFile(file), file);
  ModelSummary summary;
  for (const auto& set : model.opset_import())
    if (isDefaultDomain(set.domain())) summary.opset = static_cast<int>(set.version());
  std::set<std::string> operators, initial;
  for (const auto& node : model.graph().node())
    operators.insert((isDefaultDomain(node.domain()) ? "" : node.domain() + ".") + node.op_type());
  for (const auto& tensor : model.graph().initializer()) initial.insert(tensor.name());
  for (const auto& input : model.graph().input())
    if (!initial.count(input.name())) summary.inputs.push_back(described(input));
  for (const auto& output : model.graph().output()) summary.outputs.push_back(described(output));
  summary.operators.assign(operators.begin(), operators.end());
  return summary;
}
}  // namespace onnx

Graph importOnnx(const std::filesystem::path& file, const ImportOptions& options) {
  if (options.batch < 1)
    throw Error(ErrorCode::InvalidArgument,
                "the batch size " + std::to_string(options.batch) + " is not positive.");
  const onnx::ModelFile opened(file);
  const tessera_onnx::Model model = parse(opened, file);
  for (const auto& set : model.opset_import())
    if (set.domain().empty() && set.version() > kNewestOpset)
      log().warn("{} uses operator set {}; its operators are read by the rules of set {}", file.string(),
                 set.version(), kNewestOpset);
  ImportBudget budget(options);
  budget.addFile(file);
  budget.addFileNodes(model.graph().node_size());
  for (const auto& function : model.functions()) budget.addFileNodes(function.node_size());
  onnx::ImportState state(file.string(), budget);
  state.files = {file.parent_path(), &opened};
  try {
    onnx::GraphImporter(model, state, options).run();
  } catch (const BudgetExceeded& e) {
    if (state.builder.rejected().empty()) throw;
    throw Error(e.code(),
                e.what() + std::string("\nBefore it, not supported:") + state.builder.rejectedList());
  }
  Graph graph = state.builder.finish();
  if (options.decodeEnds) decodeEnds(graph);
  return graph;
}

}  // namespace tessera
