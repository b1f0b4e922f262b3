// From images to answers.
#include "tessera/runner.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <set>

#include "exec/engine_impl.hpp"
#include "exec/image_input.hpp"
#include "exec/image_pipeline.hpp"
#include "exec/score_origin.hpp"
#include "tessera/description.hpp"
#include "tessera/importer.hpp"

namespace tessera {
namespace {

using Clock = std::chrono::steady_clock;

/// What of a network is used, and how.
struct Roles {
  Binding input;
  std::optional<DetectionDecoder> detection;
  std::vector<Binding> outputs;  ///< that are read
};

void requireName(const std::vector<Binding>& bindings, const std::string& name, bool isInput) {
  soleBinding(bindings, name, isInput);
}

// Completes `options`.
Roles rolesOf(const std::vector<Binding>& bindings, RunnerOptions& options) {
  std::set<std::string> filled, read;
  for (const auto& [name, fill] : options.preprocessors) {
    requireName(bindings, name, true);
    filled.insert(name);
  }
  Roles roles;
  roles.input = imageInputOf(bindings, options.input, options.preprocess, filled);
  const std::int64_t batch = roles.input.shape[0];
  for (const auto& [name, make] : options.postprocessors) {
    requireName(bindings, name, false);
    read.insert(name);
  }
  if (options.classification) {
    if (!(options.classification->threshold >= 0 && options.classification->threshold <= 1) ||
        options.classification->top < 1)
      throw Error(ErrorCode::InvalidArgument,
                  "a classification's threshold is from 0 to 1, and it gives 1 class at least");
    const Binding& scores = soleBinding(bindings, options.classification->output, false);
    if (classCountOf(scores.type, scores.shape, batch) == 0)
      throw Error(ErrorCode::InvalidArgument,
                  "the network's output '" + scores.name + "' is " + std::string(toString(scores.type)) +
                      ":" + toString(scores.shape) + "; a classification gives scores f32:" +
                      std::to_string(batch) + "xCLASSES, also with extents of 1 behind");
    options.classification->output = scores.name;
    read.insert(scores.name);
  }
  if (options.detection) {
    roles.detection.emplace(bindings, batch, options.preprocess.height, options.preprocess.width,
                            *options.detection);
    for (const std::string& name : roles.detection->outputs()) read.insert(name);
  }
  if (!options.classification && !options.detection) options.outputs = true;
  for (const Binding& binding : bindings)
    if (!binding.isInput && (options.outputs || read.count(binding.name))) roles.outputs.push_back(binding);
  return roles;
}

}  // namespace

struct Runner::Impl {
  /// A batch on its way: what its reads write into, what its uploads read from.
  struct Pending {
    RunnerBatch batch;
    std::vector<HostTensor> inputs;
  };

  Impl(std::shared_ptr<const Engine> e, const Binding& input, RunnerOptions o)
      : engine(std::move(e)),
        options(std::move(o)),
        pipeline(engine, input, options.preprocess, !options.preprocessors.count(input.name)) {}

  std::shared_ptr<const Engine> engine;
  RunnerOptions options;
  std::optional<DetectionDecoder> detection;
  std::vector<Binding> outputs;        ///< that are read
  std::vector<CountedOutput> counted;  ///< of those that are read
  ImagePipeline pipeline;
  std::deque<Pending> pending;
  /// What outputs were read into and nobody took: to be used again, since memory that is new costs more than
  /// what is read into it.
  std::vector<TensorMap> spare;

  void fillInputs(std::span<const ImageView> images, Pending& work);
  void enqueueReads(Pending& work, ImagePipeline::Work& commands);
  void postprocess(TensorMap& values) const;
  void answer(RunnerBatch& batch, std::size_t item) const;
};

// Inputs that callables fill.
void Runner::Impl::fillInputs(std::span<const ImageView> images, Pending& work) {
  for (const auto& [name, fill] : options.preprocessors) {
    const Binding& binding = engine->binding(name);
    HostTensor& value = work.inputs.emplace_back(fill(images, binding));
    if (value.type != binding.type || value.shape != binding.shape)
      throw Error(ErrorCode::InvalidArgument,
                  "the preprocessor of input '" + name + "' gave " + std::string(toString(value.type)) + ":" +
                      toString(value.shape) + ", the input is " + std::string(toString(binding.type)) + ":" +
                      toString(binding.shape));
    value.check("input '" + name + "'");
  }
}

// On the queue of the kernels: the next batch's outputs go to the same buffers.
void Runner::Impl::enqueueReads(Pending& work, ImagePipeline::Work& commands) {
  if (!spare.empty()) {
    work.batch.outputs = std::move(spare.back());
    spare.pop_back();
  }
  for (const Binding& binding : outputs) {
    HostTensor& value = work.batch.outputs[binding.name];
    if (value.type != binding.type || value.shape != binding.shape)
      value = HostTensor(binding.type, binding.shape);
    if (value.data.empty()) continue;
    const cl::Buffer from(pipeline.context().buffer(binding.name), true);
    pipeline.compute().enqueueReadBuffer(from, CL_FALSE, 0, value.data.size(), value.data.data(), nullptr,
                                         &commands.after.emplace_back());
  }
  if (commands.after.empty()) commands.after.push_back(commands.done);
}

// Outputs of counted length in their actual one, then the caller's functions.
void Runner::Impl::postprocess(TensorMap& values) const {
  for (const CountedOutput& c : counted)
    values[c.output] = firstEntries(values.at(c.output), c.axis, values.at(c.count).integer(0));
  for (const CountedOutput& c : counted)
    if (c.added) values.erase(c.count);
  for (const auto& [name, make] : options.postprocessors) {
    HostTensor& value = values.at(name);
    const DataType type = value.type;
    const Shape shape = value.shape;
    value = make(std::move(value));
    value.check("what the postprocessor of output '" + name + "' gave");
    const bool kept = value.type == type && value.shape == shape;
    const bool scores = options.classification && options.classification->output == name;
    bool boxes = false;
    if (detection)
      for (const std::string& output : detection->outputs()) boxes = boxes || output == name;
    if (!kept && (scores || boxes))
      throw Error(ErrorCode::InvalidArgument, "the postprocessor of output '" + name + "' gave " +
                                                  std::string(toString(value.type)) + ":" +
                                                  toString(value.shape) + ", and answers are made from " +
                                                  std::string(toString(type)) + ":" + toString(shape));
  }
}

void Runner::Impl::answer(RunnerBatch& batch, std::size_t item) const {
  Answer& answer = batch.images[item];
  const auto index = static_cast<std::int64_t>(item);
  if (options.classification)
    answer.classes = classify(batch.outputs.at(options.classification->output), index, pipeline.batch(),
                              *options.classification);
  if (!detection) return;
  answer.objects = suppress(detection->decode(batch.outputs, index), options.detection->suppression);
  const ImageRegion region = imageRegion(options.preprocess, answer.height, answer.width);
  for (DetectedObject& object : answer.objects)
    object.box = boxInImage(object.box, region, answer.height, answer.width);
}

void Runner::check(const std::vector<Binding>& bindings, const RunnerOptions& options) {
  RunnerOptions completed = options;
  rolesOf(bindings, completed);
}

Runner::Runner(std::shared_ptr<const Engine> engine, RunnerOptions options) {
  Roles roles = rolesOf(engine->bindings(), options);
  if (options.classification && options.classification->kind == ScoreKind::Auto)
    options.classification->kind = scoreKindOf(engine->graph(), options.classification->output);
  std::vector<CountedOutput> counted;
  const std::vector<CountedOutput>& all = engine->impl().counted;
  const auto isRead = [&](const std::string& name) {
    return std::any_of(roles.outputs.begin(), roles.outputs.end(),
                       [&](const Binding& b) { return b.name == name; });
  };
  for (const CountedOutput& c : all) {
    if (!isRead(c.output)) continue;
    counted.push_back(c);
    if (!isRead(c.count)) roles.outputs.push_back(engine->binding(c.count));
  }
  impl_ = std::make_unique<Impl>(std::move(engine), roles.input, std::move(options));
  impl_->detection = std::move(roles.detection);
  impl_->outputs = std::move(roles.outputs);
  impl_->counted = std::move(counted);
}

Runner Runner::load(const std::string& modelOrPlan, const Device& device, RunnerOptions options,
                    const EngineOptions& engine) {
  if (isPlan(modelOrPlan)) return {Engine::load(modelOrPlan, device, engine.tuning), std::move(options)};
  ImportOptions importing;
  importing.decodeEnds = true;
  return {Engine::build(importModel(modelOrPlan, importing), device, engine), std::move(options)};
}

namespace {

// Open extents of the input that images fill, from their description.
ImportOptions importingFor(const NetworkDescription& described) {
  ImportOptions options;
  options.decodeEnds = true;
  const ImagePreprocess& how = described.preprocess;
  if (how.height == 0) return options;
  options.openShape = [&described, &how](const std::string& name,
                                         const std::vector<std::int64_t>& declared) -> std::optional<Shape> {
    if (!described.input.empty() && name != described.input) return std::nullopt;
    if (!declared.empty() && declared.size() != 4) return std::nullopt;
    const std::int64_t channels = how.channels();
    const bool last = !declared.empty() && declared[3] == channels && declared[1] != channels;
    if (last) return Shape{1, how.height, how.width, channels};
    return Shape{1, channels, how.height, how.width};
  };
  return options;
}

// A model that can not be used is said before a description is asked for. What it leaves open, a description
// would have given.
void requireUsable(const std::string& model) {
  bool open = false;
  ImportOptions options;
  options.openShape = [&](const std::string&, const std::vector<std::int64_t>& declared) {
    open |=
        declared.empty() || std::any_of(declared.begin() + 1, declared.end(), [](auto e) { return e < 0; });
    return std::optional<Shape>();
  };
  try {
    importModel(model, options);
  } catch (const Error&) {
    if (!open) throw;
  }
}

}  // namespace

Runner Runner::load(const std::string& modelOrPlan, const Device& device, const EngineOptions& engine) {
  const std::string hint = "; give RunnerOptions, or write a description (docs/programs.md)";
  if (isPlan(modelOrPlan)) {
    auto loaded = Engine::load(modelOrPlan, device, engine.tuning);
    if (loaded->description().empty())
      throw Error(ErrorCode::InvalidArgument,
                  "The plan " + modelOrPlan + " does not say what its images and outputs are" + hint + ".");
    return {loaded, NetworkDescription::parse(loaded->description(), modelOrPlan).runnerOptions()};
  }
  const auto file = findDescription(modelOrPlan);
  if (!file) {
    requireUsable(modelOrPlan);
    throw Error(ErrorCode::InvalidArgument,
                "There is no description beside the model " + modelOrPlan + hint + ".");
  }
  const NetworkDescription described = NetworkDescription::read(*file);
  RunnerOptions options = described.runnerOptions();
  return {Engine::build(importModel(modelOrPlan, importingFor(described)), device, engine),
          std::move(options)};
}

Runner::~Runner() {
  if (impl_) impl_->pipeline.finish();  // reads into pending results must end before their memory goes
}
Runner::Runner(Runner&&) noexcept = default;

int Runner::batch() const { return static_cast<int>(impl_->pipeline.batch()); }
const Engine& Runner::engine() const { return *impl_->engine; }
int Runner::classes() const {
  if (impl_->detection) return impl_->detection->classes();
  if (!impl_->options.classification) return 0;
  const Binding& scores = impl_->engine->binding(impl_->options.classification->output);
  return static_cast<int>(classCountOf(scores.type, scores.shape, impl_->pipeline.batch()));
}
std::size_t Runner::waiting() const { return impl_->pending.size(); }

void Runner::submit(std::span<const ImageView> images) {
  Impl& r = *impl_;
  r.pipeline.check(images);
  Impl::Pending& work = r.pending.emplace_back();
  try {
    for (const ImageView& image : images) {
      Answer& answer = work.batch.images.emplace_back();
      answer.height = image.height;
      answer.width = image.width;
    }
    r.fillInputs(images, work);
    const auto upload = [&] {
      std::size_t next = 0;
      for (const auto& [name, fill] : r.options.preprocessors) {
        const HostTensor& value = work.inputs[next++];
        const cl::Buffer to(r.pipeline.context().buffer(name), true);
        if (!value.data.empty())
          r.pipeline.compute().enqueueWriteBuffer(to, CL_FALSE, 0, value.data.size(), value.data.data());
      }
    };
    r.pipeline.submit(
        images, [&](std::size_t, ImagePipeline::Work& commands) { r.enqueueReads(work, commands); }, upload);
  } catch (...) {
    r.pending.pop_back();
    throw;
  }
}

RunnerBatch Runner::collect() {
  Impl& r = *impl_;
  if (r.pending.empty()) throw Error(ErrorCode::InvalidArgument, "nothing was submitted");
  Impl::Pending work = std::move(r.pending.front());  // gone also where its work failed
  r.pending.pop_front();
  const ImageTimes times = r.pipeline.collect();
  RunnerBatch& batch = work.batch;
  batch.preprocess = times.preprocess;
  batch.network = times.network;
  const Clock::time_point begin = Clock::now();
  r.postprocess(batch.outputs);
  for (std::size_t i = 0; i < batch.images.size(); ++i) r.answer(batch, i);
  if (!r.options.outputs) {
    r.spare.push_back(std::move(batch.outputs));
    batch.outputs.clear();
  }
  batch.postprocess = std::chrono::duration<double, std::milli>(Clock::now() - begin).count() /
                      static_cast<double>(batch.images.size());
  return std::move(batch);
}

Answer Runner::run(const ImageView& image) {
  while (waiting() > 0) collect();
  submit({&image, 1});
  return std::move(collect().images.front());
}

}  // namespace tessera
