/// \file
/// Help that fits a screen, and what is wrong with a command line.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

namespace tessera::app {

/// Lines of at most 100 columns: names beside descriptions, choices instead of types, defaults in brackets,
/// no empty lines between groups.
std::shared_ptr<CLI::FormatterBase> screenFormatter();

/// What is wrong, with the command that it is wrong for; of an unknown option also one that is spelled nearly
/// so.
std::string usageMessage(const CLI::App& app, const CLI::ParseError& error);

}  // namespace tessera::app
