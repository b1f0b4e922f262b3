/// \file
/// Concrete cases from operators' and families' samples: filled inputs, layouts, expected outputs, tactics.
#pragma once

#include <vector>

#include "clkernels/family.hpp"

namespace tessera::test {

/// A sample in one layout, with planar inputs and the reference's outputs.
struct SampleCase {
  OpView view;
  std::vector<HostTensor> inputs, expected;
  std::vector<bool> constants() const;
};

/// Random inputs by the instance's fills; equal seeds give equal values.
std::vector<HostTensor> fillInputs(const OpInstance& instance, unsigned seed);

/// The reference's outputs.
std::vector<HostTensor> referenceOutputs(const OpView& view, const std::vector<HostTensor>& inputs);

/// Every operator sample the family serves, then its own samples; then the same in half precision, where they
/// have floats that may be half.
std::vector<OpInstance> instancesFor(const KernelFamily& family);

/// The instance in each layout the family accepts: its block choices, dense and as slices of a larger buffer.
std::vector<SampleCase> layoutCases(const KernelFamily& family, const OpInstance& instance,
                                    const DeviceCaps& caps, unsigned seed);

/// Whether TESSERA_TEST_TACTICS=all asks for every tactic, layout and half twin.
bool wantAll();

/// Whether the device may choose the family; those made for GPUs compile for long on CPUs, which never do.
bool madeFor(const KernelFamily& family, const OpView& view, const DeviceCaps& caps);

/// One run of a family's test: a sample, by its place in instancesFor(), in a layout and with a tactic.
struct SampleRun {
  int sample;
  OpView view;
  Tactic tactic;
};

/// The runs of a family's test. Compiling takes most of their time, so they are chosen by their programs:
/// 1. Every sample runs in the layout the family prefers, with the fallback tactic. Of samples that differ
///    only in the activation, a family runs the first and every fourth other one, by turns, so that the
///    operator's families run all of them; of samples in half precision every fourth, and those that the
///    next rule wants.
/// 2. A sample's other layouts, dense and as slices, run where an earlier run has compiled their programs,
///    or where they bring a layout or the value of a define that no earlier run had.
/// 3. Every value of every tunable is tried with two samples: one of them in half precision, where the family
///    takes it; by families made for other devices with one.
/// With TESSERA_TEST_TACTICS=all every sample runs in every layout, with the fallback, both corners of the
/// space and two random members.
std::vector<SampleRun> runsOf(const KernelFamily& family, const std::vector<OpInstance>& instances,
                              const DeviceCaps& caps);

/// False for families that no sample reaches on such a device (GPU-only bodies on a CPU).
bool servesDevice(const KernelFamily& family, const DeviceCaps& caps);

}  // namespace tessera::test
