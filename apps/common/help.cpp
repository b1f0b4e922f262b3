// Help, and what is wrong with a command line.
#include "apps/common/help.hpp"

#include <algorithm>
#include <numeric>
#include <sstream>
#include <utility>
#include <vector>

namespace tessera::app {
namespace {

constexpr std::size_t kNames = 34, kColumns = 100;

// "fp32|fp16|int8" of what the parser calls "TEXT:{fp32,fp16,int8}"; a type without its range.
std::string valueOf(const CLI::Option* option) {
  const std::string type = option->get_type_name();
  const std::size_t colon = type.find(':');
  if (colon != std::string::npos && type.compare(colon, 2, ":{") == 0) {
    std::string choices = type.substr(colon + 2, type.find('}') - colon - 2);
    std::ranges::replace(choices, ',', '|');
    return choices;
  }
  const std::string name = type.substr(0, colon);
  if (name == "INT" || name == "UINT") return "N";
  if (name == "FLOAT") return "X";
  return name;
}

std::string described(const CLI::Option* option) {
  std::string text = option->get_description();
  if (const std::string value = option->get_default_str(); option->get_type_size() != 0 && !value.empty())
    text += " [" + value + "]";
  if (option->get_required()) text += " (required)";
  return text;
}

// `words` from column kNames on, behind `names` where those leave room.
std::string lines(const std::string& names, const std::string& description) {
  std::string out = "  " + names;
  std::string line = out.size() < kNames ? std::string(kNames - out.size(), ' ') : "  ";
  std::size_t used = out.size() + line.size();
  std::istringstream words(description);
  bool first = true;
  for (std::string word; words >> word; first = false) {
    if (used + word.size() + (first ? 0 : 1) > kColumns) {
      out += first ? "\n" : line + "\n";
      line = std::string(kNames, ' ') + word;
      used = line.size();
      continue;
    }
    line += (first ? "" : " ") + word;
    used += word.size() + (first ? 0 : 1);
  }
  return out + line + "\n";
}

class ScreenFormatter final : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool positional) const override {
    std::string names = option->get_name(positional, !positional);
    if (positional && !option->get_lnames().empty()) names += ", --" + option->get_lnames().front();
    if (option->get_type_size() != 0 && !valueOf(option).empty()) names += " " + valueOf(option);
    return lines(names, described(option));
  }
  std::string make_group(std::string group, bool positional,
                         std::vector<const CLI::Option*> options) const override {
    std::string out = group + ":\n";
    for (const CLI::Option* option : options) out += make_option(option, positional);
    return out;
  }
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    return make_description(app) + make_usage(app, std::move(name)) + make_positionals(app) + groups(app) +
           make_subcommands(app, mode);
  }

 private:
  // What is there by its place is not listed once more by its name.
  std::string groups(const CLI::App* app) const {
    std::string out;
    for (const std::string& group : app->get_groups()) {
      const auto options = app->get_options([&](const CLI::Option* option) {
        return option->get_group() == group && option->nonpositional() && !option->get_positional();
      });
      if (!group.empty() && !options.empty()) out += make_group(group, false, options);
    }
    return out;
  }
};

// Single characters that have to be put in, taken away or replaced.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t k = 0; k < b.size(); ++k)
      diagonal = std::exchange(row[k + 1], std::min({row[k] + 1, row[k + 1] + 1, diagonal + (a[i] != b[k])}));
  }
  return row.back();
}

// Of the options that a command has, the one that begins with what was given, else the nearest.
std::string nearest(const CLI::App& app, const std::string& given) {
  std::string found;
  std::size_t least = given.size() / 3 + 1;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) {
      const std::size_t far = ("--" + name).starts_with(given) ? 0 : distance("--" + name, given);
      if (far < least) least = far, found = "--" + name;
    }
  return found;
}

const CLI::App& commandOf(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : commandOf(*parsed.front());
}

std::string pathOf(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return (parent ? pathOf(*parent) + " " : "") + app.get_name();
}

// What the parser could not place, in the order that it was given in.
std::string unexpected(const CLI::App& app, const CLI::App& command) {
  std::vector<std::string> rest = app.remaining(true);
  const auto option = std::ranges::find_if(rest, [](const std::string& r) { return r.starts_with("-"); });
  if (option == rest.end()) return "there is no use for '" + rest.front() + "'";
  const std::string name = option->substr(0, option->find('='));
  const std::string near = name.starts_with("--") ? nearest(command, name) : "";
  return "there is no option " + name + (near.empty() ? "" : "; there is " + near);
}

}  // namespace

std::shared_ptr<CLI::FormatterBase> screenFormatter() { return std::make_shared<ScreenFormatter>(); }

std::string usageMessage(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = commandOf(app);
  const bool unplaced =
      error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) && !app.remaining(true).empty();
  const std::string what = unplaced ? unexpected(app, command) : error.what();
  return pathOf(command) + ": " + what + "\nRun with --help for more information.";
}

}  // namespace tessera::app
