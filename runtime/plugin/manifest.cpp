// JSON, entry by entry: what is not asked for is an error.
#include "plugin/manifest.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::size_t kMostEntries = 64;

// An object whose entries are taken one by one.
class Entries {
 public:
  Entries(const Json& json, std::string what) : json_(json), what_(std::move(what)) {
    if (!json.is_object()) refuse(what_ + " is no object");
  }
  // Calls `refuse` for entries nobody asked for.
  void end() const {
    for (const auto& [key, value] : json_.items())
      if (!asked_.count(key))
        refuse(what_ + " has an entry '" + key + "', which is not known; known are " + known());
  }
  const Json* find(const std::string& key) {
    asked_.insert(key);
    const auto it = json_.find(key);
    return it == json_.end() ? nullptr : &*it;
  }
  const Json& at(const std::string& key) {
    const Json* value = find(key);
    if (!value) refuse(what_ + " has no '" + key + "'");
    return *value;
  }
  std::string text(const std::string& key) { return textOf(at(key), key); }
  std::string text(const std::string& key, const std::string& fallback) {
    const Json* value = find(key);
    return value ? textOf(*value, key) : fallback;
  }
  double number(const std::string& key, double fallback) {
    const Json* value = find(key);
    return value ? numberOf(*value, key) : fallback;
  }
  bool flag(const std::string& key) {
    const Json* value = find(key);
    if (value && !value->is_boolean()) refuse(where(key) + " is neither true nor false");
    return value && value->get<bool>();
  }
  // Calls visit(item, name) for each of a list that may be missing.
  template <class Visit>
  void each(const std::string& key, Visit&& visit) {
    const Json* list = find(key);
    if (!list) return;
    if (!list->is_array()) refuse(where(key) + " is no list");
    if (list->size() > kMostEntries)
      refuse(where(key) + " has more than " + std::to_string(kMostEntries) + " entries");
    for (std::size_t i = 0; i < list->size(); ++i)
      visit((*list)[i], where(key) + "[" + std::to_string(i) + "]");
  }
  std::vector<std::string> texts(const std::string& key) {
    std::vector<std::string> list;
    each(key, [&](const Json& item, const std::string& name) {
      if (item.is_number_integer())
        list.push_back(std::to_string(item.get<std::int64_t>()));
      else if (item.is_string())
        list.push_back(item.get<std::string>());
      else
        refuse(name + " is no text");
    });
    return list;
  }
  std::string where(const std::string& key) const { return what_ + ": '" + key + "'"; }

 private:
  std::string textOf(const Json& value, const std::string& key) const {
    if (!value.is_string()) refuse(where(key) + " is no text");
    return value.get<std::string>();
  }
  double numberOf(const Json& value, const std::string& key) const {
    if (!value.is_number()) refuse(where(key) + " is no number");
    return value.get<double>();
  }
  std::string known() const {
    std::string list;
    for (const std::string& key : asked_) list += (list.empty() ? "" : ", ") + key;
    return list;
  }

  const Json& json_;
  std::string what_;
  std::set<std::string> asked_;
};

DataType typeOf(const std::string& text, const std::string& what) {
  try {
    const DataType type = parseDataType(text);
    if (type != DataType::None && type != DataType::Float16) return type;
  } catch (const Error&) {
  }
  refuse(what + ": there is no type '" + text + "'; known are f32, i8, u8, i32, i64, bool");
}

PluginInput inputOf(const Json& json, const std::string& what) {
  Entries entries(json, what);
  PluginInput input;
  input.name = entries.text("name");
  input.type = typeOf(entries.text("type", "f32"), what);
  input.optional = entries.flag("optional");
  std::vector<double> range;
  entries.each("range", [&](const Json& bound, const std::string& name) {
    if (!bound.is_number()) refuse(name + " is no number");
    range.push_back(bound.get<double>());
  });
  if (!range.empty() && range.size() != 2) refuse(what + ": 'range' has two numbers");
  if (!range.empty()) input.low = range[0], input.high = range[1];
  entries.end();
  return input;
}

template <class T>
std::vector<T> numbersOf(const Json& json, const std::string& what) {
  std::vector<T> values;
  if (!json.is_array()) refuse(what + ": 'default' is no list");
  for (const Json& item : json) {
    if (std::is_integral_v<T> ? !item.is_number_integer() : !item.is_number())
      refuse(what + ": 'default' holds something else than numbers of its type");
    values.push_back(item.get<T>());
  }
  return values;
}

AttributeValue valueOf(const std::string& type, const Json* json, const std::string& what) {
  const bool given = json != nullptr;
  if (type == "int") {
    if (given && !json->is_number_integer()) refuse(what + ": 'default' is no whole number");
    return given ? json->get<std::int64_t>() : std::int64_t{0};
  }
  if (type == "float") {
    if (given && !json->is_number()) refuse(what + ": 'default' is no number");
    return given ? json->get<double>() : 0.0;
  }
  if (type == "text") {
    if (given && !json->is_string()) refuse(what + ": 'default' is no text");
    return given ? json->get<std::string>() : std::string();
  }
  if (type == "ints") return given ? numbersOf<std::int64_t>(*json, what) : std::vector<std::int64_t>();
  if (type == "floats") return given ? numbersOf<double>(*json, what) : std::vector<double>();
  refuse(what + ": there is no type '" + type + "'; known are int, float, text, ints, floats");
}

PluginAttribute attributeOf(const Json& json, const std::string& what) {
  Entries entries(json, what);
  PluginAttribute attribute;
  attribute.name = entries.text("name");
  const std::string type = entries.text("type");
  const Json* fallback = entries.find("default");
  attribute.fallback = valueOf(type, fallback, what);
  attribute.required = !fallback;
  attribute.choices = entries.texts("values");
  if (type == "text" && attribute.choices.empty()) refuse(what + ": text needs 'values', what it may be");
  if (type != "text" && !attribute.choices.empty()) refuse(what + ": only text has 'values'");
  if (fallback && type == "text" &&
      std::ranges::find(attribute.choices, fallback->get<std::string>()) == attribute.choices.end())
    refuse(what + ": 'default' is none of its 'values'");
  entries.end();
  return attribute;
}

ManifestOutput outputOf(const Json& json, const std::string& what) {
  Entries entries(json, what);
  ManifestOutput output;
  output.name = entries.text("name");
  output.type = typeOf(entries.text("type", "f32"), what);
  const Json& shape = entries.at("shape");
  if (shape.is_string())
    output.shapeOf = shape.get<std::string>();
  else
    output.shape = entries.texts("shape");
  output.reference = entries.text("reference");
  entries.end();
  return output;
}

PluginTunable tunableOf(const Json& json, const std::string& what) {
  Entries entries(json, what);
  PluginTunable tunable;
  tunable.name = entries.text("name");
  const auto wholeOf = [&](const Json& item, const std::string& name) {
    if (!item.is_number_integer() || std::abs(item.get<double>()) > 1e9)
      refuse(name + " is no whole number of an int");
    return item.get<int>();
  };
  entries.each("values", [&](const Json& item, const std::string& name) {
    tunable.values.push_back(wholeOf(item, name));
  });
  tunable.fallback = wholeOf(entries.at("default"), entries.where("default"));
  entries.end();
  return tunable;
}

ManifestCondition conditionOf(const Json& json, const std::string& what) {
  Entries entries(json, what);
  ManifestCondition condition{entries.text("holds"), entries.text("reason")};
  entries.end();
  return condition;
}

// "x", {"int": e}, {"float": e}, {"local": bytes}, {"scratch": 0}
ManifestArgument argumentOf(const Json& json, const std::string& what) {
  using Kind = PluginArgument::Kind;
  if (json.is_string()) return {Kind::Input, json.get<std::string>()};
  if (!json.is_object() || json.size() != 1)
    refuse(what + " is neither an operand's name nor one of int, float, local, scratch");
  const std::string& key = json.begin().key();
  const Json& value = json.begin().value();
  if (key == "scratch" && value.is_number_unsigned() && value.get<std::uint64_t>() < kMostEntries)
    return {Kind::Scratch, {}, value.get<int>()};
  const std::string text = value.is_string()   ? value.get<std::string>()
                           : value.is_number() ? value.dump()
                                               : "";
  if (key == "int" && !text.empty()) return {Kind::Int, text};
  if (key == "float" && !text.empty()) return {Kind::Float, text};
  if (key == "local" && !text.empty()) return {Kind::Local, text};
  refuse(what + " is neither an operand's name nor one of int, float, local, scratch");
}

ManifestCall callOf(const Json& json, const std::string& what) {
  Entries entries(json, what);
  ManifestCall call;
  call.entry = entries.text("entry");
  call.global = entries.texts("global");
  call.local = entries.texts("local");
  entries.each("arguments", [&](const Json& item, const std::string& name) {
    call.arguments.push_back(argumentOf(item, name));
  });
  if (const Json* defines = entries.find("defines")) {
    if (!defines->is_object()) refuse(entries.where("defines") + " is no object");
    for (const auto& [name, value] : defines->items()) {
      // A text is a whole number's expression here, not an operand.
      ManifestArgument argument{PluginArgument::Kind::Int, value.is_string() ? value.get<std::string>() : ""};
      if (!value.is_string()) argument = argumentOf(value, entries.where("defines") + ": '" + name + "'");
      if (argument.kind != PluginArgument::Kind::Int && argument.kind != PluginArgument::Kind::Float)
        refuse(entries.where("defines") + ": '" + name + "' is neither a whole number nor a float");
      call.defines.emplace_back(name, std::move(argument));
    }
  }
  entries.end();
  return call;
}

void readLists(Entries& entries, Manifest& manifest) {
  const auto read = [&](const char* key, auto& list, auto&& parse) {
    entries.each(key, [&](const Json& item, const std::string& name) { list.push_back(parse(item, name)); });
  };
  read("inputs", manifest.inputs, inputOf);
  read("attributes", manifest.attributes, attributeOf);
  read("outputs", manifest.outputs, outputOf);
  read("tunables", manifest.tunables, tunableOf);
  read("conditions", manifest.conditions, conditionOf);
  read("constraints", manifest.constraints, conditionOf);
  read("kernels", manifest.calls, callOf);
  if (manifest.inputs.empty()) refuse("the manifest has no 'inputs'");
  if (manifest.outputs.empty()) refuse("the manifest has no 'outputs'");
  if (manifest.calls.empty()) refuse("the manifest has no 'kernels'");
}

}  // namespace

Manifest parseManifest(std::string_view text) {
  // Deep nesting would take the parser's stack; no manifest has any.
  Json json;
  try {
    const Json::parser_callback_t shallow = [](int depth, Json::parse_event_t, Json&) {
      if (depth > 16) refuse("it is nested too deeply");
      return true;
    };
    json = Json::parse(text.begin(), text.end(), shallow);
  } catch (const Json::exception& e) {
    refuse(std::string("it is no JSON: ") + e.what());
  }
  Entries entries(json, "the manifest");
  const Json& format = entries.at("tessera_plugin");
  if (!format.is_number_integer() || format.get<double>() != kFormat)
    refuse("its format ('tessera_plugin') is " + format.dump() + ", this Tessera reads " +
           std::to_string(kFormat));
  Manifest manifest;
  manifest.name = entries.text("name");
  manifest.version = entries.text("version");
  manifest.description = entries.text("description", "");
  manifest.types = entries.texts("types");
  if (manifest.types.empty()) manifest.types = {manifest.name};
  manifest.source = entries.text("source");
  manifest.scratch = entries.texts("scratch");
  manifest.operations = entries.text("operations", "");
  readLists(entries, manifest);
  if (const Json* tolerance = entries.find("tolerance")) {
    Entries bounds(*tolerance, "'tolerance'");
    manifest.tolerance = {bounds.number("absolute", 0), bounds.number("relative", 0)};
    bounds.end();
    if (!(manifest.tolerance.absolute >= 0 && manifest.tolerance.relative >= 0))
      refuse("'tolerance' is negative");
  }
  entries.end();
  return manifest;
}

}  // namespace tessera
