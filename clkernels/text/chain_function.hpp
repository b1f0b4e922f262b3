/// \file
/// Kernels as functions, which a work-group that stays on its unit runs over any of their groups.
#pragma once

#include <string>

#include "clkernels/family.hpp"

namespace tessera {

/// A kernel as functions of a program of many:
///   static void NAME(const int chain0, .. chain3, __local char* chainLocal, <the kernel's arguments>)
/// (CHAIN_ITEM instead of static by items, CHAIN_STEP otherwise: macros of the program.)
/// By items, chain0..2 are an item's global id; else they are the id of its group, and chain3 the item's
/// place among the `call.local` items of that.
struct ChainFunction {
  std::string text;                    ///< with all it calls; file-level names begin with NAME
  bool byItems = true;                 ///< asks for nothing but its global id
  std::size_t items = 1;               ///< of a group
  bool barriers = false;               ///< its items wait for each other, in the function `barrier`
  bool local = false;                  ///< uses local memory, from chainLocal on:
  std::string localBytes;              ///< so much is declared in it, as an expression for behind `text`,
  std::size_t localArgumentBytes = 0;  ///< and so much the call's arguments want besides
};

/// What a call's arguments want of local memory; the arrays of a kernel's own lie behind them. Calls of one
/// function differ in it.
std::size_t localArgumentBytes(const KernelCall& call);

/// `compiler`: macros that the device's compiler defines and sources ask for. Throws Error(Unsupported) that
/// says why the kernel can not be such a function.
ChainFunction chainFunction(const KernelCall& call, const std::string& name, const std::string& barrier,
                            const Defines& compiler = {});

}  // namespace tessera
