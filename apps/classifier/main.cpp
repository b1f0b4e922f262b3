// classifier: names what images show, on an OpenCL device.
#include "apps/classifier/classifier.hpp"
#include "apps/common/numbers.hpp"

int main(int argc, char** argv) {
  using namespace tessera::app;
  ClassifierOptions options;
  CLI::App app("Names what images show with a trained network on an OpenCL device.", "classifier");
  addImageOptions(app, options, {"annotated pictures", false, true});
  {
    const OptionGroup group(app, "Results");
    app.add_option("--top-k", options.top, "Classes of an image at most")
        ->check(number(1, 65536))
        ->capture_default_str();
    app.add_option("--threshold", options.threshold, "Least confidence of a class that is reported")
        ->check(number(0.0, 1.0));
    app.add_option("--annotations", options.annotations,
                   "Right classes: 'folders' (that images lie in), or a list")
        ->type_name("PATH");
    app.add_option("--output", options.output, "The output to use, of several (else the description's)")
        ->type_name("NAME");
  }
  addEngineOptions(app, options);
  return runProgram(app, argc, argv, options.common, [&] { return runClassifier(options); });
}
