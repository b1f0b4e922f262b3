// Names in files and JSON, arrays in .npy files, shapes and numbers on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "apps/common/images.hpp"
#include "apps/common/model.hpp"
#include "apps/common/names.hpp"
#include "apps/common/npy.hpp"
#include "apps/common/numbers.hpp"
#include "apps/common/program.hpp"
#include "apps/common/shapes.hpp"
#include "calib/images/image_batch_stream.hpp"
#include "tests/apps/program.hpp"

namespace tessera::app {
namespace {

using test::Folder;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Names, DifferentTensorsGetDifferentFiles) {
  EXPECT_EQ(fileNameOf("scores"), "scores");
  EXPECT_EQ(fileNameOf("conv_1-a.weight"), "conv_1-a.weight");
  EXPECT_EQ(fileNameOf("head/box:0"), "head%2Fbox%3A0");
  EXPECT_EQ(fileNameOf("."), "%2E");
  EXPECT_EQ(fileNameOf(".."), "%2E%2E");
  const std::string longName(1000, 'x');
  std::set<std::string> files;
  const std::vector<std::string> names{"head/box:0",   "head:box/0", "head_box_0", "a%2Fb",
                                       "a/b",          "",           "%",          ".",
                                       "..",           ".x",         "x.",         "\xc3\xa9",
                                       "\xc3\xa8",     "\xe9",       longName,     longName + "y",
                                       longName + "z", "a b",        "a\nb",       std::string("a\0b", 3)};
  for (const std::string& name : names) {
    const std::string file = fileNameOf(name);
    EXPECT_TRUE(files.insert(file).second) << name;
    EXPECT_LE(file.size(), 200u);
    EXPECT_EQ(file.find_first_of("/\n\\: "), std::string::npos) << file;
    EXPECT_NE(file[0], '.');
  }
}

TEST(Names, JsonTakesAnyBytes) {
  EXPECT_EQ(utf8Text("r\xc3\xa9sultat \xe2\x82\xac \xf0\x9f\x98\x80"),
            "r\xc3\xa9sultat \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(utf8Text("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(utf8Text("\xc0\xaf|\xed\xa0\x80|\xf5\x80\x80\x80|\xe2\x82"),
            "\\xc0\\xaf|\\xed\\xa0\\x80|\\xf5\\x80\\x80\\x80|\\xe2\\x82");
  const Folder folder;
  writeJson(folder / "r.json", {{"outputs", {{"caf\xe9", "x\xff"}, {"caf\xe8", "y"}}}});
  const Json back = readJson(folder / "r.json");
  EXPECT_EQ(back["outputs"]["caf\\xe9"], "x\\xff");
  EXPECT_EQ(back["outputs"]["caf\\xe8"], "y");
}

TEST(Names, FilesOfOneStemGetNumbers) {
  std::set<std::string> taken;
  std::vector<std::string> names;
  for (const char* stem : {"a", "a", "a_2", "a", "b"}) names.push_back(uniqueName(stem, taken));
  EXPECT_THAT(names, ElementsAre("a", "a_2", "a_2_2", "a_3", "b"));
}

std::string npy(const std::string& descr, const std::string& order, const std::string& shape,
                const std::string& elements) {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  header += std::string(118 - 1 - header.size(), ' ') + "\n";
  return std::string("\x93NUMPY\x01\x00", 8) + '\x76' + '\0' + header + elements;
}

TEST(Npy, ReadsEveryNumberTypeAndByteOrder) {
  const auto same = [](const std::string& bytes, const HostTensor& wanted) {
    EXPECT_EQ(parseNpyArray(bytes, "x").tensor(wanted.type), wanted) << bytes.substr(10, 60);
  };
  same(npy(">f4", "False", "(2,)", std::string("\x3f\xc0\0\0\xc0\0\0\0", 8)),
       HostTensor::of<float>({2}, {1.5f, -2}));
  same(npy("<f2", "False", "(2,)", std::string("\0\x3e\0\xc0", 4)), HostTensor::of<float>({2}, {1.5f, -2}));
  same(npy(">f2", "False", "(2,)", std::string("\x3e\0\xc0\0", 4)), HostTensor::of<float>({2}, {1.5f, -2}));
  same(npy(">f8", "False", "(1,)", std::string("\x40\x08\0\0\0\0\0\0", 8)), HostTensor::of<float>({1}, {3}));
  same(npy("|u1", "False", "(3,)", "\x01\x02\xff"), HostTensor::of<float>({3}, {1, 2, 255}));
  same(npy("|b1", "False", "(2,)", std::string("\x01\0", 2)), HostTensor::of<float>({2}, {1, 0}));
  same(npy("<i2", "False", "(2,)", std::string("\xfe\xff\x03\0", 4)),
       HostTensor::of<std::int64_t>({2}, {-2, 3}));
  same(npy("<u2", "False", "(1,)", std::string("\xfe\xff", 2)), HostTensor::of<std::int32_t>({1}, {65534}));
  same(npy("<u8", "False", "(1,)", std::string("\x07\0\0\0\0\0\0\0", 8)),
       HostTensor::of<std::int64_t>({1}, {7}));
  same(npy(">i4", "False", "(1L,)", std::string("\xff\xff\xff\xfe", 4)),
       HostTensor::of<std::int64_t>({1}, {-2}));
  same(npy("<f4", "False", "(1,)", std::string("\0\0\x40\x40", 4)), HostTensor::of<std::int64_t>({1}, {3}));
}

TEST(Npy, ReadsColumnsFirst) {
  // [[1, 2, 3], [4, 5, 6]] column by column
  EXPECT_EQ(parseNpy(npy("|i1", "True", "(2, 3)", "\x01\x04\x02\x05\x03\x06"), "x"),
            HostTensor::of<std::int8_t>({2, 3}, {1, 2, 3, 4, 5, 6}));
  std::string bytes;
  HostTensor wanted(DataType::Float32, {2, 3, 4});
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) bytes += static_cast<char>(i * 100 + j * 10 + k);
  for (int i = 0; i < 24; ++i)
    wanted.setNumber(i, static_cast<signed char>(i / 12 * 100 + i / 4 % 3 * 10 + i % 4));
  EXPECT_EQ(parseNpyArray(npy("|i1", "True", "(2, 3, 4)", bytes), "x").tensor(DataType::Float32), wanted);
}

TEST(Npy, RefusesWhatDoesNotFit) {
  const auto refused = [](const std::string& bytes, DataType type) {
    try {
      parseNpyArray(bytes, "some.npy").tensor(type);
      ADD_FAILURE() << bytes.substr(10, 60);
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr("some.npy"));
    }
  };
  refused(npy("<f4", "False", "(1,)", std::string("\0\0\x20\x40", 4)), DataType::Int64);  // 2.5
  refused(npy("<i2", "False", "(1,)", std::string("\0\x01", 2)), DataType::UInt8);        // 256
  refused(npy("|i1", "False", "(1,)", "\x02"), DataType::Bool);
  refused(npy("<u8", "False", "(1,)", "\xff\xff\xff\xff\xff\xff\xff\xff"), DataType::Int64);
  refused(npy(">f8", "False", "(1,)", std::string("\x7f\xe0\0\0\0\0\0\0", 8)), DataType::Float32);
  refused(npy("<c8", "False", "(1,)", std::string(8, '\0')), DataType::Float32);
  refused(npy("<f4", "False", "(1", std::string(4, '\0')), DataType::Float32);
}

TEST(Shapes, AreReadStrictly) {
  EXPECT_EQ(parseShape("1x3x480x640"), (Shape{1, 3, 480, 640}));
  EXPECT_EQ(parseShape("7"), Shape{7});
  EXPECT_EQ(parseShape("2,5"), (Shape{2, 5}));
  EXPECT_EQ(parseShape("scalar"), Shape{});
  for (const char* bad :
       {"", "x", "1x", "x1", "1xx2", "0x2", "-1x2", "1x3x", "1.5", "99999999999999999999", "1x3y"})
    EXPECT_THROW(parseShape(bad), UsageError) << bad;
  ShapeArguments arguments{{"a=1x2", "b=c=3", "4x5"}};
  EXPECT_EQ(arguments.shapes(), (std::map<std::string, Shape>{{"a", {1, 2}}, {"b=c", {3}}, {"*", {4, 5}}}));
  EXPECT_THROW((ShapeArguments{{"*=1", "2"}}.shapes()), UsageError);
}

TEST(Numbers, AreReadStrictly) {
  const auto fine = [](const CLI::Validator& validator, std::string text) { return validator(text).empty(); };
  const CLI::Validator whole = number(1, 4096), real = number(0.0, 1e6);
  for (const char* good : {"1", "4096"}) EXPECT_TRUE(fine(whole, good)) << good;
  for (const char* good : {"0", "2.5", "1e3"}) EXPECT_TRUE(fine(real, good)) << good;
  for (const char* bad : {"", "0", "-1", "4097", "99999999999999999999", "1x", " 1", "1.0", "nan"})
    EXPECT_FALSE(fine(whole, bad)) << bad;
  for (const char* bad : {"", "nan", "inf", "-1", "1e7", "1e999", "2s"}) EXPECT_FALSE(fine(real, bad)) << bad;
}

TEST(Lists, MayEndTheirLinesAsOnWindows) {
  const Folder folder;
  for (const char* name : {"a.png", "b b.png"}) test::writeText(folder / name, "x");
  test::writeText(folder / "list.txt",
                  "\xef\xbb\xbf"
                  "b b.png\r\n\r\n# a comment\r\na.png\r\n");
  EXPECT_THAT(calibrationImages({(folder / "list.txt").string()}),
              ElementsAre(folder / "a.png", folder / "b b.png"));
}

TEST(Sidecar, RefusesFieldsItDoesNotKnow) {
  const Folder folder;
  const auto message = [&](const std::string& json) -> std::string {
    test::writeText(folder / "m.json", json);
    try {
      Sidecar::read(folder / "m.json");
    } catch (const Error& e) {
      return e.what();
    }
    return "read";
  };
  EXPECT_EQ(message(R"({"input": {"size": [3, 4], "pad": 1}, "output": {"layout": "NHWC", "classes": 4}})"),
            "read");
  EXPECT_THAT(message(R"({"input": {"means": [1, 2, 3]}})"),
              HasSubstr("input.means is not known; there are name, size"));
  EXPECT_THAT(message(R"({"input": {}, "label": "camvid"})"),
              HasSubstr("label is not known; there are task"));
  EXPECT_THAT(message(R"({"input": {}, "output": {"nmae": "x"}})"), HasSubstr("output.nmae is not known"));
  EXPECT_THAT(message(R"({"input": {"size": [3.5, 4]}})"), HasSubstr("input.size"));
  EXPECT_THAT(message(R"({"input": {}, "output": {"layout": "CHWN"}})"), HasSubstr("NHWC"));
}

TEST(Sidecar, RefusesNumbersOutOfRange) {
  const auto message = [](const std::string& json) -> std::string {
    try {
      NetworkDescription::parse(json, "m.json");
    } catch (const Error& e) {
      return e.what();
    }
    return "read";
  };
  const auto output = [&](const std::string& fields, const std::string& task = "detection") {
    return message(R"({"task": ")" + task + R"(", "input": {}, "output": {)" + fields + "}}");
  };
  EXPECT_EQ(output(R"("threshold": 1, "overlap": 0)"), "read");
  EXPECT_EQ(output(R"("threshold": 1.5)"), "m.json: output.threshold is 1.5, not from 0.0 to 1.0.");
  EXPECT_THAT(output(R"("threshold": -0.25)", "classification"), HasSubstr("output.threshold is -0.25"));
  EXPECT_EQ(output(R"("threshold": -3)", "segmentation"), "read") << "of a mask: any number";
  EXPECT_THAT(output(R"("threshold": 1e300)", "segmentation"), HasSubstr("too large"));
  EXPECT_THAT(output(R"("overlap": 45)"), HasSubstr("output.overlap is 45.0"));
  EXPECT_THAT(output(R"("softness": 0)"), HasSubstr("output.softness is not positive"));
  EXPECT_THAT(output(R"("most": 0)"), HasSubstr("output.most"));
  const auto input = [&](const std::string& fields) { return message(R"({"input": {)" + fields + "}}"); };
  EXPECT_THAT(input(R"("pad": 256)"), HasSubstr("input.pad is 256.0, not from 0.0 to 255.0"));
  EXPECT_THAT(input(R"("scale": 0)"), HasSubstr("input.scale is 0"));
  EXPECT_THAT(input(R"("mean": [0, 1e40, 0])"), HasSubstr("input.mean is 1e+40, which is too large"));
  EXPECT_THAT(input(R"("std": [1, 1e-40, 1])"), HasSubstr("input.std is not positive"));
}

// What an option leaves out may depend on the task.
TEST(Sidecar, ClassifiersSeeWholePixels) {
  const auto rounded = [](const std::string& json) {
    return NetworkDescription::parse(json, "m.json").preprocess.rounded;
  };
  EXPECT_TRUE(rounded(R"({"task": "classification", "input": {}})"));
  EXPECT_FALSE(rounded(R"({"task": "classification", "input": {"rounded": false}})"));
  EXPECT_FALSE(rounded(R"({"task": "segmentation", "input": {}})"));
  EXPECT_TRUE(rounded(R"({"task": "segmentation", "input": {"rounded": true}})"));
  EXPECT_TRUE(rounded(R"({"preset": "torchvision-classification"})"));
  EXPECT_FALSE(rounded(R"({"preset": "yolov8"})"));
}

}  // namespace
}  // namespace tessera::app
