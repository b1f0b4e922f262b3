// Tells formats apart by the fields that a file begins with.
#include "importers/common/file_format.hpp"

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "base/read_file.hpp"

namespace tessera {
namespace {

/// Reads the outermost fields of a binary message, skipping what they hold.
class FieldReader {
 public:
  explicit FieldReader(std::istream& in) : in_(in) {}

  struct Field {
    std::uint64_t number = 0;
    int wire = 0;
  };

  /// Nothing at the end, and where the bytes are no message.
  std::optional<Field> next() {
    const auto tag = varint();
    if (!tag || *tag >> 3 == 0) return std::nullopt;
    const Field field{*tag >> 3, static_cast<int>(*tag & 7)};
    std::optional<std::uint64_t> skipped = 0;
    if (field.wire == 0 && !varint()) return std::nullopt;
    if (field.wire == 1) skipped = 8;
    if (field.wire == 2) skipped = varint();
    if (field.wire == 5) skipped = 4;
    if (field.wire == 3 || field.wire == 4 || field.wire > 5 || !skipped ||
        *skipped > (std::uint64_t{1} << 40))
      return std::nullopt;
    in_.seekg(static_cast<std::streamoff>(*skipped), std::ios::cur);
    return in_ ? std::optional(field) : std::nullopt;
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const int byte = in_.get();
      if (byte == std::istream::traits_type::eof()) return std::nullopt;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    return std::nullopt;
  }

  std::istream& in_;
};

/// A graph's first field is a node (1, a message). UFF and ONNX begin with a version (1, a number); UFF goes
/// on with another number (2), which is a text in ONNX, and graphs (4), which are a text there as well, and
/// has no graph (7).
ModelFormat binaryFormat(std::istream& in) {
  FieldReader fields(in);
  bool nodes = false, others = false, version = false, graphs = false, onnx = false;
  for (int i = 0; i < 64; ++i) {
    const auto field = fields.next();
    if (!field) break;
    nodes |= field->number == 1 && field->wire == 2;
    version |= field->number == 2 && field->wire == 0;
    graphs |= field->number == 4 && field->wire == 2;
    onnx |= field->number == 7 || (field->number == 2 && field->wire == 2);
    others |= field->number > 4 || (field->number == 1 && field->wire != 2);
  }
  if (version && graphs && !onnx) return ModelFormat::Uff;
  return nodes && !others ? ModelFormat::GraphDef : ModelFormat::Onnx;
}

/// The name of the first field of a text message: what stands before '{' or ':'. Empty where the bytes are no
/// text.
std::string firstField(std::istream& in) {
  std::string name;
  bool comment = false;
  for (int i = 0; i < (1 << 16); ++i) {
    const int c = in.get();
    if (c == std::istream::traits_type::eof()) return {};
    if (comment) {
      comment = c != '\n';
    } else if (c == '#' && name.empty()) {
      comment = true;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      continue;
    } else if (c == '{' || c == ':') {
      return name;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_') {
      name += static_cast<char>(c);
    } else {
      return {};
    }
  }
  return {};
}

}  // namespace

ModelFormat modelFormat(const std::filesystem::path& file) {
  if (!whyNotRegular(file).empty()) return ModelFormat::Onnx;
  std::ifstream in(file, std::ios::binary);
  char head[8] = {};
  in.read(head, sizeof head);
  if (in && std::string_view(head + 4, 4) == "TFL3") return ModelFormat::Tflite;
  in.clear();
  in.seekg(0);
  const std::string field = firstField(in);
  if (field == "node" || field == "versions" || field == "library") return ModelFormat::GraphDefText;
  if (field == "layer" || field == "layers" || field == "input" || field == "name")
    return ModelFormat::CaffeText;
  in.clear();
  in.seekg(0);
  return binaryFormat(in);
}

std::string foreignFormat(const std::filesystem::path& file) {
  constexpr const char* kFreeze =
      "freeze it into a GraphDef (convert_variables_to_constants_v2), or convert it to TensorFlow Lite or "
      "ONNX (tf2onnx)";
  std::error_code ignored;
  if (std::filesystem::exists(file / "saved_model.pb", ignored) || file.filename() == "saved_model.pb")
    return std::string("a SavedModel of TensorFlow: ") + kFreeze;
  if (!whyNotRegular(file).empty()) return {};
  std::ifstream in(file, std::ios::binary);
  char bytes[64] = {};
  in.read(bytes, sizeof bytes);
  const std::string_view head(bytes, static_cast<std::size_t>(in.gcount()));
  using namespace std::string_view_literals;
  struct Known {
    std::string_view magic;
    const char* what;
  };
  static constexpr Known kKnown[] = {
      {"\x89HDF\r\n\x1a\n"sv,
       "an HDF5 file, as Keras writes them: save it as a SavedModel and freeze that, or convert it to "
       "TensorFlow Lite or ONNX (tf2onnx)"},
      {"PK\x03\x04"sv,
       "a zip archive, as PyTorch (.pt, .pth) and Keras (.keras) write them: export the network as ONNX "
       "(torch.onnx.export, or tf2onnx)"},
      {"\x80\x02"sv, "a pickle, as PyTorch writes weights: export the network as ONNX (torch.onnx.export)"},
      {"ptrt"sv,
       "an engine of TensorRT, which runs on the GPU alone that it was built for: import the model that it "
       "was "
       "made of"},
      {"ftrt"sv,
       "an engine of TensorRT, which runs on the GPU alone that it was built for: import the model that it "
       "was "
       "made of"},
      {"GGUF"sv, "a GGUF file, which holds weights without a network: export the network as ONNX"},
      {"7767517"sv, "a network of ncnn: import the model that it was made of"},
      {"<?xml"sv, "XML, as OpenVINO writes networks: import the model that it was made of"}};
  for (const Known& known : kKnown)
    if (head.starts_with(known.magic)) return known.what;
  if (head.size() > 10 && head.substr(8, 2) == "{\"" && head.substr(4, 4) == "\0\0\0\0"sv)
    return "a safetensors file, which holds weights without a network: export the network as ONNX";
  return {};
}

}  // namespace tessera
