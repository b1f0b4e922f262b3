// From images to classes and boxes in one object.
#include "tessera/runner.hpp"

#include <pybind11/functional.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <deque>
#include <mutex>

#include "python/src/arrays.hpp"
#include "python/src/fields.hpp"
#include "python/src/image_view.hpp"
#include "python/src/options.hpp"
#include "tessera/presets.hpp"

namespace tessera::python {
namespace {

using PythonPreprocessor = std::function<py::object(const py::list&, const Binding&)>;
using PythonPostprocessor = std::function<py::object(const py::object&)>;

// The pixels of an image that the Runner reads, as an array.
py::array pixelArray(const ImageView& image) {
  Shape shape = image.shape();
  shape.erase(shape.begin());
  if (shape.back() == 1) shape.pop_back();
  return arrayOver(image.pixels, DataType::UInt8, shape, py::none());
}

// Callables of Python, called where the GIL is not held.
void addCallables(RunnerOptions& options, const std::map<std::string, PythonPreprocessor>& before,
                  const std::map<std::string, PythonPostprocessor>& after) {
  for (const auto& [name, make] : before)
    options.preprocessors[name] = [make = make, name = name](std::span<const ImageView> images,
                                                             const Binding& input) {
      const py::gil_scoped_acquire gil;
      py::list arrays;
      for (const ImageView& image : images) arrays.append(pixelArray(image).attr("copy")());
      return tensorOf(make(arrays, input), "what the preprocessor of '" + name + "' gave");
    };
  for (const auto& [name, make] : after)
    options.postprocessors[name] = [make = make, name = name](HostTensor output) {
      const py::gil_scoped_acquire gil;
      return tensorOf(make(arrayOf(std::move(output))), "what the postprocessor of '" + name + "' gave");
    };
}

RunnerOptions makeRunnerOptions(const std::string& preset, const std::optional<ImagePreprocess>& preprocess,
                                std::string input, std::optional<ClassificationOptions> classification,
                                const std::optional<SuppressionOptions>& suppression,
                                std::optional<DetectionOptions> detection, bool outputs,
                                const std::map<std::string, PythonPreprocessor>& preprocessors,
                                const std::map<std::string, PythonPostprocessor>& postprocessors) {
  RunnerOptions options;
  if (!preset.empty()) {
    const Preset& known = presetOf(preset);
    options.preprocess = known.preprocess;
    if (known.classifies())
      options.classification.emplace();
    else
      options.detection = known.detection;
  }
  if (preprocess) options.preprocess = *preprocess;
  options.input = std::move(input);
  if (classification) options.classification = std::move(classification);
  if (detection) options.detection = std::move(detection);
  if (suppression) {
    if (!options.detection)
      throw Error(ErrorCode::InvalidArgument,
                  "suppression goes with the preset of a detector, or with detection");
    options.detection->suppression = *suppression;
  }
  options.outputs = outputs;
  addCallables(options, preprocessors, postprocessors);
  return options;
}

/// A batch on its way to Python: tensors become arrays where the GIL is held.
py::object batchOf(RunnerBatch&& batch) {
  py::dict outputs = dictOf(std::move(batch.outputs));
  batch.outputs.clear();
  py::object made = py::cast(std::move(batch));
  made.attr("outputs") = outputs;
  return made;
}

/// A Runner that threads take in turns, and the images whose pixels it still reads.
class SharedRunner {
 public:
  explicit SharedRunner(Runner runner) : runner_(std::move(runner)) {}

  template <class Work>
  auto inTurn(const Work& work) {
    const py::gil_scoped_release release;
    const std::lock_guard turn(mutex_);
    return work(runner_);
  }
  void submit(const std::vector<py::object>& images, const std::string& format, const std::string& colors) {
    const PixelFormat pixels = parsePixelFormat(format);
    const YuvColors yuv = parseYuvColors(colors);
    std::vector<py::array> arrays;
    std::vector<ImageView> views;
    for (const py::object& image : images)
      views.push_back(imageViewOf(arrays.emplace_back(arrayOf(image, "an image")), pixels, yuv));
    inTurn([&](Runner& runner) {
      runner.submit(views);
      submitted_.push_back(std::move(arrays));  // moves references, counts none
    });
  }
  py::object collect() {
    std::vector<py::array> done;  // goes where the GIL is held again
    return batchOf(inTurn([&](Runner& runner) {
      RunnerBatch batch = runner.collect();
      done = std::move(submitted_.front());
      submitted_.pop_front();
      return batch;
    }));
  }
  Answer run(const py::object& image, const std::string& format, const std::string& colors) {
    const py::array pixels = arrayOf(image, "an image");
    const ImageView view = imageViewOf(pixels, parsePixelFormat(format), parseYuvColors(colors));
    return inTurn([&](Runner& runner) { return runner.run(view); });
  }

 private:
  std::mutex mutex_;
  Runner runner_;
  std::deque<std::vector<py::array>> submitted_;
};

using RunnerPointer = std::shared_ptr<SharedRunner>;

RunnerPointer load(const std::filesystem::path& model, const py::object& device,
                   const std::optional<RunnerOptions>& options, const std::optional<EngineOptions>& given) {
  const Device on = deviceOf(device);
  EngineOptions engine = given.value_or(EngineOptions());
  engine.tuning = interruptible(std::move(engine.tuning));
  return withoutGil([&] {
    return std::make_shared<SharedRunner>(options ? Runner::load(model.string(), on, *options, engine)
                                                  : Runner::load(model.string(), on, engine));
  });
}

void bindAnswers(py::module_& module) {
  Fields<Answer>(module, "Answer")
      .field("height", &Answer::height)
      .field("width", &Answer::width)
      .field("classes", &Answer::classes)
      .field("objects", &Answer::objects);
  py::class_<RunnerBatch>(module, "RunnerBatch", py::dynamic_attr(), doc("RunnerBatch"))
      .def_readonly("images", &RunnerBatch::images, doc("RunnerBatch.images"))
      .def_readonly("preprocess", &RunnerBatch::preprocess, doc("RunnerBatch.preprocess"))
      .def_readonly("network", &RunnerBatch::network, doc("RunnerBatch.network"))
      .def_readonly("postprocess", &RunnerBatch::postprocess, doc("RunnerBatch.postprocess"));
}

void bindRunnerOptions(py::module_& module) {
  py::class_<RunnerOptions>(module, "RunnerOptions", doc("RunnerOptions"))
      .def(py::init(&makeRunnerOptions), py::arg("preset") = "", py::kw_only(),
           py::arg("preprocess") = py::none(), py::arg("input") = "", py::arg("classification") = py::none(),
           py::arg("suppression") = py::none(), py::arg("detection") = py::none(), py::arg("outputs") = false,
           py::arg("preprocessors") = py::dict(), py::arg("postprocessors") = py::dict(),
           doc("RunnerOptions.__init__"));
  module.def(
      "presets",
      [] {
        std::map<std::string, std::string> names;
        for (const Preset& preset : presets()) names[std::string(preset.name)] = preset.what;
        return names;
      },
      doc("presets"));
}

}  // namespace

void bindRunner(py::module_& module) {
  bindAnswers(module);
  bindRunnerOptions(module);
  using Shared = SharedRunner;
  py::class_<Shared, RunnerPointer>(module, "Runner", doc("Runner"))
      .def(py::init([](std::shared_ptr<Engine> engine, const RunnerOptions& options) {
             return withoutGil([&] { return std::make_shared<Shared>(Runner(std::move(engine), options)); });
           }),
           py::arg("engine").none(false), py::arg("options"), doc("Runner.__init__"))
      .def_static("load", &load, py::arg("model"), py::arg("device") = "", py::arg("options") = py::none(),
                  py::arg("engine") = py::none(), doc("Runner.load"))
      .def_static("check", &Runner::check, py::arg("bindings"), py::arg("options"), doc("Runner.check"))
      .def_property_readonly(
          "engine",
          [](const RunnerPointer& s) {  // the runner lives as long as the engine is held
            const Engine* engine = s->inTurn([](Runner& r) { return &r.engine(); });
            return std::shared_ptr<Engine>(s, const_cast<Engine*>(engine));
          },
          doc("Runner.engine"))
      .def_property_readonly(
          "batch", [](Shared& s) { return s.inTurn([](Runner& r) { return r.batch(); }); },
          doc("Runner.batch"))
      .def_property_readonly(
          "classes", [](Shared& s) { return s.inTurn([](Runner& r) { return r.classes(); }); },
          doc("Runner.classes"))
      .def("submit", &Shared::submit, py::arg("images"), py::kw_only(), py::arg("format") = "BGR",
           py::arg("colors") = "BT.601", doc("Runner.submit"))
      .def_property_readonly(
          "waiting", [](Shared& s) { return s.inTurn([](Runner& r) { return r.waiting(); }); },
          doc("Runner.waiting"))
      .def("collect", &Shared::collect, doc("Runner.collect"))
      .def("run", &Shared::run, py::arg("image"), py::kw_only(), py::arg("format") = "BGR",
           py::arg("colors") = "BT.601", doc("Runner.run"));
}

}  // namespace tessera::python
