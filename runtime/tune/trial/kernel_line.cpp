// Kernels as text, and their first launch.
#include "tune/trial/kernel_line.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <charconv>
#include <list>

#include "cl/program.hpp"
#include "launch/kernel_launcher.hpp"
#include "tune/records/lines.hpp"

namespace tessera {
namespace {

constexpr std::string_view kKinds = "iospcnIFL";  // by KernelArg::Kind
// PoCL compiles a kernel in one way for launches of up to so many work-items along each dimension, and in
// another for larger ones.
constexpr std::size_t kSmallGrid = 65535;

// Characters that part fields and lines, as %XX.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c == '\t' || c == '\n' || c == '\r' || c == '%' || c == ',')
      out += std::string("%") + "0123456789ABCDEF"[c >> 4] + "0123456789ABCDEF"[c & 15];
    else
      out += c;
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 2, code, 16).ec == std::errc()) {
      out += static_cast<char>(code);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string_view> partsOf(std::string_view list) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const auto comma = list.find(',');
    parts.push_back(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return parts;
}

template <class T>
bool read(std::string_view text, T& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ptr == text.data() + text.size() &&
         !text.empty();
}

std::string argText(const KernelArg& arg) {
  using Kind = KernelArg::Kind;
  const std::string kind(1, kKinds[static_cast<std::size_t>(arg.kind)]);
  if (arg.kind == Kind::Int || arg.kind == Kind::Local) return kind + std::to_string(arg.integer);
  if (arg.kind == Kind::Float) return kind + exactText(arg.number);
  return kind + std::to_string(arg.index);
}

bool readArg(std::string_view text, KernelArg& arg) {
  using Kind = KernelArg::Kind;
  const auto kind = text.empty() ? std::string_view::npos : kKinds.find(text[0]);
  if (kind == std::string_view::npos) return false;
  arg.kind = static_cast<Kind>(kind);
  const std::string_view value = text.substr(1);
  if (arg.kind == Kind::Int || arg.kind == Kind::Local) return read(value, arg.integer);
  if (arg.kind == Kind::Float) return arg.number = static_cast<float>(numberIn(value)), true;
  return read(value, arg.index) && arg.index >= 0 && arg.index < 1000;
}

template <class List, class Text>
std::string joined(const List& list, Text&& text) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ",") + text(item);
  return out;
}

bool readExtents(std::string_view field, std::vector<std::size_t>& extents) {
  for (const auto part : partsOf(field))
    if (!read(part, extents.emplace_back())) return false;
  return extents.size() <= 3;
}

// One work-group, in a launch of the same kind. Without a size of groups the driver chooses one by the range.
void shrink(KernelCall& call) {
  for (std::size_t i = 0; i < call.local.size(); ++i) {
    const bool small = call.global[i] < kSmallGrid;
    const std::size_t enough = small ? 1 : (kSmallGrid + call.local[i]) / call.local[i] + 1;
    call.global[i] = std::min(call.global[i], enough * call.local[i]);
  }
}

// Memory of zeros that costs nothing until it is touched, for one operand: kernels read places out of tables,
// and what a driver allocates may be memory that was used before. No two operands share it, or a kernel would
// take what it has just written for such a place.
class Zeros {
 public:
  Zeros(std::size_t bytes, const std::string& entry)
      : size_(std::max<std::size_t>(bytes, 1)),
        data_(::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                     0)) {
    if (data_ == MAP_FAILED) throw Error(ErrorCode::OutOfMemory, "no memory to compile " + entry + " with");
  }
  ~Zeros() { ::munmap(data_, size_); }
  Zeros(const Zeros&) = delete;
  Zeros& operator=(const Zeros&) = delete;
  std::size_t size() const { return size_; }
  void* data() const { return data_; }

 private:
  std::size_t size_;
  void* data_;
};

}  // namespace

bool KernelWork::operator==(const KernelWork& other) const { return lineOf(*this) == lineOf(other); }

std::string lineOf(const KernelWork& work) {
  const KernelCall& call = work.call;
  const auto number = [](std::size_t n) { return std::to_string(n); };
  const std::string fields[] = {
      escaped(call.source),
      escaped(call.entry),
      escaped(call.options),
      escaped(call.prologue),
      joined(call.defines,
             [](const auto& define) { return escaped(define.first) + "=" + escaped(define.second); }),
      joined(call.global, number),
      joined(call.local, number),
      joined(call.args, argText),
      std::to_string(work.bytes)};
  std::string line;
  for (const std::string& field : fields) line += (line.empty() ? "" : "\t") + field;
  return line;
}

std::optional<KernelWork> kernelWorkIn(const std::vector<std::string_view>& fields) {
  if (fields.size() != 9) return std::nullopt;
  KernelWork work;
  KernelCall& call = work.call;
  call.source = unescaped(fields[0]);
  call.entry = unescaped(fields[1]);
  call.options = unescaped(fields[2]);
  call.prologue = unescaped(fields[3]);
  for (const auto define : partsOf(fields[4])) {
    const auto equals = define.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    call.defines.emplace_back(unescaped(define.substr(0, equals)), unescaped(define.substr(equals + 1)));
  }
  if (!readExtents(fields[5], call.global) || !readExtents(fields[6], call.local)) return std::nullopt;
  if (call.global.empty() || (!call.local.empty() && call.local.size() != call.global.size()))
    return std::nullopt;
  for (const auto arg : partsOf(fields[7]))
    if (!readArg(arg, call.args.emplace_back())) return std::nullopt;
  if (!read(fields[8], work.bytes)) return std::nullopt;
  return work;
}

void compileKernel(const Device& device, const KernelWork& work) {
  KernelCall call = work.call;
  shrink(call);
  ProgramSet programs(device);
  programs.build({&call});
  guarded("compiling " + call.entry, [&] {
    const cl::Context& context = device.impl().context();
    std::list<Zeros> memory;  // outlives the buffers
    std::vector<cl::Buffer> inputs, outputs, scratch, packed;
    cl::Buffer counters;
    const auto add = [&](cl::Buffer& buffer) {
      if (buffer()) return;
      Zeros& zeros = memory.emplace_back(work.bytes, call.entry);
      buffer = cl::Buffer(context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, zeros.size(), zeros.data());
    };
    const auto addTo = [&](std::vector<cl::Buffer>& buffers, int index) {
      if (std::ssize(buffers) <= index) buffers.resize(static_cast<std::size_t>(index) + 1);
      add(buffers[static_cast<std::size_t>(index)]);
    };
    for (const KernelArg& arg : call.args) {
      if (arg.kind == KernelArg::Kind::Input) addTo(inputs, arg.index);
      if (arg.kind == KernelArg::Kind::Output) addTo(outputs, arg.index);
      if (arg.kind == KernelArg::Kind::Scratch) addTo(scratch, arg.index);
      if (arg.kind == KernelArg::Kind::Packed) addTo(packed, arg.index);
      if (arg.kind == KernelArg::Kind::Counters) add(counters);
    }
    PreparedCall prepared = prepareCall(call, programs);
    setKernelArgs(prepared, call, {inputs, outputs, scratch, packed, counters});
    const cl::CommandQueue queue(context, device.impl().device);
    enqueueKernel(queue, prepared, call, nullptr, nullptr);
    queue.finish();
  });
}

}  // namespace tessera
