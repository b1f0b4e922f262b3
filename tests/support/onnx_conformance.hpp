/// \file
/// The ONNX project's own test data (Debian: libonnx-testdata), one folder per case: a model, inputs,
/// expected outputs.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera::test {

/// Where the data lie: $TESSERA_ONNX_TESTDATA, else the Debian package's folder. Tests skip where it is
/// absent.
std::filesystem::path onnxTestData();

enum class Verdict { Pass, Unsupported, Wrong };

struct ConformanceOutcome {
  std::string name;                    ///< e.g. "test_conv_with_autopad_same"
  std::vector<std::string> operators;  ///< of its model
  int opset = 0;
  Verdict verdict = Verdict::Unsupported;
  std::string reason;               ///< why it does not pass
  std::vector<std::string> frozen;  ///< graph inputs that had to be constants
  bool computed = false;            ///< some layer is left to run after import
};

/// Runs an imported graph on input values by name; outputs in the graph's order. Called from several threads.
using GraphRunner =
    std::function<std::vector<HostTensor>(const Graph&, const std::map<std::string, HostTensor>&)>;

/// Cases of one folder of the data ("node", "pytorch-operator", ..), by name.
std::vector<std::filesystem::path> conformanceCases(const std::string& kind);

/// Imports a case's model (graph inputs are frozen only where the import asks for it, as few as will do),
/// runs every data set and compares. Never throws: whatever goes wrong is the outcome.
ConformanceOutcome runConformanceCase(const std::filesystem::path& folder, const GraphRunner& runner);

/// All cases on a few threads, in order.
std::vector<ConformanceOutcome> runConformance(const std::vector<std::filesystem::path>& cases,
                                               const GraphRunner& runner);

/// The table of docs/onnx_support.md: operators, operator sets seen, cases passed, and why others do not.
std::string supportTable(const std::vector<ConformanceOutcome>& outcomes, const std::string& how);

}  // namespace tessera::test
