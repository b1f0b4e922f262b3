// Compares imported networks with what TensorFlow computed.
#include "tests/import/tensorflow_case.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "graph/evaluate.hpp"
#include "importers/tensorflow/tensor_value.hpp"
#include "tests/support/support.hpp"

namespace tessera::test {

std::filesystem::path tensorflowData() { return sourceFolder() / "tests/import/tensorflow/data"; }

std::vector<std::string> recordedNetworks(const std::vector<std::string>& suffixes) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(tensorflowData())) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".values.pb")) continue;
    if (std::any_of(suffixes.begin(), suffixes.end(),
                    [&](const auto& suffix) { return name.ends_with(suffix); }))
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::map<std::string, HostTensor> recordedValues(const std::string& name) {
  const std::string stem = name.substr(0, name.rfind('.'));
  std::ifstream in(tensorflowData() / (stem + ".values.pb"), std::ios::binary);
  tessera_tensorflow::Graph graph;
  EXPECT_TRUE(graph.ParseFromIstream(&in)) << stem << ".values.pb is missing or damaged";
  std::map<std::string, HostTensor> values;
  ImportBudget budget;
  for (const auto& node : graph.node())
    for (const auto& attr : node.attr())
      if (attr.key() == "value") values[node.name()] = tensorflow::readTensor(attr.value().tensor(), budget);
  return values;
}

namespace {

/// Values are recorded under names without colons.
std::string recordedName(std::string name) {
  for (auto at = name.find(':'); at != std::string::npos; at = name.find(':')) name.replace(at, 1, "_slot");
  return name;
}

void expectEqual(const HostTensor& got, const HostTensor& wanted, const std::string& what, double tolerance) {
  EXPECT_EQ(toString(got.type), toString(wanted.type)) << what;
  ASSERT_EQ(toString(got.shape), toString(wanted.shape)) << what;
  double greatest = 1, worst = 0;
  for (std::int64_t i = 0; i < wanted.size(); ++i) greatest = std::max(greatest, std::abs(wanted.number(i)));
  for (std::int64_t i = 0; i < wanted.size(); ++i) {
    const double difference = std::abs(got.number(i) - wanted.number(i));
    worst = std::max(worst, std::isnan(difference) ? 1e9 : difference);
  }
  // Codes of networks that are computed in floats may lie on the other side of a rounding.
  const bool codes = wanted.type == DataType::Int8 || wanted.type == DataType::UInt8;
  EXPECT_LE(worst, codes ? 1 : tolerance * greatest) << what;
}

}  // namespace

void expectRecorded(const Graph& graph, const std::string& name, double tolerance) {
  const auto values = recordedValues(name);
  std::map<std::string, HostTensor> inputs;
  for (const TensorId id : graph.inputs()) {
    const auto& tensor = graph.tensor(id);
    const auto value = values.find(recordedName(tensor.name));
    ASSERT_NE(value, values.end()) << "input " << tensor.name;
    EXPECT_EQ(toString(tensor.shape), toString(value->second.shape)) << "input " << tensor.name;
    inputs[tensor.name] = value->second;
  }
  const auto results = evaluate(graph, inputs);
  std::size_t compared = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string output = recordedName(graph.tensor(graph.outputs()[i]).name);
    const auto value = values.find(output);
    if (value == values.end()) {
      ADD_FAILURE() << "output " << output << " was not recorded";
      continue;
    }
    ++compared;
    expectEqual(results[i], value->second, name + ": " + output, tolerance);
  }
  EXPECT_EQ(compared + inputs.size(), values.size()) << name << ": not every recorded output was computed";
}

int layersOf(const Graph& graph, const std::string& op) {
  return static_cast<int>(std::count_if(graph.layers().begin(), graph.layers().end(),
                                        [&](const Layer& layer) { return layer.op == op; }));
}

}  // namespace tessera::test
