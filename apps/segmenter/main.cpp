// segmenter: segments images and videos on an OpenCL device.
#include "apps/common/numbers.hpp"
#include "apps/segmenter/segmenter.hpp"

int main(int argc, char** argv) {
  using namespace tessera::app;
  SegmenterOptions options;
  CLI::App app("Segments images and videos with a trained network on an OpenCL device.", "segmenter");
  addImageOptions(app, options, {"class maps, colour maps and overlays", true, false, true});
  {
    const OptionGroup group(app, "Results");
    app.add_option("--annotations", options.annotations,
                   "Folder of annotated class maps, matched by file stem")
        ->type_name("DIR");
    app.add_option("--output", options.output, "The output to use, of several (else the description's)")
        ->type_name("NAME");
    app.add_option("--threshold", options.threshold,
                   "The output is a mask: class 1 above this (default: 0.5)")
        ->check(number(-1e30, 1e30));
    app.add_option("--confusion", options.confusion, "Write the confusion matrix, comma-separated")
        ->type_name("FILE");
    app.add_option("--opacity", options.opacity, "Of the colours in overlays")
        ->check(number(0.0, 1.0))
        ->capture_default_str();
    app.add_flag("--legend", options.legend, "Class names below overlays");
    app.add_flag("--network-size", options.networkSize, "Class maps at the network's resolution");
  }
  addEngineOptions(app, options);
  return runProgram(app, argc, argv, options.common, [&] { return runSegmenter(options); });
}
