#include "tune/records/record.hpp"

#include <charconv>

#include "base/hex.hpp"
#include "tessera/error.hpp"
#include "tune/records/lines.hpp"

namespace tessera {
namespace {

constexpr std::string_view kFormat = "tessera-tuning-2";
constexpr std::string_view kOlderFormat = "tessera-tactic-";
constexpr std::string_view kTactic = "tactic";  // kind of a TacticRecord

template <class T>
bool parseNumber(std::string_view text, T& value) {
  const char* end = text.data() + text.size();
  if constexpr (std::is_floating_point_v<T>)
    return !text.empty() && std::from_chars(text.data(), end, value).ptr == end;
  else
    return !text.empty() && std::from_chars(text.data(), end, value, 16).ptr == end;
}

std::string bodyOf(const TacticRecord& r) {
  return std::string(kTactic) + "\t" + r.family + "\t" + hexText(r.source) + "\t" + asField(r.problem) +
         "\t" + asField(r.device) + "\t" + r.tactic + "\t" + exactText(r.milliseconds) + "\t" +
         (r.bad ? "bad" : "good") + "\t" + asField(r.reason);
}

std::string bodyOf(const Note& n) {
  return n.kind + "\t" + asField(n.subject) + "\t" + hexText(n.source) + "\t" + asField(n.device) + "\t" +
         asField(n.text);
}

// The word that `text` begins with, which is taken off with the blank behind it.
std::string_view takeWord(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::optional<TuneMode> takeMode(std::string_view& text) {
  const std::string_view word = takeWord(text);
  for (const TuneMode mode : {TuneMode::Fast, TuneMode::Full})
    if (word == toString(mode)) return mode;
  return std::nullopt;
}

}  // namespace

std::string lineOf(const Record& record) {
  const std::string body = std::visit([](const auto& r) { return bodyOf(r); }, record);
  return std::string(kFormat) + "\t" + hexText(textHash(body)) + "\t" + body;
}

std::optional<Record> parseRecord(std::string_view line) {
  const auto fields = fieldsOf(line);
  if (fields.size() < 7 || fields[0] != kFormat) return std::nullopt;
  const std::string_view body = line.substr(fields[0].size() + fields[1].size() + 2);
  std::uint64_t sum = 0;
  if (!parseNumber(fields[1], sum) || sum != textHash(body)) return std::nullopt;
  if (fields[2] != kTactic) {
    Note note{std::string(fields[2]), std::string(fields[3]), 0, std::string(fields[5]),
              std::string(fields[6])};
    if (fields.size() != 7 || !parseNumber(fields[4], note.source)) return std::nullopt;
    return note;
  }
  if (fields.size() != 11) return std::nullopt;
  TacticRecord record{std::string(fields[3]), 0, std::string(fields[5]), std::string(fields[6]),
                      std::string(fields[7])};
  record.bad = fields[9] == "bad";
  record.reason = fields[10];
  if (!parseNumber(fields[4], record.source) || !parseNumber(fields[8], record.milliseconds))
    return std::nullopt;
  return record;
}

bool isOlderFormat(std::string_view line) { return line.starts_with(kOlderFormat); }

const std::string& deviceOf(const Record& record) {
  return std::visit([](const auto& r) -> const std::string& { return r.device; }, record);
}

std::string nameOf(const Record& record) {
  const auto text = [](const auto& r) {
    if constexpr (std::is_same_v<std::decay_t<decltype(r)>, TacticRecord>)
      return r.family + "\t" + hexText(r.source) + "\t" + r.problem + "\t" + r.tactic;
    else
      return r.kind + "\t" + hexText(r.source) + "\t" + r.subject;
  };
  return hexText(textHash(std::visit(text, record)));
}

std::string SearchNote::text() const {
  std::string out =
      std::string(toString(mode)) + " " + exactText(budget) + " " + (found ? "found" : "nothing");
  for (const std::string& name : relies) out += " " + name;
  return out;
}

std::optional<SearchNote> SearchNote::parse(std::string_view text) {
  const auto mode = takeMode(text);
  SearchNote note;
  if (!mode || !parseNumber(takeWord(text), note.budget) || !(note.budget >= 0)) return std::nullopt;
  note.mode = *mode;
  const std::string_view found = takeWord(text);
  if (found != "found" && found != "nothing") return std::nullopt;
  note.found = found == "found";
  while (!text.empty()) note.relies.emplace_back(takeWord(text));
  return note;
}

std::string RecipeNote::text() const {
  return std::string(toString(mode)) + " " + exactText(milliseconds) + " " + hexText(sources) + " " +
         recipe.text();
}

std::optional<RecipeNote> RecipeNote::parse(std::string_view text) {
  const auto mode = takeMode(text);
  RecipeNote note;
  if (!mode || !parseNumber(takeWord(text), note.milliseconds) || !parseNumber(takeWord(text), note.sources))
    return std::nullopt;
  note.mode = *mode;
  try {
    note.recipe = Recipe::parse(text);
  } catch (const Error&) {
    return std::nullopt;
  }
  return note;
}

std::optional<PrecisionNote> PrecisionNote::parse(std::string_view text) {
  const std::string_view name = takeWord(text);
  auto decision = PrecisionDecision::parse(name, text);
  if (!decision) return std::nullopt;
  return PrecisionNote{*std::move(decision)};
}

}  // namespace tessera
