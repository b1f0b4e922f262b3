/// \file
/// OpenCL text of pointwise chains.
#pragma once

#include <string>

#include "clkernels/pointwise/pointwise_job.hpp"

namespace tessera {

/// OpenCL name of a compute type, as a vector of `width` where width > 1.
std::string computeName(ComputeType type, int width = 1);

/// Function `name` of (x0, x1, ...) in vectors of `width`, with the table's rows it calls.
std::string chainFunction(const PointwiseJob& job, const std::string& name, int width);

/// Expression (of common/operand.cl where it has one) that reads `width` elements from element `index` of
/// `pointer` on, converted to the compute type. `aligned`: the elements lie at a multiple of the vector's
/// size.
std::string loadText(DataType type, ComputeType compute, int width, bool aligned, const std::string& pointer,
                     const std::string& index);

/// Codes: parameters and arguments for operand k's scale and for the result's rate, with their zero points
/// where the job has some; nothing where operand or result are no codes.
std::string declareScale(const PointwiseJob& job, std::size_t k);
void addScaleArgs(const PointwiseJob& job, std::size_t k, std::vector<KernelArg>& args);
std::string declareRate(const PointwiseJob& job);
void addRateArgs(const PointwiseJob& job, std::vector<KernelArg>& args);
/// The rate's parameters as they are passed on.
std::string rateNames(const PointwiseJob& job);
/// `value`, an element of operand k, as the chain takes it.
std::string decodedText(const PointwiseJob& job, std::size_t k, const std::string& value);

/// Functions storeScalar(value, y, i) and, for width > 1, storeVector: they convert to y's type. `inRange`:
/// values are whole numbers that y's type holds.
std::string storeFunctions(DataType type, ComputeType compute, int width, bool aligned, bool inRange);

}  // namespace tessera
