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

/// Whether TESSERA_TEST_TACTICS=all asks for every tactic, layout and half twin: nightly, since each
/// compiles.
bool wantAll();

/// Whether the device may choose the family: those made for GPUs compile for long on CPUs, which never do.
bool madeFor(const KernelFamily& family, const OpView& view, const DeviceCaps& caps);

/// Of layoutCases() all; where the family is not for this device every second one, and every third of what
/// has halves, by turns of `index`, unless wantAll().
std::vector<SampleCase> casesToTry(const KernelFamily& family, const OpInstance& instance,
                                   const DeviceCaps& caps, int index);

/// The fallback and, by turns, a corner of the space or a random member (none where `turn` is negative; every
/// third turn where the family is not for this device, and with halves); all of them if wantAll().
std::vector<Tactic> tacticsToTry(const KernelFamily& family, const OpView& view, const DeviceCaps& caps,
                                 int turn);

/// False for families that no sample reaches on such a device (GPU-only bodies on a CPU).
bool servesDevice(const KernelFamily& family, const DeviceCaps& caps);

}  // namespace tessera::test
