#include "apps/tessera/frontier.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "apps/common/images.hpp"

namespace tessera::app {
namespace {

constexpr int kWidth = 640, kHeight = 400, kLeft = 72, kRight = 24, kTop = 48, kBottom = 56;

double decibel(const CalibrationDamage& damage) { return -10 * std::log10(std::max(damage.error, 1e-30)); }

bool isTaken(const Fp16Choice& choice, const CalibrationResult& result) {
  const auto& taken = result.calibration.halfLayers;
  return choice.layers.size() == taken.size() &&
         std::ranges::all_of(choice.layers, [&](const std::string& layer) { return taken.count(layer) > 0; });
}

std::string namesOf(const std::vector<std::string>& layers) {
  std::string names;
  for (const auto& layer : layers) names += (names.empty() ? "" : ", ") + layer;
  return names;
}

Json choiceJson(const Fp16Choice& choice) {
  return {{"layers", choice.layers},
          {"share", choice.share},
          {"ms", choice.milliseconds},
          {"error", choice.damage.error},
          {"changed", choice.damage.changed},
          {"worst_error", choice.worst.error},
          {"worst_changed", choice.worst.changed}};
}

// Values of one axis and where they lie on the picture.
struct Axis {
  double low, high;
  int begin, end;  // pixels

  Axis(std::vector<double> values, int first, int last) : begin(first), end(last) {
    const auto [least, most] = std::ranges::minmax_element(values);
    const double margin = std::max((*most - *least) * 0.1, *most * 0.02 + 1e-12);
    low = *least - margin, high = *most + margin;
  }
  int at(double value) const {
    return begin + static_cast<int>(std::lround((value - low) / (high - low) * (end - begin)));
  }
};

void text(cv::Mat& image, const std::string& what, cv::Point at) {
  cv::putText(image, what, at, cv::FONT_HERSHEY_SIMPLEX, 0.42, cv::Scalar(0, 0, 0), 1, cv::LINE_AA);
}

}  // namespace

void printFrontier(const CalibrationResult& result) {
  if (result.frontier.empty()) return;
  fmt::print("\n{:<10}{:>8}{:>10}{:>10}{:>11}{:>11}\n", "in fp16", "MACs", "ms", "dB", "changed", "worst");
  for (const Fp16Choice& choice : result.frontier)
    fmt::print("{:<10}{:>6.1f} %{:>10.3f}{:>10.2f}{:>9.3f} %{:>9.3f} %{}\n",
               fmt::format("{} layers", choice.layers.size()), choice.share * 100, choice.milliseconds,
               decibel(choice.damage), choice.damage.changed * 100, choice.worst.changed * 100,
               isTaken(choice, result) ? "  taken" : "");
}

void printHarmful(const CalibrationResult& result) {
  if (result.harmful.empty()) return;
  fmt::print("\nBelow 25 dB because of (alone in fp16: signal to noise, and a run with it)\n");
  for (const Fp16Choice& choice : result.harmful)
    fmt::print("{:>7.2f} dB {:>9.3f} ms  {}\n", decibel(choice.damage), choice.milliseconds,
               namesOf(choice.layers));
}

void addFrontier(Json& json, const CalibrationResult& result) {
  for (const Fp16Choice& choice : result.frontier) json["frontier"].push_back(choiceJson(choice));
  for (const Fp16Choice& choice : result.harmful) json["harmful"].push_back(choiceJson(choice));
}

void drawFrontier(const std::string& file, const CalibrationResult& result, const std::string& title) {
  if (result.frontier.empty())
    throw Error(ErrorCode::InvalidArgument,
                "There is no frontier to draw: --frontier goes with --calibration-fp16-share.");
  // Classes where there are any, else errors.
  const bool classes =
      std::ranges::any_of(result.frontier, [](const Fp16Choice& c) { return c.damage.changed > 0; });
  const auto lost = [&](const CalibrationDamage& d) { return classes ? d.changed * 100 : decibel(d); };
  std::vector<double> ms, losses;
  for (const Fp16Choice& choice : result.frontier) {
    ms.push_back(choice.milliseconds);
    losses.push_back(lost(choice.damage)), losses.push_back(lost(choice.worst));
  }
  const Axis x(ms, kLeft, kWidth - kRight), y(losses, kHeight - kBottom, kTop);
  cv::Mat image(kHeight, kWidth, CV_8UC3, cv::Scalar(255, 255, 255));
  const cv::Scalar grey(200, 200, 200), blue(180, 90, 0), red(40, 40, 200);
  text(image, title, {8, 18});
  text(image,
       classes ? "largest classes changed, % (up to the worst draw), against ms of a run"
               : "signal to noise, dB, against ms of a run",
       {8, 36});
  for (int i = 0; i <= 4; ++i) {
    const double atX = x.low + (x.high - x.low) * i / 4, atY = y.low + (y.high - y.low) * i / 4;
    cv::line(image, {x.at(atX), y.begin}, {x.at(atX), y.end}, grey);
    cv::line(image, {x.begin, y.at(atY)}, {x.end, y.at(atY)}, grey);
    text(image, fmt::format("{:.3g}", atX), {x.at(atX) - 16, y.begin + 18});
    text(image, fmt::format("{:.3g}", atY), {8, y.at(atY) + 4});
  }
  for (const Fp16Choice& choice : result.frontier) {
    const cv::Point at(x.at(choice.milliseconds), y.at(lost(choice.damage)));
    cv::line(image, at, {at.x, y.at(lost(choice.worst))}, blue);
    cv::circle(image, at, 5, isTaken(choice, result) ? red : blue, cv::FILLED, cv::LINE_AA);
    text(image, std::to_string(choice.layers.size()), {at.x + 7, at.y - 6});
  }
  text(image, "numbers: layers in fp16; red: taken", {kLeft, kHeight - 12});
  writeImage(file, image);
}

}  // namespace tessera::app
