// Every family x samples x layouts x tactics against the operator's reference: values within the operator's
// tolerance, canaries intact, padding lanes zero, two runs bitwise equal.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

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

TEST_P(Family, AgreesWithTheReference) {
  const KernelFamily& family = *GetParam();
  const char* only = std::getenv("TESSERA_TEST_SAMPLE");
  for (const Device& device : test::devices()) {
    const DeviceCaps caps = device.int8Caps();  // vendor bodies included
    int ran = 0, index = -1;
    for (const OpInstance& instance : test::instancesFor(family)) {
      ++index;
      if (only && std::atoi(only) != index) continue;
      bool preferred = true;  // the layout that gets more than the fallback
      for (const SampleCase& c : test::casesToTry(family, instance, caps, index)) {
        const auto tactics = test::tacticsToTry(family, c.view, caps, preferred ? index : -1);
        preferred = false;
        for (const Tactic& tactic : tactics) {
          std::string wrong;
          try {
            wrong = runCase(device, family, c, tactic);
          } catch (const Error& e) {
            wrong = e.what();
          }
          ++ran;
          if (wrong.empty()) continue;
          ADD_FAILURE() << family.id().text() << " on " << device.caps().name << "\n  " << c.view.text()
                        << "\n  tactic '" << tactic.text() << "'\n  " << wrong
                        << "\n  again: TESSERA_TEST_DEVICE='" << device.caps().name
                        << "' TESSERA_TEST_SAMPLE=" << index << " bin/test_kernels --gtest_filter='*/"
                        << family.id().name << "'";
        }
      }
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
