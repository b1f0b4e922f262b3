// detector: finds objects in images and videos, on an OpenCL device.
#include "apps/common/numbers.hpp"
#include "apps/detector/detector.hpp"

int main(int argc, char** argv) {
  using namespace tessera::app;
  DetectorOptions options;
  CLI::App app("Finds objects in images and videos with a trained network on an OpenCL device.", "detector");
  addImageOptions(app, options, {"pictures with boxes", true, true});
  {
    const OptionGroup group(app, "Results");
    app.add_option("--threshold", options.threshold, "Least score of a box (else the preset's)")
        ->check(number(0.0, 1.0));
    app.add_option("--overlap", options.overlap,
                   "Boxes that overlap a better one by more go (else the preset's)")
        ->check(number(0.0, 1.0));
    app.add_option("--suppression", options.suppression, "Of boxes that overlap (default: hard)")
        ->check(CLI::IsMember({"hard", "soft", "none"}));
    app.add_flag("--class-agnostic", options.classAgnostic, "Boxes of different classes suppress each other");
    app.add_option("--most", options.most, "Boxes of an image at most (default: 300)")
        ->check(number(1, 1 << 20));
    app.add_option("--annotations", options.annotations,
                   "Right boxes, for mAP: a COCO file, or a folder of YOLO's")
        ->type_name("PATH");
    app.add_option("--coco-results", options.cocoResults, "Write the boxes in COCO's result format")
        ->type_name("FILE");
  }
  addEngineOptions(app, options);
  return runProgram(app, argc, argv, options.common, [&] { return runDetector(options); });
}
