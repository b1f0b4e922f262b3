// Files of other frameworks are named, with what to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tessera/importer.hpp"
#include "tests/import/onnx_model.hpp"
#include "tests/support/refusal.hpp"

namespace tessera {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

TEST(ForeignFiles, AreNamed) {
  const test::ScratchFolder folder;
  const auto why = [&](const std::string& bytes, const std::string& name = "net.onnx") {
    const auto file = folder.write(name, bytes);
    return test::refusal([&] { importModel(file.string()); }, ErrorCode::BadModel);
  };
  EXPECT_THAT(why("\x89HDF\r\n\x1a\n0000"s), HasSubstr("net.onnx is an HDF5 file, as Keras writes"));
  EXPECT_THAT(why("PK\x03\x04\x14\0\0\0"s), HasSubstr("torch.onnx.export"));
  EXPECT_THAT(why("\x80\x02}q\0"s), HasSubstr("a pickle"));
  EXPECT_THAT(why("ptrt\0\0\0\0"s), HasSubstr("an engine of TensorRT"));
  EXPECT_THAT(why("7767517\n75 83\n"), HasSubstr("a network of ncnn"));
  EXPECT_THAT(why("<?xml version=\"1.0\"?>\n<net name=\"x\">"), HasSubstr("OpenVINO"));
  EXPECT_THAT(why("\x28\0\0\0\0\0\0\0{\"weight\""s), HasSubstr("safetensors"));
  EXPECT_THAT(why("\x08\x01\x12\x02\x0a\0"s, "saved_model.pb"),
              HasSubstr("a SavedModel of TensorFlow: freeze it"));
  EXPECT_THAT(test::refusal([&] { importModel(folder.path().string()); }, ErrorCode::BadModel),
              HasSubstr("a SavedModel of TensorFlow"))
      << "the folder";
}

}  // namespace
}  // namespace tessera
