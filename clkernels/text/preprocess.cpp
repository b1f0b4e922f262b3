// The preprocessor of C: macros by the algorithm of Prosser (hide sets), conditions, pragmas kept.
#include "clkernels/text/preprocess.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "clkernels/text/condition.hpp"
#include "tessera/error.hpp"

namespace tessera {
namespace {

struct Macro {
  bool function = false, variadic = false;
  std::vector<std::string> parameters;
  CTokens body;
};
using Macros = std::unordered_map<std::string, Macro>;

using MacroSet = std::set<const Macro*>;
// The macros that a token came out of, shared by the tokens of one substitution; none: null.
using Hidden = std::shared_ptr<const MacroSet>;

struct Item {
  CToken token;
  Hidden hidden;
  bool hides(const Macro& macro) const { return hidden && hidden->count(&macro) > 0; }
};
using Items = std::vector<Item>;

[[noreturn]] void fails(const std::string& why) { throw Error(ErrorCode::Internal, "kernel source: " + why); }

std::string spelled(const Items& items) {
  std::string text;
  for (const Item& i : items) text += (text.empty() ? "" : " ") + i.token.text;
  return text;
}

class Expansion {
 public:
  explicit Expansion(const Macros& macros) : macros_(macros) {}

  Items expand(Items input) const {
    std::reverse(input.begin(), input.end());  // a stack: what comes next is at its end
    Items out;
    while (!input.empty()) {
      Item item = std::move(input.back());
      input.pop_back();
      const auto found =
          item.token.kind == CToken::Kind::Name ? macros_.find(item.token.text) : macros_.end();
      if (found == macros_.end() || item.hides(found->second)) {
        out.push_back(std::move(item));
      } else if (const Macro& macro = found->second; !macro.function) {
        push(input, substituted(macro, {}), hiding(item.hidden, item.hidden, macro));
      } else if (input.empty() || !input.back().token.is("(")) {
        out.push_back(std::move(item));
      } else {
        Hidden close;
        const auto arguments = takeArguments(input, macro, found->first, close);
        push(input, substituted(macro, arguments), hiding(item.hidden, close, macro));
      }
    }
    return out;
  }

 private:
  // What tokens of a macro hide: what its name and its closing parenthesis both do (of a macro without
  // arguments the name alone, given twice), and the macro.
  static Hidden hiding(const Hidden& name, const Hidden& close, const Macro& macro) {
    MacroSet all{&macro};
    if (name && close) std::ranges::set_intersection(*name, *close, std::inserter(all, all.end()));
    return std::make_shared<const MacroSet>(std::move(all));
  }

  // Tokens of one argument share their sets, so unions are made once for each of these.
  static void push(Items& stack, Items items, const Hidden& hidden) {
    std::map<Hidden, Hidden> unions{{nullptr, hidden}};
    for (auto it = items.rbegin(); it != items.rend(); ++it) {
      Hidden& both = unions[it->hidden];
      if (!both) {
        MacroSet all = *hidden;
        all.insert(it->hidden->begin(), it->hidden->end());
        both = std::make_shared<const MacroSet>(std::move(all));
      }
      it->hidden = both;
      stack.push_back(std::move(*it));
    }
  }

  static std::vector<Items> takeArguments(Items& input, const Macro& macro, const std::string& name,
                                          Hidden& close) {
    input.pop_back();  // (
    std::vector<Items> arguments(1);
    for (int depth = 1;;) {
      if (input.empty()) fails("the arguments of " + name + " do not end");
      Item item = std::move(input.back());
      input.pop_back();
      depth += item.token.is("(") ? 1 : item.token.is(")") ? -1 : 0;
      if (depth == 0) {
        close = item.hidden;
        break;
      }
      const bool last = macro.variadic && arguments.size() == macro.parameters.size();
      if (depth == 1 && item.token.is(",") && !last)
        arguments.emplace_back();
      else
        arguments.back().push_back(std::move(item));
    }
    if (macro.parameters.empty() && arguments.size() == 1 && arguments[0].empty()) arguments.clear();
    if (arguments.size() + 1 == macro.parameters.size() && macro.variadic) arguments.emplace_back();
    if (arguments.size() != macro.parameters.size())
      fails(name + " takes " + std::to_string(macro.parameters.size()) + " arguments, not " +
            std::to_string(arguments.size()));
    return arguments;
  }

  // The macro's body with arguments in place: expanded, but for those beside # and ##.
  Items substituted(const Macro& macro, const std::vector<Items>& arguments) const {
    const auto parameter = [&](const CToken& t) -> const Items* {
      const auto it = std::find(macro.parameters.begin(), macro.parameters.end(), t.text);
      return t.kind == CToken::Kind::Name && it != macro.parameters.end()
                 ? &arguments[static_cast<std::size_t>(it - macro.parameters.begin())]
                 : nullptr;
    };
    Items out;
    const CTokens& body = macro.body;
    for (std::size_t i = 0; i < body.size(); ++i) {
      const bool pasteNext = i + 1 < body.size() && body[i + 1].is("##");
      if (macro.function && body[i].is("#") && i + 1 < body.size() && parameter(body[i + 1])) {
        out.push_back({{CToken::Kind::Text, "\"" + spelled(*parameter(body[++i])) + "\""}, {}});
      } else if (body[i].is("##") && i + 1 < body.size()) {
        const Items* argument = parameter(body[++i]);
        paste(out, argument ? *argument : Items{{body[i], {}}});
      } else if (const Items* argument = parameter(body[i])) {
        const Items all = pasteNext ? *argument : expand(*argument);
        out.insert(out.end(), all.begin(), all.end());
        // Nothing on the left of ##: the right side stands alone.
        if (pasteNext && all.empty() && i + 2 < body.size()) {
          const Items* right = parameter(body[i += 2]);
          const Items alone = right ? *right : Items{{body[i], {}}};
          out.insert(out.end(), alone.begin(), alone.end());
        }
      } else {
        out.push_back({body[i], {}});
      }
    }
    return out;
  }

  static void paste(Items& out, const Items& right) {
    if (right.empty()) return;
    if (out.empty()) fails("## has nothing on its left");
    const CTokens one = tokensOf(out.back().token.text + right.front().token.text);
    if (one.size() != 1)
      fails("## makes no token of " + out.back().token.text + " and " + right.front().token.text);
    out.back() = {one[0], {}};
    out.insert(out.end(), right.begin() + 1, right.end());
  }

  const Macros& macros_;
};

class TextPreprocessor {
 public:
  void define(const CTokens& tokens, bool adjacent) {
    if (tokens.empty() || tokens[0].kind != CToken::Kind::Name) fails("#define without a name");
    Macro macro;
    std::size_t at = 1;
    if (adjacent && at < tokens.size() && tokens[at].is("(")) {
      macro.function = true;
      for (++at; at < tokens.size() && !tokens[at].is(")"); ++at) {
        if (tokens[at].is(",")) continue;
        macro.variadic |= tokens[at].is("...");
        macro.parameters.push_back(tokens[at].is("...") ? "__VA_ARGS__" : tokens[at].text);
      }
      ++at;
    }
    macro.body.assign(tokens.begin() + static_cast<std::ptrdiff_t>(std::min(at, tokens.size())),
                      tokens.end());
    macros_[tokens[0].text] = std::move(macro);
  }

  CTokens run(std::string_view source) {
    for (const std::string& line : linesOf(source)) {
      const auto first = line.find_first_not_of(" \t");
      if (first != std::string::npos && line[first] == '#')
        directive(std::string_view(line).substr(first + 1));
      else if (active())
        for (CToken& t : tokensOf(line)) pending_.push_back({std::move(t), {}});
    }
    if (!branches_.empty()) fails("an #if does not end");
    flush();
    return std::move(out_);
  }

 private:
  struct Branch {
    bool outer, taken, active;
  };

  // Behind the quote that ends a text, or at the end of its line.
  static std::size_t endOfText(std::string_view source, std::size_t begin) {
    std::size_t i = begin + 1;
    while (i < source.size() && source[i] != '"' && source[i] != '\n')
      i += source[i] == '\\' && i + 1 < source.size() ? 2 : 1;
    return i < source.size() && source[i] == '"' ? i + 1 : std::min(i, source.size());
  }

  // Lines with their continuations, comments left out.
  static std::vector<std::string> linesOf(std::string_view source) {
    std::vector<std::string> lines(1);
    for (std::size_t i = 0; i < source.size(); ++i) {
      if (source[i] == '\\' && i + 1 < source.size() && source[i + 1] == '\n') {
        ++i;
        lines.back() += ' ';
      } else if (source[i] == '/' && source.substr(i, 2) == "//") {
        i = std::min(source.find('\n', i), source.size()) - 1;
      } else if (source[i] == '/' && source.substr(i, 2) == "/*") {
        i = std::min(source.find("*/", i + 2), source.size() - 2) + 1;
        lines.back() += ' ';
      } else if (source[i] == '\n') {
        lines.emplace_back();
      } else if (source[i] == '"') {  // what looks like a comment is text there
        const std::size_t end = endOfText(source, i);
        lines.back() += source.substr(i, end - i);
        i = end - 1;
      } else {
        lines.back() += source[i];
      }
    }
    return lines;
  }

  bool active() const { return branches_.empty() || branches_.back().active; }

  void flush() {
    for (Item& item : Expansion(macros_).expand(std::move(pending_))) out_.push_back(std::move(item.token));
    pending_.clear();
  }

  bool holds(const CTokens& condition) const {
    Items items;
    for (std::size_t i = 0; i < condition.size(); ++i) {
      if (!condition[i].is("defined")) {
        items.push_back({condition[i], {}});
        continue;
      }
      const bool closed = i + 1 < condition.size() && condition[i + 1].is("(");
      const std::size_t name = i + (closed ? 2 : 1);
      if (name >= condition.size()) fails("defined without a name");
      items.push_back({{CToken::Kind::Number, macros_.count(condition[name].text) ? "1" : "0"}, {}});
      i = name + (closed ? 1 : 0);
    }
    CTokens expanded;
    for (Item& item : Expansion(macros_).expand(std::move(items))) expanded.push_back(std::move(item.token));
    return valueOfCondition(expanded) != 0;
  }

  void directive(std::string_view line) {
    CTokens tokens = tokensOf(line);
    if (tokens.empty()) return;
    const std::string what = tokens[0].text;
    tokens.erase(tokens.begin());
    if (condition(what, tokens) || !active()) return;
    flush();
    if (what == "define") {
      const auto name =
          tokens.empty() ? std::string_view::npos : line.find(tokens[0].text, line.find("define") + 6);
      const auto after = name == std::string_view::npos ? name : name + tokens[0].text.size();
      define(tokens, after < line.size() && line[after] == '(');
    } else if (what == "undef") {
      if (!tokens.empty()) macros_.erase(tokens[0].text);
    } else if (what == "pragma") {
      out_.push_back({CToken::Kind::Pragma, "#" + std::string(line)});
    } else {
      fails("#" + std::string(line) + " is reached");
    }
  }

  bool condition(const std::string& what, const CTokens& tokens) {
    if (what == "if" || what == "ifdef" || what == "ifndef") {
      const bool outer = active();
      bool yes = false;
      if (outer && what == "if") yes = holds(tokens);
      if (outer && what != "if") yes = (macros_.count(tokens.at(0).text) > 0) == (what == "ifdef");
      branches_.push_back({outer, yes, outer && yes});
    } else if (what == "elif" || what == "else") {
      if (branches_.empty()) fails("#" + what + " without #if");
      Branch& b = branches_.back();
      b.active = b.outer && !b.taken && (what == "else" || holds(tokens));
      b.taken |= b.active;
    } else if (what == "endif") {
      if (branches_.empty()) fails("#endif without #if");
      branches_.pop_back();
    } else {
      return false;
    }
    return true;
  }

  Macros macros_;
  std::vector<Branch> branches_;
  Items pending_;  // not expanded yet: arguments of a macro may go over several lines
  CTokens out_;
};

}  // namespace

CTokens preprocess(std::string_view source, const std::vector<std::pair<std::string, std::string>>& defines) {
  TextPreprocessor preprocessor;
  for (const auto& [name, value] : defines) {
    // As -D takes it: NAME(parameters)=body is a function.
    const CTokens tokens = tokensOf(name + " " + (value.empty() ? "1" : value));
    preprocessor.define(tokens, name.find('(') != std::string::npos);
  }
  return preprocessor.run(source);
}

}  // namespace tessera
