// Every family's runs (support/samples.hpp says which) against the operator's reference: values within the
// operator's tolerance, canaries intact, padding lanes zero, two runs bitwise equal.
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "launch/op_runner.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

using test::SampleCase;

class Family : public testing::TestWithParam<const KernelFamily*> {};

// One case through one tactic; returns what is wrong, empty where nothing is.
std::string runCase(const Device& device, const KernelFamily& family, const SampleCase& c,
                    const Tactic& tactic) {
  OpRunner runner(device, family, c.view, tactic, c.inputs, c.constants());
  const auto first = runner.run();
  if (!runner.damage().empty()) return runner.damage();
  for (std::size_t i = 0; i < first.size(); ++i) {
    const auto difference = test::compare(first[i], c.expected[i], toleranceOf(c.view));
    if (!difference.empty()) return "output " + std::to_string(i) + ": " + difference;
  }
  const auto second = runner.run();
  if (!runner.damage().empty()) return runner.damage();
  if (first != second) return "two runs differ";
  return {};
}

// PoCL takes three fifths of its time to optimise.
class Unoptimised {
 public:
  Unoptimised() { setenv(kName, "-cl-opt-disable", 0); }
  ~Unoptimised() { unsetenv(kName); }

 private:
  static constexpr const char* kName = "POCL_EXTRA_BUILD_FLAGS";
};

// Whether a run wants the kernel as users run it: by the fallback tactic, which an untuned engine trusts, of
// a family that this device may choose. The tuner compares any other tactic with the reference before it
// counts.
bool isTrustedUntested(const KernelFamily& family, const OpView& view, const Tactic& tactic,
                       const DeviceCaps& caps) {
  return test::madeFor(family, view, caps) && tactic == family.fallback(family.problem(view), caps);
}

// What is wrong with a run of a sample, empty where nothing is.
std::string wrongWith(const Device& device, const KernelFamily& family, const SampleCase& c,
                      const Tactic& tactic) try {
  std::optional<Unoptimised> unoptimised;
  if (!test::wantAll() && !isTrustedUntested(family, c.view, tactic, device.int8Caps()))
    unoptimised.emplace();
  return runCase(device, family, c, tactic);
} catch (const Error& e) {
  return e.what();
}

TEST_P(Family, AgreesWithTheReference) {
  const KernelFamily& family = *GetParam();
  const char* only = std::getenv("TESSERA_TEST_SAMPLE");
  const auto instances = test::instancesFor(family);
  for (const Device& device : test::devices()) {
    const DeviceCaps caps = device.int8Caps();  // vendor bodies included
    int ran = 0, filled = -1;
    SampleCase c;
    for (const auto& [sample, view, tactic] : test::runsOf(family, instances, caps)) {
      if (only && std::atoi(only) != sample) continue;
      if (filled != sample) {
        c.inputs = test::fillInputs(instances[sample], static_cast<unsigned>(sample));
        c.expected = test::referenceOutputs(instances[sample].view, c.inputs);
        filled = sample;
      }
      c.view = view;
      ++ran;
      const std::string wrong = wrongWith(device, family, c, tactic);
      if (wrong.empty()) continue;
      ADD_FAILURE() << family.id().text() << " on " << device.caps().name << "\n  " << view.text()
                    << "\n  tactic '" << tactic.text() << "'\n  " << wrong
                    << "\n  again: TESSERA_TEST_DEVICE='" << device.caps().name
                    << "' TESSERA_TEST_SAMPLE=" << sample << " bin/test_kernels --gtest_filter='*/"
                    << family.id().name << "'";
    }
    if (!only && test::servesDevice(family, caps)) {
      EXPECT_GT(ran, 0) << family.id().text() << " ran no sample on " << device.caps().name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Family, testing::ValuesIn(allFamilies()),
                         [](const auto& param) { return std::string(param.param->id().name); });

}  // namespace
}  // namespace tessera
