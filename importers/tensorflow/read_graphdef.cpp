// Reads GraphDef files.
#include "importers/tensorflow/read_graphdef.hpp"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include "base/read_file.hpp"
#include "importers/common/file_format.hpp"
#include "importers/common/protobuf_file.hpp"
#include "importers/common/text_format.hpp"
#include "importers/tensorflow/import.hpp"

namespace tessera::tensorflow {
namespace {

class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (text.empty()) text = std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": " + message;
  }
  std::string text;
};

tessera_tensorflow::Graph parseText(const std::filesystem::path& file) {
  const FileContent content = readRegularFile(file, std::uintmax_t{1} << 30);
  if (!content.ok())
    throw Error(ErrorCode::BadModel, file.string() + " can not be read: " + content.why + ".");
  checkNesting(content.bytes, file.string());
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.AllowUnknownField(true);
  parser.RecordErrorsTo(&error);
  tessera_tensorflow::Graph graph;
  if (!parser.ParseFromString(content.bytes, &graph))
    throw Error(ErrorCode::BadModel,
                file.string() + ":" + (error.text.empty() ? "1:1: no GraphDef" : error.text));
  return graph;
}

tessera_tensorflow::Graph parseBinary(const std::filesystem::path& file) {
  tessera_tensorflow::Graph graph;
  parseProtobuf(file, "GraphDef", graph);
  return graph;
}

}  // namespace

tessera_tensorflow::Graph readGraphDef(const std::filesystem::path& file) {
  tessera_tensorflow::Graph graph =
      modelFormat(file) == ModelFormat::GraphDefText ? parseText(file) : parseBinary(file);
  if (graph.node_size() == 0)
    throw Error(ErrorCode::BadModel, file.string() + " is no GraphDef: it has no nodes.");
  return graph;
}

}  // namespace tessera::tensorflow

namespace tessera {

Graph importTensorflow(const std::filesystem::path& file, const ImportOptions& options) {
  const tessera_tensorflow::Graph graph = tensorflow::readGraphDef(file);
  ImportBudget budget(options);
  budget.addFile(file);
  return tensorflow::importSource(tensorflow::sourceOf(graph, file.string()), options, budget);
}

}  // namespace tessera
