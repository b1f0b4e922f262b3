/// \file
/// What a tuning worker and the process that started it say to each other: lines, fields separated by tabs.
///
/// To the worker: a request and its number n of candidates, then n times family, problem, tactic.
/// | request | fields after n | answer |
/// | --- | --- | --- |
/// | `run` | best, check all | n times `good`, `slow` or `wrong`, milliseconds, checked, reason |
/// | `plugin`, `library` | a plugin (trial/worker_plugins.hpp); n is 0 | |
/// | `limits` | WorkerOptions::renewAt, memory; n is 0 | |
/// | `compile` | | `compiled` |
/// | `save` | folder | `saved` |
/// Or `kernel` and the fields of a KernelWork, without n: `compiled`.
/// From it: `ready` once; `begin`, i whenever candidate i is tried; `full` before an answer after which it
/// should be replaced; the answers.
#pragma once

namespace tessera {

inline constexpr const char* kWorkerDevice =
    "TESSERA_TUNE_WORKER_DEVICE";  ///< variable with the device's fingerprint
inline constexpr const char* kOutcomes[] = {"good", "slow", "wrong"};  ///< by Trial::Outcome

}  // namespace tessera
