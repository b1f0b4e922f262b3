// Parts the programs share: statistics, labels, .npy, files, background work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "apps/common/freeze.hpp"
#include "apps/common/images.hpp"
#include "apps/common/labels.hpp"
#include "apps/common/model.hpp"
#include "apps/common/npy.hpp"
#include "apps/common/program.hpp"
#include "apps/common/statistics.hpp"
#include "apps/common/write_behind.hpp"
#include "apps/segmenter/score.hpp"
#include "tests/apps/program.hpp"

namespace tessera::app {
namespace {

using test::Folder;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Freeze, TakesNumbersAndFiles) {
  const Folder folder;
  writeNpy(folder / "a=b.npy", HostTensor::of<std::int64_t>({2}, {3, 4}));
  FreezeArguments freeze{{"rate=16000", "in=out=-1.5", "list=" + (folder / "a=b.npy").string()}};
  ImportOptions options;
  freeze.apply(options);
  EXPECT_EQ(options.constantNumbers,
            (std::map<std::string, std::string>{{"rate", "16000"}, {"in=out", "-1.5"}}));
  EXPECT_EQ(options.constants.at("list"), HostTensor::of<std::int64_t>({2}, {3, 4}));
  for (const char* wrong : {"rate", "=3", "rate="}) {
    ImportOptions none;
    EXPECT_THROW(FreezeArguments{{wrong}}.apply(none), UsageError) << wrong;
  }
  ImportOptions twice;
  EXPECT_THROW((FreezeArguments{{"a=1", "a=2"}}.apply(twice)), UsageError);
  ImportOptions absent;
  EXPECT_THROW((FreezeArguments{{"a=" + (folder / "none.npy").string()}}.apply(absent)), Error);
}

TEST(Statistics, PercentilesInterpolate) {
  EXPECT_EQ(percentile({}, 0.5), 0);
  EXPECT_EQ(percentile({7}, 0.99), 7);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 0.5), 2.5);
  std::vector<double> values;
  for (int i = 100; i >= 0; --i) values.push_back(i);
  const Latency latency = Latency::of(values);
  EXPECT_DOUBLE_EQ(latency.median, 50);
  EXPECT_DOUBLE_EQ(latency.p90, 90);
  EXPECT_DOUBLE_EQ(latency.p99, 99);
}

TEST(Labels, BuiltInSets) {
  const LabelSet cityscapes = loadLabels("cityscapes"), camvid = loadLabels("camvid");
  EXPECT_EQ(cityscapes.scored(), 19u);
  EXPECT_EQ(cityscapes.classes.size(), 20u);
  EXPECT_THAT(cityscapes.categories(),
              ElementsAre("flat", "construction", "object", "nature", "sky", "human", "vehicle"));
  EXPECT_EQ(camvid.scored(), 11u);
  EXPECT_EQ(camvid.classes[10].name, "Bicyclist");
  EXPECT_EQ(camvid.palette(1)[8], (std::array<std::uint8_t, 4>{128, 0, 64, 255}));
  EXPECT_EQ(camvid.palette(0.5)[11], (std::array<std::uint8_t, 4>{0, 0, 0, 0}));
  EXPECT_NO_THROW(camvid.checkClasses(11));
  EXPECT_NO_THROW(camvid.checkClasses(12));
  EXPECT_THROW(camvid.checkClasses(10), Error);
  EXPECT_THROW(camvid.checkClasses(13), Error);
}

TEST(Labels, FromFilesAndLists) {
  const Folder folder;
  test::writeText(folder / "l.json",
                  R"([{"name": "a", "color": [1, 2, 3], "category": "x"}, {"name": "b", "ignore": true}])");
  const LabelSet set = loadLabels((folder / "l.json").string());
  EXPECT_EQ(set.scored(), 1u);
  EXPECT_EQ(set.classes[0].color, (std::array<std::uint8_t, 3>{1, 2, 3}));
  EXPECT_EQ(labelsOf("l.json", folder.path().string()).classes.size(), 2u);
  EXPECT_EQ(labelsOf(Json::array({"p", "q"}), "").classes[1].name, "q");
  for (const char* bad :
       {"[]", "{}", "[1]", R"([{"name": "a", "color": [1, 2]}])", R"([{"name": "a", "color": [1, 2, 256]}])",
        R"([{"name": "void", "ignore": true}, {"name": "b"}])", "[\"a\""}) {
    test::writeText(folder / "bad.json", bad);
    EXPECT_THROW(loadLabels((folder / "bad.json").string()), Error) << bad;
  }
}

TEST(Confusion, PoolsOverImages) {
  Confusion confusion(3);
  const std::vector<std::uint8_t> annotated{0, 0, 1, 1, 2, 9}, predicted{0, 1, 1, 1, 7, 0};
  confusion.add(annotated, predicted);
  confusion.add(std::vector<std::uint8_t>{0}, std::vector<std::uint8_t>{0});
  EXPECT_EQ(confusion.pixels(), 6);     // 9 is not labelled
  EXPECT_EQ(confusion.count(2, 3), 1);  // 7 counts as void
  EXPECT_DOUBLE_EQ(*confusion.iou(0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(*confusion.iou(1), 2.0 / 3);
  EXPECT_DOUBLE_EQ(*confusion.iou(2), 0);  // predicted as void: missed
  EXPECT_DOUBLE_EQ(confusion.meanIou(), 4.0 / 9);
  EXPECT_DOUBLE_EQ(confusion.pixelAccuracy(), 4.0 / 6);
  EXPECT_FALSE(Confusion(2).iou(0).has_value());
  EXPECT_EQ(Confusion(2).meanIou(), 0);
}

TEST(Confusion, MergesCategories) {
  LabelSet labels{"x", {{"a", {}, "m"}, {"b", {}, "n"}, {"c", {}, "m"}}};
  Confusion confusion(3);
  confusion.add(std::vector<std::uint8_t>{0, 0, 1, 2, 2}, std::vector<std::uint8_t>{2, 1, 1, 0, 3});
  const Confusion merged = confusion.byCategory(labels);
  EXPECT_EQ(merged.count(0, 0), 2);
  EXPECT_EQ(merged.count(0, 1), 1);
  EXPECT_EQ(merged.count(0, 2), 1);
  EXPECT_DOUBLE_EQ(*merged.iou(0), 0.5);
  EXPECT_DOUBLE_EQ(*merged.iou(1), 0.5);
}

TEST(Npy, RoundTrips) {
  const Folder folder;
  for (const HostTensor& tensor :
       {HostTensor::of<float>({2, 3}, {1, -2, 3.5f, 0, 1e-30f, 6}),
        HostTensor::of<std::int64_t>({3}, {1, -2, 3}), HostTensor::of<std::uint8_t>({1, 1, 2}, {0, 255}),
        HostTensor::scalar(4), HostTensor::of<std::int32_t>({0, 4}, {})}) {
    writeNpy(folder / "t.npy", tensor);
    EXPECT_EQ(readNpy(folder / "t.npy"), tensor) << toString(tensor.shape);
    EXPECT_EQ(npyBytes(tensor).find('\n') % 64, 63u);  // elements begin at a multiple of 64
  }
}

TEST(Npy, ReadsWhatNumpyWrites) {
  // np.save of np.arange(3, dtype='<f8'), its header as NumPy 1.24 writes it
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }";
  header += std::string(118 - 1 - header.size(), ' ') + "\n";
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + '\x76' + '\0' + header;
  for (const double v : {0.0, 1.0, 2.0}) bytes.append(reinterpret_cast<const char*>(&v), 8);
  EXPECT_EQ(parseNpy(bytes, "x"), HostTensor::of<float>({3}, {0, 1, 2}));
}

TEST(Npy, RefusesDamage) {
  const std::string good = npyBytes(HostTensor::of<float>({2}, {1, 2}));
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& bad :
       {std::string(), good.substr(0, 5), good.substr(0, 40), good.substr(0, good.size() - 1), good + "x",
        replaced("<f4", "<c8"), replaced("False", "Maybe"), replaced("(2,)", "(3,)"),
        replaced("(2,)", "(-2)"), replaced("(2,)", "2   "), replaced("NUMPY", "numpy")}) {
    try {
      parseNpy(bad, "some.npy");
      ADD_FAILURE() << "was read: " << bad;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr("some.npy"));
    }
  }
}

TEST(Files, AppearCompleteOrNotAtAll) {
  const Folder folder;
  writeFile(folder / "deep/er/file.txt", "text");
  EXPECT_EQ(readFile(folder / "deep/er/file.txt"), "text");
  EXPECT_THROW(writeAtomically(folder / "deep/other.txt",
                               [](const fs::path& temporary) {
                                 test::writeText(temporary, "half");
                                 throw Error(ErrorCode::Internal, "stopped");
                               }),
               Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "deep"), fs::directory_iterator()), 1);
  EXPECT_THROW(writeFile(folder / "deep/er/file.txt/below", "x"), Error);
  EXPECT_THROW(readFile(folder / "none"), Error);
  EXPECT_THROW(readFile(folder.path()), Error);
}

TEST(Images, ListsFoldersSortedWithUniqueNames) {
  const Folder folder;
  for (const char* name : {"one/b.png", "one/a.JPG", "one/labels/a.png", "one/x.txt", "one/.hidden.png",
                           "one/out/c.png", "two/p/d.png", "two/q/d.png", "two/out/e.png"})
    test::writeText(folder / name, "x");
  const auto names = [](const std::vector<ImageFile>& images) {
    std::vector<std::string> out;
    for (const auto& image : images) out.push_back(image.name);
    return out;
  };
  EXPECT_THAT(names(listImages({(folder / "one").string()})), ElementsAre("a", "b"));
  EXPECT_THAT(names(listImages({(folder / "two").string()}, folder / "two/out")), ElementsAre("d", "d_2"));
  EXPECT_THAT(names(listImages({(folder / "two/out").string()}, folder / "two")), ElementsAre("e"));
  EXPECT_THROW(listImages({(folder / "none").string()}), Error);
  fs::create_symlink(folder / "nowhere.png", folder / "one/c.png");
  EXPECT_THAT(names(listImages({(folder / "one/").string()})), ElementsAre("a", "b", "c"))
      << "whoever reads it says";
}

TEST(Sidecar, IsFoundBesideTheModel) {
  const Folder folder;
  EXPECT_FALSE(findSidecar((folder / "m.onnx").string()));
  test::writeText(folder / "m.json", "{}");
  EXPECT_EQ(findSidecar((folder / "m.onnx").string()), folder / "m.json");
  EXPECT_EQ(findSidecar((folder / "m.prototxt").string() + "," + (folder / "w.caffemodel").string()),
            folder / "m.json");
  test::writeText(folder / "w.json", "{}");
  EXPECT_EQ(findSidecar((folder / "m.prototxt").string() + "," + (folder / "w.caffemodel").string()),
            folder / "w.json");
}

TEST(WriteBehind, KeepsTheOrderAndPassesErrorsOn) {
  std::vector<int> done;
  WriteBehind writer(2);
  for (int i = 0; i < 20; ++i) writer.post([&done, i] { done.push_back(i); });
  writer.finish();
  ASSERT_EQ(done.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
  WriteBehind failing(2);
  failing.post([] { throw Error(ErrorCode::Internal, "disk full"); });
  EXPECT_THROW(failing.finish(), Error);
}

}  // namespace
}  // namespace tessera::app
