// Mutations for fuzz targets.
#include "tests/fuzz/mutate.hpp"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

namespace tessera::test {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::array<std::int64_t, 18> kNumbers{
    0,   1,     -1,   2,       3,         7,         127,       128,       255,
    256, 65536, -128, 1 << 20, INT32_MAX, INT32_MIN, 1ll << 33, INT64_MAX, INT64_MIN};
constexpr std::array<std::string_view, 12> kTexts{"0",  "-1", "nan", "inf", "1e39", "9223372036854775808",
                                                  "\t", "\n", "\"",  "{",   "}",    "-0.5"};
constexpr std::array<double, 8> kFloats{0,
                                        -1,
                                        0.5,
                                        1e38,
                                        1e-45,
                                        std::numeric_limits<double>::quiet_NaN(),
                                        std::numeric_limits<double>::infinity(),
                                        -std::numeric_limits<double>::infinity()};

struct Range {
  std::size_t from, size;
};
Range someRange(std::size_t size, Random& random) {
  const std::size_t from = random.below(size + 1);
  return {from, std::min(size - from, random.below(random.below(4) ? 9 : 200))};
}

// Replaces the number in decimal at or after a place; false where there is none.
bool changeNumber(std::string& text, Random& random) {
  const auto isDigit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  const auto from = std::find_if(text.begin() + static_cast<std::ptrdiff_t>(random.below(text.size())),
                                 text.end(), isDigit);
  if (from == text.end()) return false;
  const auto to = std::find_if_not(from, text.end(), isDigit);
  text.replace(from, to, std::to_string(kNumbers[random.below(kNumbers.size())]));
  return true;
}

void changeOnce(std::string& bytes, std::string_view other, Random& random) {
  if (bytes.empty()) bytes = "\n";
  const Range range = someRange(bytes.size(), random);
  switch (random.below(9)) {
    case 0:
      bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
      break;
    case 1:
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
      break;
    case 2:
      bytes.erase(range.from, range.size);
      break;
    case 3:
      bytes.insert(range.from, bytes.substr(random.below(bytes.size()), range.size));
      break;
    case 4:
      bytes.insert(range.from, kTexts[random.below(kTexts.size())]);
      break;
    case 5:
      bytes.resize(range.from);
      break;
    case 6: {
      const Range part = someRange(other.size(), random);
      bytes.replace(range.from, range.size, other.substr(part.from, part.size));
      break;
    }
    case 7: {
      const std::int64_t number = kNumbers[random.below(kNumbers.size())];
      for (std::size_t i = 0; i < std::min<std::size_t>(8, bytes.size() - range.from); ++i)
        bytes[range.from + i] = static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i));
      break;
    }
    default:
      changeNumber(bytes, random);
      break;
  }
}

// A message of the tree, each as likely as another.
Message& someMessage(Message& root, Random& random) {
  std::vector<Message*> all{&root};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Reflection& reflection = *all[i]->GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(*all[i], &fields);
    for (const auto* field : fields) {
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (!field->is_repeated()) {
        all.push_back(reflection.MutableMessage(all[i], field));
        continue;
      }
      for (int k = 0; k < reflection.FieldSize(*all[i], field); ++k)
        all.push_back(reflection.MutableRepeatedMessage(all[i], field, k));
    }
  }
  return *all[random.below(all.size())];
}

// Calls `set` with a value for the field's type.
void setField(Message& m, const FieldDescriptor* f, Random& random) {
  const Reflection& r = *m.GetReflection();
  const std::int64_t number = kNumbers[random.below(kNumbers.size())];
  const double real = kFloats[random.below(kFloats.size())];
  const bool list = f->is_repeated();
  const int at = list && r.FieldSize(m, f)
                     ? static_cast<int>(random.below(static_cast<std::size_t>(r.FieldSize(m, f))))
                     : -1;
#define TESSERA_SET(Type, value) \
  if (!list)                     \
    r.Set##Type(&m, f, value);   \
  else if (at < 0)               \
    r.Add##Type(&m, f, value);   \
  else                           \
    r.SetRepeated##Type(&m, f, at, value)
  switch (f->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      TESSERA_SET(Int32, static_cast<std::int32_t>(number));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      TESSERA_SET(Int64, number);
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      TESSERA_SET(UInt32, static_cast<std::uint32_t>(number));
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      TESSERA_SET(UInt64, static_cast<std::uint64_t>(number));
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      TESSERA_SET(Float, static_cast<float>(real));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      TESSERA_SET(Double, real);
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      TESSERA_SET(Bool, number & 1);
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      TESSERA_SET(Enum, f->enum_type()->value(static_cast<int>(
                            random.below(static_cast<std::size_t>(f->enum_type()->value_count())))));
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      TESSERA_SET(String, std::string(kTexts[random.below(kTexts.size())]));
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (list)
        r.AddMessage(&m, f);
      else
        r.MutableMessage(&m, f);
      break;
  }
#undef TESSERA_SET
}

// Repeats an element, exchanges two, or removes the last.
void changeList(Message& m, const FieldDescriptor* f, Random& random) {
  const Reflection& r = *m.GetReflection();
  const int size = r.FieldSize(m, f);
  const int a = static_cast<int>(random.below(static_cast<std::size_t>(size)));
  switch (random.below(3)) {
    case 0:
      r.SwapElements(&m, f, a, static_cast<int>(random.below(static_cast<std::size_t>(size))));
      break;
    case 1:
      r.RemoveLast(&m, f);
      break;
    default:
      if (f->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        const std::string copy = r.GetRepeatedMessage(m, f, a).SerializePartialAsString();
        r.AddMessage(&m, f)->ParsePartialFromString(copy);
      } else if (f->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        r.AddString(&m, f, r.GetRepeatedString(m, f, a));
      } else {
        setField(m, f, random);
      }
  }
}

}  // namespace

std::string mutateBytes(std::string_view bytes, std::string_view other, Random& random) {
  std::string changed(bytes);
  for (std::size_t n = 1 + random.below(4); n > 0; --n) changeOnce(changed, other, random);
  return changed;
}

void mutateMessage(Message& message, Random& random) {
  Message& m = someMessage(message, random);
  const Reflection& reflection = *m.GetReflection();
  std::vector<const FieldDescriptor*> present;
  reflection.ListFields(m, &present);
  const auto* descriptor = m.GetDescriptor();
  const bool absent = present.empty() || !random.below(8);
  if (absent && !descriptor->field_count()) return;
  const FieldDescriptor* field =
      absent ? descriptor->field(
                   static_cast<int>(random.below(static_cast<std::size_t>(descriptor->field_count()))))
             : present[random.below(present.size())];
  if (!absent && field->is_repeated() && random.below(2)) return changeList(m, field, random);
  if (!absent && (!random.below(4) || field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE))
    return reflection.ClearField(&m, field);
  setField(m, field, random);
}

}  // namespace tessera::test
