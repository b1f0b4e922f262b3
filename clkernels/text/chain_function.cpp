// A kernel's source, preprocessed, with its ids, barriers and local memory given by whoever calls it.
#include "clkernels/text/chain_function.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "clkernels/common/tensor_cores.hpp"
#include "clkernels/embedded.hpp"
#include "clkernels/text/preprocess.hpp"

namespace tessera {
namespace {

using Names = std::set<std::string, std::less<>>;

const Names kGivenIds{"get_global_id", "get_group_id", "get_local_id"};
const Names kIds{"get_global_id",  "get_group_id",   "get_local_id",
                 "get_local_size", "get_num_groups", "get_global_size"};
// What only work-groups as they were launched know.
const Names kOfGroups{"get_group_id",   "get_local_id", "get_local_size",
                      "get_num_groups", "barrier",      "__local"};

[[noreturn]] void refuseCall(const KernelCall& call, const std::string& why) {
  throw Error(ErrorCode::Unsupported, call.source + ":" + call.entry + " " + why);
}

// A declaration of a file: a function, a type, a constant, a pragma.
struct Declaration {
  CTokens tokens;
  std::string name;
  std::size_t nameAt = 0;  // of a function: where its name stands
  bool function = false;
  bool pragma() const { return tokens[0].kind == CToken::Kind::Pragma; }
};

// The index after the parenthesis that closes the one at `open`.
std::size_t afterParentheses(const CTokens& tokens, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    depth += tokens[i].is("(") ? 1 : tokens[i].is(")") ? -1 : 0;
    if (depth == 0) return i + 1;
  }
  return tokens.size();
}

// Without attributes of kernels, which functions do not have.
CTokens withoutKernelAttributes(const CTokens& tokens) {
  CTokens out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].is("__attribute__") && i + 3 < tokens.size() &&
        (tokens[i + 3].is("reqd_work_group_size") || tokens[i + 3].is("work_group_size_hint") ||
         tokens[i + 3].is("vec_type_hint"))) {
      i = afterParentheses(tokens, i + 1) - 1;
      continue;
    }
    if (!tokens[i].is("restrict")) out.push_back(tokens[i]);
  }
  return out;
}

void nameDeclaration(Declaration& d) {
  const CTokens& t = d.tokens;
  if (d.pragma()) return;
  if (t[0].is("typedef")) {
    for (std::size_t i = t.size(); i-- > 0;)
      if (t[i].kind == CToken::Kind::Name) {
        d.name = t[i].text;
        return;
      }
  }
  for (std::size_t i = 0; i + 1 < t.size(); ++i) {
    if (t[i].is("__attribute__")) {
      i = afterParentheses(t, i + 1) - 1;
      continue;
    }
    if (t[i].kind != CToken::Kind::Name || !(t[i + 1].is("(") || t[i + 1].is("[") || t[i + 1].is("=")))
      continue;
    d.name = t[i].text, d.nameAt = i, d.function = t[i + 1].is("(");
    return;
  }
}

std::vector<Declaration> declarationsOf(const CTokens& tokens) {
  std::vector<Declaration> all;
  Declaration now;
  int braces = 0, parentheses = 0;
  bool body = false;
  const auto end = [&] {
    nameDeclaration(now);
    all.push_back(std::move(now));
    now = {};
    body = false;
  };
  for (const CToken& t : tokens) {
    if (t.kind == CToken::Kind::Pragma && now.tokens.empty()) {
      now.tokens.push_back(t);
      end();
      continue;
    }
    if (t.is("{") && braces == 0)
      body = !now.tokens.empty() && now.tokens.back().is(")") && !now.tokens[0].is("typedef");
    braces += t.is("{") ? 1 : t.is("}") ? -1 : 0;
    parentheses += t.is("(") ? 1 : t.is(")") ? -1 : 0;
    now.tokens.push_back(t);
    if (braces > 0 || parentheses > 0) continue;
    if (t.is(";") && now.tokens.size() == 1)
      now = {};
    else if (t.is(";") || (t.is("}") && body))
      end();
  }
  return all;
}

bool mentions(const Declaration& d, const Names& names) {
  return std::any_of(d.tokens.begin(), d.tokens.end(),
                     [&](const CToken& t) { return t.kind == CToken::Kind::Name && names.count(t.text); });
}

class Writer {
 public:
  Writer(const KernelCall& call, const std::string& name, const std::string& barrier, const Defines& compiler)
      : call_(call), prefix_(name + "_"), name_(name), barrier_(barrier) {
    Defines defines = compiler;
    defines.insert(defines.end(), call.defines.begin(), call.defines.end());
    all_ = declarationsOf(
        withoutKernelAttributes(preprocess(call.prologue + kernelSource(call.source), defines)));
    for (const Declaration& d : all_)
      if (!d.name.empty()) declared_.insert(d.name);
    if (!declared_.count(call.entry)) refuseCall(call, "is not in its source");
    reach();
    findWhoAsksForIds();
  }

  ChainFunction write() {
    ChainFunction result;
    for (const Declaration& d : all_) {
      if (!reached_.count(d.name)) continue;
      result.barriers |= mentions(d, {"barrier"});
      result.byItems &= !mentions(d, kOfGroups);
    }
    for (const KernelArg& arg : call_.args)
      if (arg.kind == KernelArg::Kind::Local) result.byItems = false, result.local = true;
    result.localArgumentBytes = localArgumentBytes(call_);
    byItems_ = result.byItems;
    for (const std::size_t extent : call_.local) result.items *= extent;
    if (!byItems_ && call_.local.empty()) refuseCall(call_, "leaves its work-groups to the driver");
    for (const Declaration& d : all_)
      if (d.pragma() || reached_.count(d.name)) result.text += textOf(rewritten(d));
    result.local |= takesLocal_;
    result.localBytes = bytes_;
    return result;
  }

 private:
  // What the entry calls, and what that calls.
  void reach() {
    std::vector<std::string> open{call_.entry};
    while (!open.empty()) {
      const std::string name = open.back();
      open.pop_back();
      if (!reached_.insert(name).second) continue;
      for (const Declaration& d : all_)
        if (d.name == name)
          for (const CToken& t : d.tokens)
            if (t.kind == CToken::Kind::Name && declared_.count(t.text)) open.push_back(t.text);
    }
  }

  void findWhoAsksForIds() {
    for (bool more = true; more;) {
      more = false;
      for (const Declaration& d : all_)
        if (d.function && reached_.count(d.name) && !ask_.count(d.name) &&
            (mentions(d, kGivenIds) || mentions(d, ask_)))
          more = ask_.insert(d.name).second;
    }
    ask_.insert(call_.entry);
  }

  void add(std::string_view text) {
    for (CToken& t : tokensOf(text)) out_.push_back(std::move(t));
  }

  CTokens rewritten(const Declaration& d) {
    out_.clear();
    const CTokens& t = d.tokens;
    for (std::size_t i = 0; i < t.size(); ++i) {
      if (t[i].kind != CToken::Kind::Name) {
        out_.push_back(t[i]);
      } else if (t[i].is("__kernel") || t[i].is("kernel")) {
        add(byItems_ ? "CHAIN_ITEM" : "CHAIN_STEP");
      } else if (kIds.count(t[i].text)) {
        i = writeId(t, i);
      } else if (t[i].is("barrier")) {
        add(barrier_ + "()");
        i = afterParentheses(t, i + 1) - 1;
      } else if (t[i].is("__local") && d.name == call_.entry && i > d.nameAt && declaresLocal(t, i)) {
        i = takeLocal(t, i);
      } else if (declared_.count(t[i].text)) {
        add(t[i].text == call_.entry ? name_ : prefix_ + t[i].text);
        if (ask_.count(t[i].text) && t[i + 1].is("(")) i = passIds(d, i);
      } else {
        out_.push_back(t[i]);
      }
    }
    return std::move(out_);
  }

  // The ids in front of the arguments or parameters of the function named at `i`.
  std::size_t passIds(const Declaration& d, std::size_t i) {
    const bool definition = i == d.nameAt, entry = d.tokens[i].text == call_.entry;
    add(definition ? "(const int chain0, const int chain1, const int chain2, const int chain3"
                   : "(chain0, chain1, chain2, chain3");
    if (entry) add(", __local char* chainLocal");
    std::size_t next = i + 2;
    if (d.tokens[next].is("void") && d.tokens[next + 1].is(")")) ++next;
    if (!d.tokens[next].is(")")) add(",");
    return next - 1;
  }

  std::size_t writeId(const CTokens& t, std::size_t i) {
    if (i + 3 >= t.size() || t[i + 2].kind != CToken::Kind::Number || !t[i + 3].is(")"))
      refuseCall(call_, "asks for an id whose dimension is computed");
    const std::size_t dimension = std::stoul(t[i + 2].text);
    const auto of = [&](const std::vector<std::size_t>& extents) {
      return dimension < extents.size() ? extents[dimension] : 1;
    };
    const std::string id = "(size_t)chain" + std::to_string(dimension);
    const auto constant = [](std::size_t value) { return "(size_t)" + std::to_string(value); };
    std::string text;
    if (t[i].is("get_global_id"))
      text = byItems_ ? id : id + " * " + constant(of(call_.local)) + " + " + localId(dimension);
    else if (t[i].is("get_group_id"))
      text = id;
    else if (t[i].is("get_local_id"))
      text = localId(dimension);
    else if (t[i].is("get_global_size"))
      text = constant(of(call_.global));
    else if (t[i].is("get_local_size"))
      text = constant(of(call_.local));
    else
      text = constant(of(call_.global) / of(call_.local));
    add("(" + text + ")");
    return i + 3;
  }

  std::string localId(std::size_t dimension) const {
    std::size_t items = 1, before = 1;
    for (std::size_t d = 0; d < call_.local.size(); ++d) {
      if (d < dimension) before *= call_.local[d];
      items *= call_.local[d];
    }
    const std::size_t extent = dimension < call_.local.size() ? call_.local[dimension] : 1;
    if (extent == 1) return "(size_t)0";
    std::string text = "chain3";
    if (before > 1) text += " / " + std::to_string(before);
    if (before * extent < items) text += " % " + std::to_string(extent);
    return "(size_t)(" + text + ")";
  }

  // Whether `__local` begins the declaration of arrays: a type and a name come next, and an extent.
  static bool declaresLocal(const CTokens& t, std::size_t i) {
    return i + 3 < t.size() && t[i + 1].kind == CToken::Kind::Name && t[i + 2].kind == CToken::Kind::Name &&
           t[i + 3].is("[");
  }

  // Arrays become pointers into the memory that the chain gives.
  std::size_t takeLocal(const CTokens& t, std::size_t i) {
    takesLocal_ = true;
    const std::string type = declared_.count(t[i + 1].text) ? prefix_ + t[i + 1].text : t[i + 1].text;
    for (std::size_t at = i + 2; at < t.size(); ++at) {
      const std::string name = t[at++].text;
      std::vector<CTokens> extents;
      while (t[at].is("[")) {
        CTokens& extent = extents.emplace_back();
        for (++at; !t[at].is("]"); ++at) extent.push_back(t[at]);
        ++at;
      }
      std::string bytes = "sizeof(" + type + ")", inner;
      for (std::size_t e = 0; e < extents.size(); ++e) {
        bytes += " * (" + textOf(extents[e]) + ")";
        if (e > 0) inner += "[" + textOf(extents[e]) + "]";
      }
      const std::string star = inner.empty() ? "*" : "(*";
      add("__local " + type + star + name + (inner.empty() ? "" : ")" + inner) + " = (__local " + type +
          star + (inner.empty() ? "" : ")" + inner) + ")chainLocal; chainLocal += (" + bytes +
          " + 15) / 16 * 16;");
      bytes_ += " + (" + bytes + " + 15) / 16 * 16";
      if (t[at].is(";")) return at;
      if (!t[at].is(",")) break;
    }
    refuseCall(call_, "declares local memory in a way that is not known");
  }

  const KernelCall& call_;
  const std::string prefix_, name_, barrier_;
  std::vector<Declaration> all_;
  Names declared_, reached_, ask_;
  CTokens out_;
  std::string bytes_ = "0";  // of local memory
  bool byItems_ = false, takesLocal_ = false;
};

}  // namespace

std::size_t localArgumentBytes(const KernelCall& call) {
  std::size_t bytes = 0;
  for (const KernelArg& arg : call.args)
    if (arg.kind == KernelArg::Kind::Local) bytes += (static_cast<std::size_t>(arg.integer) + 15) / 16 * 16;
  return bytes;
}

ChainFunction chainFunction(const KernelCall& call, const std::string& name, const std::string& barrier,
                            const Defines& compiler) {
  if (!call.library.empty())
    throw Error(ErrorCode::Unsupported,
                "routine " + call.entry + " of library " + call.library + " is no kernel");
  if (std::ranges::any_of(call.defines, [](const auto& d) { return d.first == kPtxTarget; }))
    throw Error(ErrorCode::Unsupported, "its kernel is compiled for a target of its own");
  return Writer(call, name, barrier, compiler).write();
}

}  // namespace tessera
