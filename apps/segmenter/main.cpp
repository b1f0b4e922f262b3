// segmenter: segments images and videos on an OpenCL device.
#include "apps/common/numbers.hpp"
#include "apps/segmenter/segmenter.hpp"

int main(int argc, char** argv) {
  using namespace tessera::app;
  SegmenterOptions options;
  CLI::App app("Segments images and videos with a trained network on an OpenCL device.", "segmenter");
  app.add_option("--model,-m", options.model, "model.onnx, or net.prototxt,net.caffemodel, or a plan")
      ->required()
      ->type_name("M");
  app.add_option("--images,-i", options.images, "Images and folders of images")->type_name("PATH..");
  app.add_option("--video", options.videos, "Videos; overlays become a video")->type_name("FILE..");
  app.add_option("--out,-o", options.out, "Folder for class maps, colour maps and overlays")
      ->type_name("DIR");
  app.add_option("--annotations", options.annotations, "Folder of annotated class maps, matched by file stem")
      ->type_name("DIR");
  app.add_option("--labels", options.labels, "cityscapes, camvid, or a JSON file of names and colours")
      ->type_name("NAME");
  app.add_option("--preprocess", options.preprocess,
                 "How images become the input (default: the model's .json)")
      ->type_name("FILE");
  app.add_option("--output", options.output,
                 "The network's output to use, where it has several (default: the "
                 "description's)")
      ->type_name("NAME");
  app.add_option(
         "--threshold", options.threshold,
         "The output is a mask of one score a pixel: above this is class 1 (default: the description's, 0.5 "
         "for probabilities)")
      ->check(number(-1e30, 1e30));
  options.app = &app;
  options.shapes.add(app);
  app.add_option("--max-batch", options.maxBatch, "Images at a time")
      ->check(number(1, 256))
      ->capture_default_str();
  app.add_option("--confusion", options.confusion, "Write the confusion matrix, comma-separated")
      ->type_name("FILE");
  app.add_option("--opacity", options.opacity, "Of the colours in overlays")
      ->check(number(0.0, 1.0))
      ->capture_default_str();
  app.add_flag("--legend", options.legend, "Class names below overlays");
  app.add_flag("--network-size", options.networkSize,
               "Class maps at the network's resolution, not the image's");
  addDeviceOptions(app, options.common);
  options.freeze.add(app);
  options.int8.add(app);
  addOutputOptions(app, options.common);
  return runProgram(app, argc, argv, options.common, [&] { return runSegmenter(options); });
}
