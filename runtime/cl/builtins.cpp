// Declarations of OpenCL C's built-in functions, from a table of their kinds.
#include "cl/builtins.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <vector>

namespace tessera {
namespace {

using Names = std::set<std::string_view>;

constexpr std::array kWidths{"", "2", "3", "4", "8", "16"};

// A type with the integers of its size, which comparisons of its vectors give.
struct ScalarType {
  const char *name, *asSigned, *asUnsigned;
};
constexpr std::array kSigned{ScalarType{"char", "char", "uchar"}, ScalarType{"short", "short", "ushort"},
                             ScalarType{"int", "int", "uint"}, ScalarType{"long", "long", "ulong"}};
constexpr std::array kUnsigned{ScalarType{"uchar", "char", "uchar"}, ScalarType{"ushort", "short", "ushort"},
                               ScalarType{"uint", "int", "uint"}, ScalarType{"ulong", "long", "ulong"}};
constexpr ScalarType kFloat{"float", "int", "uint"}, kDouble{"double", "long", "ulong"};

std::vector<ScalarType> oneAfterAnother(std::initializer_list<std::vector<ScalarType>> lists) {
  std::vector<ScalarType> all;
  for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}
const std::vector<ScalarType> kIntegers =
    oneAfterAnother({{kSigned.begin(), kSigned.end()}, {kUnsigned.begin(), kUnsigned.end()}});
const std::vector<ScalarType> kNumbers = oneAfterAnother({kIntegers, {kFloat}});

constexpr const char* kTypes = R"(#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef __SIZE_TYPE__ size_t;
typedef uint cl_mem_fence_flags;
#define CLK_LOCAL_MEM_FENCE 1
#define CLK_GLOBAL_MEM_FENCE 2
#define CHAR_BIT 8
#define CHAR_MAX 127
#define CHAR_MIN (-128)
#define UCHAR_MAX 255
#define SHRT_MAX 32767
#define SHRT_MIN (-32768)
#define INT_MAX 2147483647
#define INT_MIN (-2147483647 - 1)
#define UINT_MAX 0xffffffff
#define LONG_MAX 0x7fffffffffffffffL
#define LONG_MIN (-0x7fffffffffffffffL - 1)
#define ULONG_MAX 0xffffffffffffffffUL
#define INFINITY (__builtin_inff())
#define HUGE_VALF (__builtin_huge_valf())
#define NAN __builtin_astype((INT_MAX), float)
#define FLT_MAX 0x1.fffffep127f
#define FLT_MIN 0x1.0p-126f
#define FLT_EPSILON 0x1.0p-23f
#define MAXFLOAT FLT_MAX
#define NULL ((void*)0)
#define BUILTIN __attribute__((overloadable))
#define BUILTIN_CONST __attribute__((overloadable, const))
#define BUILTIN_PURE __attribute__((overloadable, pure))
#define INLINE __attribute__((overloadable, always_inline))
#define BUILTIN_MEETING __attribute__((overloadable, convergent))
)";

// The forms in which functions are declared: for each type, or for each type and width. $F is the function,
// $T the type, $S its scalar type, $I and $U the integers of its size and width.
enum class Kind {
  WorkItem,  // size_t of a dimension
  Barrier,
  Fence,
  Reals1,  // of one float, or a vector of them
  Reals2,
  Reals2Scalar,  // or the second one scalar
  Reals3,
  RealTest,  // isnan and its like
  Numbers2,  // of two numbers of any type, or the second scalar
  Numbers3,
  Choice,  // select
  Absolute,
  Test,     // any, all
  Atomic1,  // of an address
  Atomic2,
  Atomic3
};

const std::map<std::string_view, Kind> kFunctions{{"get_global_id", Kind::WorkItem},
                                                  {"get_global_size", Kind::WorkItem},
                                                  {"get_global_offset", Kind::WorkItem},
                                                  {"get_local_id", Kind::WorkItem},
                                                  {"get_local_size", Kind::WorkItem},
                                                  {"get_group_id", Kind::WorkItem},
                                                  {"get_num_groups", Kind::WorkItem},
                                                  {"barrier", Kind::Barrier},
                                                  {"mem_fence", Kind::Fence},
                                                  {"read_mem_fence", Kind::Fence},
                                                  {"write_mem_fence", Kind::Fence},
                                                  {"acos", Kind::Reals1},
                                                  {"acosh", Kind::Reals1},
                                                  {"asin", Kind::Reals1},
                                                  {"asinh", Kind::Reals1},
                                                  {"atan", Kind::Reals1},
                                                  {"atanh", Kind::Reals1},
                                                  {"ceil", Kind::Reals1},
                                                  {"cos", Kind::Reals1},
                                                  {"cosh", Kind::Reals1},
                                                  {"exp", Kind::Reals1},
                                                  {"exp2", Kind::Reals1},
                                                  {"fabs", Kind::Reals1},
                                                  {"floor", Kind::Reals1},
                                                  {"log", Kind::Reals1},
                                                  {"log2", Kind::Reals1},
                                                  {"rint", Kind::Reals1},
                                                  {"round", Kind::Reals1},
                                                  {"rsqrt", Kind::Reals1},
                                                  {"sin", Kind::Reals1},
                                                  {"sinh", Kind::Reals1},
                                                  {"sqrt", Kind::Reals1},
                                                  {"tan", Kind::Reals1},
                                                  {"tanh", Kind::Reals1},
                                                  {"trunc", Kind::Reals1},
                                                  {"copysign", Kind::Reals2},
                                                  {"fmod", Kind::Reals2},
                                                  {"nextafter", Kind::Reals2},
                                                  {"pow", Kind::Reals2},
                                                  {"fmax", Kind::Reals2Scalar},
                                                  {"fmin", Kind::Reals2Scalar},
                                                  {"fma", Kind::Reals3},
                                                  {"mad", Kind::Reals3},
                                                  {"isfinite", Kind::RealTest},
                                                  {"isinf", Kind::RealTest},
                                                  {"isnan", Kind::RealTest},
                                                  {"min", Kind::Numbers2},
                                                  {"max", Kind::Numbers2},
                                                  {"clamp", Kind::Numbers3},
                                                  {"select", Kind::Choice},
                                                  {"abs", Kind::Absolute},
                                                  {"any", Kind::Test},
                                                  {"all", Kind::Test},
                                                  {"atomic_inc", Kind::Atomic1},
                                                  {"atomic_dec", Kind::Atomic1},
                                                  {"atomic_add", Kind::Atomic2},
                                                  {"atomic_sub", Kind::Atomic2},
                                                  {"atomic_and", Kind::Atomic2},
                                                  {"atomic_or", Kind::Atomic2},
                                                  {"atomic_min", Kind::Atomic2},
                                                  {"atomic_max", Kind::Atomic2},
                                                  {"atomic_xchg", Kind::Atomic2},
                                                  {"atomic_cmpxchg", Kind::Atomic3}};

void declare(std::string& out, std::string_view form, std::string_view function, const ScalarType& type,
             std::string_view width = "") {
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '$') {
      out += form[i];
      continue;
    }
    const char what = form[++i];
    if (what == 'F') out += function;
    if (what == 'N') out += width;
    if (what == 'T') out.append(type.name).append(width);
    if (what == 'S') out += type.name;
    if (what == 'I') out.append(type.asSigned).append(width);
    if (what == 'U') out.append(type.asUnsigned).append(width);
  }
  out += '\n';
}

template <class Types>
void declareAll(std::string& out, std::string_view form, std::string_view function, const Types& types,
                bool scalarToo = true) {
  for (const ScalarType& type : types)
    for (const char* width : kWidths)
      if (*width || scalarToo) declare(out, form, function, type, width);
}

// Of vectors of double there are none: no integer or float becomes one in silence.
void declareReals(std::string& out, std::string_view form, std::string_view function) {
  declareAll(out, form, function, std::array{kFloat});
  declare(out, form, function, kDouble);
}

void declareAtomic(std::string& out, std::string_view more, std::string_view function) {
  for (const char* space : {"__global", "__local"})
    for (const ScalarType& type : {kSigned[2], kUnsigned[2]})
      declare(out, "$T BUILTIN $F(volatile " + std::string(space) + " $T*" + std::string(more) + ");",
              function, type);
}

void declareFunction(std::string& out, Kind kind, std::string_view f) {
  switch (kind) {
    case Kind::WorkItem:
      return declare(out, "size_t BUILTIN_CONST $F(uint);", f, {});
    case Kind::Barrier:
      return declare(out, "void BUILTIN_MEETING $F(cl_mem_fence_flags);", f, {});
    case Kind::Fence:
      return declare(out, "void BUILTIN $F(cl_mem_fence_flags);", f, {});
    case Kind::Reals1:
      return declareReals(out, "$T BUILTIN_CONST $F($T);", f);
    case Kind::Reals2Scalar:
      declareAll(out, "$T BUILTIN_CONST $F($T, $S);", f, std::array{kFloat}, false);
      [[fallthrough]];
    case Kind::Reals2:
      return declareReals(out, "$T BUILTIN_CONST $F($T, $T);", f);
    case Kind::Reals3:
      return declareReals(out, "$T BUILTIN_CONST $F($T, $T, $T);", f);
    case Kind::RealTest:
      declare(out, "int BUILTIN_CONST $F(double);", f, kDouble);
      return declareAll(out, "$I BUILTIN_CONST $F($T);", f, std::array{kFloat});
    case Kind::Numbers2:
      declareAll(out, "$T BUILTIN_CONST $F($T, $T);", f, kNumbers);
      declare(out, "$T BUILTIN_CONST $F($T, $T);", f, kDouble);
      return declareAll(out, "$T BUILTIN_CONST $F($T, $S);", f, kNumbers, false);
    case Kind::Numbers3:
      declareAll(out, "$T BUILTIN_CONST $F($T, $T, $T);", f, kNumbers);
      declare(out, "$T BUILTIN_CONST $F($T, $T, $T);", f, kDouble);
      return declareAll(out, "$T BUILTIN_CONST $F($T, $S, $S);", f, kNumbers, false);
    case Kind::Choice:
      declareAll(out, "$T BUILTIN_CONST $F($T, $T, $I);", f, kNumbers);
      return declareAll(out, "$T BUILTIN_CONST $F($T, $T, $U);", f, kNumbers);
    case Kind::Absolute:
      return declareAll(out, "$U BUILTIN_CONST $F($T);", f, kIntegers);
    case Kind::Test:
      return declareAll(out, "int BUILTIN_CONST $F($T);", f, kSigned);
    case Kind::Atomic1:
      return declareAtomic(out, "", f);
    case Kind::Atomic2:
      return declareAtomic(out, ", $T", f);
    case Kind::Atomic3:
      return declareAtomic(out, ", $T, $T", f);
  }
}

// Conversions to a type from all others. Macros paste their names: of convert_int and a width, of convert_, a
// type of one byte and _sat, or of convert_ and any type.
void declareConversions(std::string& out, const Names& used) {
  const bool pasted = used.count("convert_");
  const bool saturated =
      std::ranges::any_of(used, [](std::string_view name) { return name.ends_with("_sat"); });
  for (const ScalarType& to : kNumbers)
    for (const char* width : kWidths)
      for (const char* how : {"", "_sat"}) {
        const std::string scalar = "convert_" + std::string(to.name), name = scalar + width + how;
        const bool byte = to.name == std::string_view("char") || to.name == std::string_view("uchar");
        const bool meant = (pasted && (saturated ? *how && byte : !*how)) || (!*how && used.count(scalar));
        if (!meant && !used.count(name)) continue;
        const std::string form = to.name + std::string(width) + " BUILTIN_CONST $F($T);";
        for (const ScalarType& from : kNumbers) declare(out, form, name, from, width);
        if (!*width) declare(out, form, name, kDouble);
      }
}

// Vectors and halves in memory. Macros paste vload and vstore with a width. PoCL's own take vectors apart,
// and its compiler does not put those of bytes together again: 16 instructions to load or store what is one.
// So they are defined here, but for three elements, of which one access would reach a fourth.
void declareMemory(std::string& out, const Names& used) {
  const auto isOneAccess = [](std::string_view element, std::string_view width) {
    return element == "$S" && width != "3";
  };
  const auto access = [](const std::string& type, const std::string& pointer) {
    return "typedef $T __attribute__((aligned(sizeof($S)), may_alias)) Unaligned; " + type + "*" + pointer +
           "(p + i * $N)";
  };
  const auto load = [&](const std::string& name, const std::string& value, const std::string& element,
                        const ScalarType& type, std::string_view width) {
    if (!used.count(name) && !used.count("vload")) return;
    for (const std::string space : {"__constant", "__global", "__local", "__private"})
      if (isOneAccess(element, width))
        declare(out,
                "static inline $T INLINE $F(size_t i, const " + space + " $S* p) { " +
                    access("return ", "(const " + space + " Unaligned*)") + "; }",
                name, type, width);
      else
        declare(out, value + " BUILTIN_PURE $F(size_t, const " + space + " " + element + "*);", name, type,
                width);
  };
  const auto store = [&](const std::string& name, const std::string& value, const std::string& element,
                         const ScalarType& type, std::string_view width) {
    if (!used.count(name) && !used.count("vstore")) return;
    for (const std::string space : {"__global", "__local", "__private"})
      if (isOneAccess(element, width))
        declare(out,
                "static inline void INLINE $F($T v, size_t i, " + space + " $S* p) { " +
                    access("", "(" + space + " Unaligned*)") + " = v; }",
                name, type, width);
      else
        declare(out, "void BUILTIN $F(" + value + ", size_t, " + space + " " + element + "*);", name, type,
                width);
  };
  for (const std::string width : kWidths) {
    if (!width.empty())
      for (const ScalarType& type : kNumbers) {
        load("vload" + width, "$T", "$S", type, width);
        store("vstore" + width, "$T", "$S", type, width);
      }
    load("vload_half" + width, "$T", "half", kFloat, width);
    load("vloada_half" + width, "$T", "half", kFloat, width);
    for (const char* rounding : {"", "_rte"}) {
      store("vstore_half" + width + rounding, "$T", "half", kFloat, width);
      store("vstorea_half" + width + rounding, "$T", "half", kFloat, width);
      if (width.empty()) store("vstore_half" + std::string(rounding), "$T", "half", kDouble, width);
    }
  }
}

// The identifiers of a text, but for those in comments to the end of a line.
Names identifiersIn(std::string_view text) {
  Names names;
  const auto inWord = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  for (std::size_t i = 0; i < text.size();) {
    if (!inWord(static_cast<unsigned char>(text[i]))) {
      i = text.substr(i, 2) == "//" ? std::min(text.find('\n', i), text.size()) : i + 1;
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && inWord(static_cast<unsigned char>(text[i]))) ++i;
    names.insert(text.substr(begin, i - begin));
  }
  return names;
}

}  // namespace

std::string builtinDeclarations(std::string_view text) {
  const Names used = identifiersIn(text);
  std::string out = kTypes;
  for (const ScalarType& type : kNumbers)
    for (const char* width : kWidths) {
      if (*width) declare(out, "typedef $S $T __attribute__((ext_vector_type($N)));", "", type, width);
      const std::string scalar = "as_" + std::string(type.name), cast = scalar + width;
      if (used.count(cast) || used.count(scalar))  // macros paste the width
        declare(out, "#define $F(x) __builtin_astype((x), $T)", cast, type, width);
    }
  for (const auto& [name, kind] : kFunctions)
    if (used.count(name)) declareFunction(out, kind, name);
  declareConversions(out, used);
  declareMemory(out, used);
  return out;
}

}  // namespace tessera
