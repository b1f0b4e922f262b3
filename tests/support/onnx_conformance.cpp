// Runs the ONNX project's own test data through the importer and a way to run graphs.
#include "tests/support/onnx_conformance.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "importers/onnx/onnx_file.hpp"
#include "tessera/importer.hpp"
#include "tests/support/compare.hpp"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;
using Values = std::map<std::string, HostTensor>;

std::vector<fs::path> sortedEntries(const fs::path& folder, const std::string& prefix) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().rfind(prefix, 0) == 0) found.push_back(entry.path());
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {  // input_2 before input_10
    const auto x = a.string(), y = b.string();
    return x.size() != y.size() ? x.size() < y.size() : x < y;
  });
  return found;
}

/// The data hold bfloat16 as its bits in a UINT16 tensor.
HostTensor fromBfloat16Bits(const HostTensor& bits) {
  HostTensor out(DataType::Float32, bits.shape);
  for (std::int64_t i = 0; i < out.size(); ++i)
    out.as<float>()[static_cast<std::size_t>(i)] =
        std::bit_cast<float>(static_cast<std::uint32_t>(bits.integer(i)) << 16);
  return out;
}

/// input_<i>.pb or output_<i>.pb, by the name of the graph's i-th input or output; a gap is an absent one.
std::map<std::string, onnx::TensorFile> readNumbered(const fs::path& folder, const std::string& prefix,
                                                     const std::vector<onnx::ModelValue>& values) {
  std::map<std::string, onnx::TensorFile> files;
  for (const auto& file : sortedEntries(folder, prefix)) {
    const auto i = std::stoul(file.stem().string().substr(prefix.size()));
    if (i >= values.size())
      throw Error(ErrorCode::BadModel, file.string() + " belongs to no value of the model");
    onnx::TensorFile read = onnx::readTensorFile(file);
    if (values[i].elementType == "BFLOAT16" && read.elementType == "UINT16") {
      read.value = fromBfloat16Bits(read.value);
      read.elementType = "BFLOAT16";
    }
    files[values[i].name] = std::move(read);
  }
  return files;
}

/// Imports with as few frozen inputs as will do: all, then without each in turn.
Graph importFreezing(const fs::path& model, const fs::path& set, const onnx::ModelSummary& summary,
                     std::vector<std::string>& frozen) {
  std::string reason;
  try {
    return importOnnx(model);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::Unsupported) throw;
    reason = e.what();
  }
  ImportOptions options;
  try {
    for (auto& [name, file] : readNumbered(set, "input_", summary.inputs))
      options.constants[name] = std::move(file.value);
    importOnnx(model, options);
  } catch (const Error&) {
    throw Error(ErrorCode::Unsupported, reason);  // freezing is no help
  }
  for (const auto& input : summary.inputs) {
    auto fewer = options;
    if (!fewer.constants.erase(input.name)) continue;
    try {
      importOnnx(model, fewer);
      options = std::move(fewer);
    } catch (const Error&) {
      frozen.push_back(input.name);
    }
  }
  return importOnnx(model, options);
}

/// ONNX's own runner allows 1e-3 relative; what Tessera computes in f32 is allowed the steps of shorter
/// types.
Tolerance toleranceFor(const std::string& elementType) {
  if (elementType == "BFLOAT16") return {1e-5, 1e-2};
  if (elementType == "FLOAT" || elementType == "DOUBLE" || elementType == "FLOAT16") return {1e-5, 1e-3};
  return {0, 0};
}

void runDataSets(const fs::path& folder, const GraphRunner& runner, ConformanceOutcome& outcome) {
  const auto summary = onnx::summarize(folder / "model.onnx");
  outcome.operators = summary.operators;
  outcome.opset = summary.opset;
  for (const auto& set : sortedEntries(folder, "test_data_set_")) {
    outcome.frozen.clear();
    const Graph graph = importFreezing(folder / "model.onnx", set, summary, outcome.frozen);
    for (const auto& layer : graph.layers()) outcome.computed |= layer.op != "Identity";
    Values values;
    for (auto& [name, file] : readNumbered(set, "input_", summary.inputs))
      values[name] = std::move(file.value);
    for (const auto& name : outcome.frozen) values.erase(name);
    for (TensorId id :
         graph.inputs())  // CastLike's data give the tensor it is like another shape than the model
      if (graph.consumers(id).empty())
        values[graph.tensor(id).name] = HostTensor(graph.tensor(id).type, graph.tensor(id).shape);
    const auto results = runner(graph, values);
    for (const auto& [name, file] : readNumbered(set, "output_", summary.outputs)) {
      const auto at = std::find_if(summary.outputs.begin(), summary.outputs.end(),
                                   [&, wanted = name](const auto& output) { return output.name == wanted; });
      const auto& result = results.at(static_cast<std::size_t>(at - summary.outputs.begin()));
      std::string wrong;
      if (result.shape != file.value.shape || result.type != file.value.type)
        wrong = "is " + TensorDesc{result.type, result.shape, {}}.text() + ", expected " +
                TensorDesc{file.value.type, file.value.shape, {}}.text();
      else
        wrong = compare(result, file.value, toleranceFor(file.elementType));
      if (wrong.empty()) continue;
      outcome.verdict = Verdict::Wrong;
      outcome.reason = "output '" + name + "': " + wrong;
      return;
    }
  }
  outcome.verdict = Verdict::Pass;
}

/// The part of a message after the node, or else the graph input, that it names first: equal reasons can be
/// counted together.
std::string shortReason(const ConformanceOutcome& outcome) {
  std::string text = outcome.reason;
  auto at = text.find("): ");
  if (at == std::string::npos)
    if (const auto list = text.find("\n  "); list != std::string::npos) at = text.find("': ", list);
  if (at != std::string::npos) text = text.substr(at + 3);
  if (const auto end = text.find('\n'); end != std::string::npos) text = text.substr(0, end);
  if (const auto hint = text.find("; "); hint != std::string::npos) text = text.substr(0, hint);
  for (auto& c : text)
    if (c == '|') c = '/';
  return text;
}

}  // namespace

fs::path onnxTestData() {
  if (const char* given = std::getenv("TESSERA_ONNX_TESTDATA")) return given;
  return "/usr/share/libonnx-testdata/data";
}

std::vector<fs::path> conformanceCases(const std::string& kind) {
  std::vector<fs::path> cases;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(onnxTestData() / kind, none))
    if (fs::exists(entry.path() / "model.onnx")) cases.push_back(entry.path());
  std::sort(cases.begin(), cases.end());
  return cases;
}

ConformanceOutcome runConformanceCase(const fs::path& folder, const GraphRunner& runner) {
  ConformanceOutcome outcome;
  outcome.name = folder.filename().string();
  try {
    runDataSets(folder, runner, outcome);
  } catch (const Error& e) {
    outcome.verdict = e.code() == ErrorCode::Unsupported ? Verdict::Unsupported : Verdict::Wrong;
    outcome.reason = e.what();
  } catch (const std::exception& e) {
    outcome.verdict = Verdict::Wrong;
    outcome.reason = e.what();
  }
  return outcome;
}

std::vector<ConformanceOutcome> runConformance(const std::vector<fs::path>& cases,
                                               const GraphRunner& runner) {
  std::vector<ConformanceOutcome> outcomes(cases.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < cases.size(); i = next++)
      outcomes[i] = runConformanceCase(cases[i], runner);
  };
  std::vector<std::jthread> workers;
  const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1u, 8u);
  for (unsigned i = 1; i < count; ++i) workers.emplace_back(work);
  work();
  workers.clear();
  return outcomes;
}

std::string supportTable(const std::vector<ConformanceOutcome>& outcomes, const std::string& how) {
  struct Row {
    std::set<int> opsets;
    int passed = 0, cases = 0;
    std::map<std::string, int> reasons;
  };
  std::map<std::string, Row> rows;
  int passed = 0, wrong = 0;
  for (const auto& outcome : outcomes) {
    passed += outcome.verdict == Verdict::Pass;
    wrong += outcome.verdict == Verdict::Wrong;
    std::string key;  // cases of several operators count for each of them only where they pass
    for (const auto& type : outcome.operators) {
      Row& row = rows[type];
      row.opsets.insert(outcome.opset);
      if (outcome.verdict != Verdict::Pass && outcome.operators.size() > 1 &&
          outcome.reason.find(type + " '") == std::string::npos)
        continue;
      ++row.cases;
      if (outcome.verdict == Verdict::Pass)
        ++row.passed;
      else
        ++row.reasons[shortReason(outcome)];
    }
  }
  std::string out =
      "# ONNX operators\n\n" + how + "\n\n" + std::to_string(passed) + " of " +
      std::to_string(outcomes.size()) + " cases pass, " + std::to_string(wrong) + " give wrong results, " +
      std::to_string(static_cast<int>(outcomes.size()) - passed - wrong) + " are not supported.\n\n" +
      "| operator | operator sets seen | passed | not supported because |\n| --- | --- | --- | --- |\n";
  for (const auto& [type, row] : rows) {
    std::string sets, why;
    for (int set : row.opsets) sets += (sets.empty() ? "" : ", ") + std::to_string(set);
    for (const auto& [reason, count] : row.reasons)
      why += (why.empty() ? "" : "; ") + reason + (count > 1 ? " (" + std::to_string(count) + ")" : "");
    out += "| " + type + " | " + sets + " | " + std::to_string(row.passed) + " of " +
           std::to_string(row.cases) + " | " + why + " |\n";
  }
  return out;
}

}  // namespace tessera::test
