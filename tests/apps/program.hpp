/// \file
/// Running the built programs, and folders for their files.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "apps/common/files.hpp"
#include "caffe/caffe.pb.h"
#include "tests/support/folder.hpp"
#include "tests/support/support.hpp"

namespace tessera::test {

namespace fs = std::filesystem;

inline void writeText(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

struct ProgramResult {
  int code = -1;
  std::string out, err;
};

/// Runs bin/NAME with arguments, in a shell that quotes them.
/// `environment`: variables set before it.
inline ProgramResult runProgram(const std::string& name, const std::vector<std::string>& arguments,
                                const std::string& environment = {}) {
  const Folder folder;
  // Untuned, unless the test says otherwise, and with a cache of its own.
  std::string command = "TESSERA_TUNE=off TESSERA_CACHE_DIR=" + (folder / "cache").string() + " " +
                        environment + " " + (test::binFolder() / name).string();
  for (const auto& argument : arguments) command += " '" + argument + "'";
  command += " >" + (folder / "out").string() + " 2>" + (folder / "err").string() + " </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, app::readFile(folder / "out"),
          app::readFile(folder / "err")};
}

/// Writes net.prototxt, net.caffemodel and net.json below `folder`: a network whose scores are the blue,
/// green and red of 24x32 pixels, so that an image of pure colours has a class map to foresee. Returns the
/// model argument.
inline std::string writeColorNetwork(const fs::path& folder) {
  writeText(folder / "net.prototxt",
            "name: \"colors\" input: \"image\" input_dim: 1 input_dim: 3 input_dim: 24 input_dim: 32\n"
            "layer { name: \"score\" type: \"Convolution\" bottom: \"image\" top: \"scores\"\n"
            "  convolution_param { num_output: 3 kernel_size: 1 bias_term: false } }\n");
  caffe::TrainedNet weights;
  auto* layer = weights.add_layer();
  layer->set_name("score");
  auto* blob = layer->add_blobs();
  for (const int extent : {3, 3, 1, 1}) blob->mutable_shape()->add_dim(extent);
  for (int i = 0; i < 9; ++i) blob->add_data(i % 4 == 0 ? 1.0f : 0.0f);
  std::string bytes;
  weights.SerializeToString(&bytes);
  writeText(folder / "net.caffemodel", bytes);
  writeText(folder / "net.json",
            R"({"task": "segmentation", "input": {"name": "image", "size": [24, 32], "channels": "BGR",
                "resize": "linear"}, "output": {"name": "scores"},
                "labels": [{"name": "blue", "color": [0, 0, 200], "category": "cold"},
                           {"name": "green", "color": [0, 200, 0], "category": "cold"},
                           {"name": "red", "color": [200, 0, 0], "category": "warm"}]})");
  return (folder / "net.prototxt").string() + "," + (folder / "net.caffemodel").string();
}

}  // namespace tessera::test
