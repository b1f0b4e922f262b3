/// \file
/// Calibrators that are classes of Python.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "tessera/calibrator.hpp"

namespace tessera::python {

/// Calls the methods of a subclass in Python, with the GIL, which whoever calibrates does not hold.
class PythonCalibrator final : public Calibrator {
 public:
  int batchSize() const override;
  bool nextBatch(TensorMap& inputs) override;
  std::string lastBatch() const override;
  int batchCount() const override;
  std::string readCache() override;
  void writeCache(const std::string& text) override;
};

}  // namespace tessera::python
