/// \file
/// Small helpers that families share: work sizes and type names.
#pragma once

#include "clkernels/family.hpp"

namespace tessera {

inline std::int64_t ceilDiv(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
inline std::int64_t roundUp(std::int64_t a, std::int64_t b) { return ceilDiv(a, b) * b; }

/// Sets a one-dimensional range over `count` items with a work-group that suits the device; kernels test the
/// bound.
void setFlat(KernelCall& call, std::int64_t count, const DeviceCaps& device);

/// Items of a work-group that walk a list together: a power of two that the device allows.
std::size_t groupSize(const DeviceCaps& device);
/// Sets a range of up to three extents whose work-items are groups of their own, as suits CPUs.
void setItems(KernelCall& call, const std::vector<std::int64_t>& extents);
/// Time of `steps` of work in so many work-items: too few of them leave cores idle at the end.
double withIdleCores(double steps, std::int64_t items, const DeviceCaps& device);
/// Appends integers as arguments.
void addInts(std::vector<KernelArg>& args, const std::vector<std::int64_t>& values);

std::string rawType(DataType type);     ///< uchar, ushort, uint or ulong of the same size
std::string clType(DataType type);      ///< float, half, char, uchar, int, long; bool is uchar
std::string floatLiteral(float value);  ///< exact (hexadecimal) OpenCL literal; INFINITY, NAN too

}  // namespace tessera
