/// \file
/// What tessera-tune does, one function a task.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/common/files.hpp"
#include "apps/common/freeze.hpp"
#include "apps/common/int8_options.hpp"
#include "apps/common/program.hpp"
#include "apps/common/shapes.hpp"
#include "tune/tools.hpp"

namespace tessera::app {

struct TuneArguments {
  const CLI::App* app = nullptr;  ///< that the options were added to
  CommonOptions common;
  Int8Arguments int8;
  FreezeArguments freeze;
  ShapeArguments shapes;
  std::vector<std::string> models, problems;
  std::string problemFile, preprocess;
  std::int64_t batch = 1;
  bool show = false, roofline = false, verify = false;
  std::string exportFile, importFile, defaultsFolder;
  std::string heatmap, axes, heatmapFamily;
};

/// Searches for the models' and the listed problems' kernels.
Json tuneAll(const TuneArguments& arguments, const Device& device);
/// Measures the ceilings and prints them.
Json showRoofline(const Device& device);
/// The kernel, problem and tactic of a record; none where it is of another version or not understood, which
/// is no error.
std::optional<Candidate> candidateOf(const TacticRecord& record);
/// Prints the records of the device.
Json showRecords(const RecordStore& store);
/// Writes FOLDER/<kernels>/defaults.txt: what was found for classes of problems, measured anew in turns with
/// the families' own choices, where it is clearly faster.
Json exportDefaults(const RecordStore& store, const TuneArguments& arguments, const Device& device);
/// Compares the models as recorded tactics run them with the untuned networks, as a whole and kernel by
/// kernel; false where one is wrong. Nothing is searched for.
bool verifyModels(const TuneArguments& arguments, const Device& device, Json& json);
/// Runs every record's tactic again: records those that are wrong as bad; false where there were any.
bool verifyRecords(RecordStore& store, const TuneArguments& arguments, const Device& device, Json& json);
/// Times two parameters of a family against each other and draws them.
Json drawHeatmap(const RecordStore& store, const TuneArguments& arguments, const Device& device);

/// The problems given on the command line and in the file. Throws Error(InvalidArgument) that names the line.
std::vector<std::string> listedProblems(const TuneArguments& arguments);

}  // namespace tessera::app
