// Comparing tensors.
#include "tests/support/compare.hpp"

#include <cmath>
#include <sstream>

namespace tessera::test {

std::string compare(const HostTensor& actual, const HostTensor& expected, Tolerance tolerance) {
  std::ostringstream out;
  if (actual.type != expected.type || actual.shape != expected.shape) {
    out << "got " << toString(actual.type) << ":" << toString(actual.shape) << ", expected "
        << toString(expected.type) << ":" << toString(expected.shape);
    return out.str();
  }
  double worst = 0;
  std::int64_t at = -1, count = 0;
  for (std::int64_t i = 0; i < actual.size(); ++i) {
    const double a = actual.number(i), e = expected.number(i);
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    const double excess = std::abs(a - e) - (tolerance.absolute + tolerance.relative * std::abs(e));
    if (excess <= 0) continue;
    ++count;
    if (at < 0 || !(excess <= worst)) worst = excess, at = i;
  }
  if (at < 0) return {};
  out << count << " of " << actual.size() << " elements differ; worst at " << at << ": got "
      << actual.number(at) << ", expected " << expected.number(at);
  return out.str();
}

}  // namespace tessera::test
