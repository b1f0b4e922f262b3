// Walks the wire format: tags and lengths alone, so that large data are skipped unread.
#include "importers/onnx/model_pieces.hpp"

#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <optional>

#include "onnx/onnx.pb.h"

namespace tessera::onnx {
namespace {

using google::protobuf::internal::WireFormatLite;

enum class Message { Model, Function, Graph, Node, Attribute, Tensor };

// Fields that lead to tensors.
struct Child {
  Message in;
  std::uint32_t field;
  Message is;
};
constexpr Child kChildren[] = {
    {Message::Model, tessera_onnx::Model::kGraphFieldNumber, Message::Graph},
    {Message::Model, tessera_onnx::Model::kFunctionsFieldNumber, Message::Function},
    {Message::Function, tessera_onnx::Function::kNodeFieldNumber, Message::Node},
    {Message::Graph, tessera_onnx::Graph::kNodeFieldNumber, Message::Node},
    {Message::Graph, tessera_onnx::Graph::kInitializerFieldNumber, Message::Tensor},
    {Message::Node, tessera_onnx::Node::kAttributeFieldNumber, Message::Attribute},
    {Message::Attribute, tessera_onnx::Attribute::kTFieldNumber, Message::Tensor},
    {Message::Attribute, tessera_onnx::Attribute::kTensorsFieldNumber, Message::Tensor},
    {Message::Attribute, tessera_onnx::Attribute::kGFieldNumber, Message::Graph},
    {Message::Attribute, tessera_onnx::Attribute::kGraphsFieldNumber, Message::Graph}};
constexpr int kMostDepth = 100;  // the parser's

void addVarint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to += static_cast<char>(value | 0x80);
  to += static_cast<char>(value);
}

void addNumber(std::string& to, int field, std::uint64_t value) {
  addVarint(to, WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_VARINT));
  addVarint(to, value);
}

struct PieceList {
  std::vector<Piece> list;
  std::uint64_t size = 0;

  void range(std::uint64_t begin, std::uint64_t end) {
    if (begin == end) return;
    size += end - begin;
    if (!list.empty() && list.back().own.empty() && list.back().end == begin)
      list.back().end = end;
    else
      list.push_back({{}, begin, end});
  }
  void own(std::string bytes) {
    size += bytes.size();
    list.push_back({std::move(bytes), 0, 0});
  }
  void add(PieceList other) {
    size += other.size;
    std::move(other.list.begin(), other.list.end(), std::back_inserter(list));
  }
};

struct Field {
  std::uint32_t number = 0;
  bool delimited = false;                         // by a length
  std::uint64_t begin = 0, content = 0, end = 0;  // of the tag, of what follows tag and length
};

class Walk {
 public:
  Walk(std::uint64_t size, std::uint64_t least, const ReadBytes& read)
      : size_(size), least_(least), read_(read) {}

  // None: it is not of the format, or has nothing to leave out.
  std::optional<PieceList> without(Message message, std::uint64_t begin, std::uint64_t end, int depth) {
    if (end - begin < least_ || depth > kMostDepth) return std::nullopt;
    PieceList pieces;
    bool changed = false;
    for (std::uint64_t at = begin; at < end;) {
      const auto field = fieldAt(at, end);
      if (!field) return std::nullopt;
      if (isRawData(message, *field)) {
        if (std::exchange(changed, true)) return std::nullopt;  // given twice: the parser's last one counts
        pieces.own(place(*field));
      } else if (auto inside = insideOf(message, *field, depth)) {
        changed = true;
        std::string head;
        addVarint(head, WireFormatLite::MakeTag(static_cast<int>(field->number),
                                                WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
        addVarint(head, inside->size);
        pieces.own(std::move(head));
        pieces.add(std::move(*inside));
      } else {
        if (message == Message::Tensor && field->number == tessera_onnx::Tensor::kRawDataFieldNumber &&
            changed)
          return std::nullopt;
        pieces.range(field->begin, field->end);
      }
      at = field->end;
    }
    return changed ? std::optional(std::move(pieces)) : std::nullopt;
  }

 private:
  bool isRawData(Message message, const Field& field) const {
    return message == Message::Tensor && field.number == tessera_onnx::Tensor::kRawDataFieldNumber &&
           field.delimited && field.end - field.content >= least_;
  }

  static std::string place(const Field& field) {
    std::string bytes;
    addNumber(bytes, tessera_onnx::Tensor::kFileOffsetFieldNumber, field.content);
    addNumber(bytes, tessera_onnx::Tensor::kFileBytesFieldNumber, field.end - field.content);
    return bytes;
  }

  std::optional<PieceList> insideOf(Message message, const Field& field, int depth) {
    if (!field.delimited) return std::nullopt;
    for (const Child& child : kChildren)
      if (child.in == message && child.field == field.number)
        return without(child.is, field.content, field.end, depth + 1);
    return std::nullopt;
  }

  std::optional<Field> fieldAt(std::uint64_t at, std::uint64_t end) {
    Field field;
    field.begin = at;
    const auto tag = varint(at, end);
    if (!tag || *tag > UINT32_MAX) return std::nullopt;
    field.number = static_cast<std::uint32_t>(*tag >> 3);
    std::uint64_t bytes = 0;
    switch (static_cast<WireFormatLite::WireType>(*tag & 7)) {
      case WireFormatLite::WIRETYPE_VARINT:
        if (!varint(at, end)) return std::nullopt;
        break;
      case WireFormatLite::WIRETYPE_FIXED64:
        bytes = 8;
        break;
      case WireFormatLite::WIRETYPE_FIXED32:
        bytes = 4;
        break;
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: {
        const auto length = varint(at, end);
        if (!length) return std::nullopt;
        bytes = *length;
        field.delimited = true;
        break;
      }
      default:
        return std::nullopt;  // groups: nothing writes them
    }
    if (bytes > end - at) return std::nullopt;
    field.content = at, field.end = at + bytes;
    return field;
  }

  std::optional<std::uint64_t> varint(std::uint64_t& at, std::uint64_t end) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && at < end; shift += 7) {
      const std::uint8_t byte = byteAt(at++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    return std::nullopt;
  }

  std::uint8_t byteAt(std::uint64_t at) {
    if (at < windowBegin_ || at >= windowBegin_ + window_.size()) {
      constexpr std::uint64_t kWindow = 4096;
      windowBegin_ = at;
      window_.resize(std::min(kWindow, size_ - at));
      read_(at, window_.size(), window_.data());
    }
    return static_cast<std::uint8_t>(window_[at - windowBegin_]);
  }

  std::uint64_t size_, least_;
  const ReadBytes& read_;
  std::string window_;
  std::uint64_t windowBegin_ = 0;
};

}  // namespace

std::vector<Piece> withoutRawData(std::uint64_t size, std::uint64_t least, const ReadBytes& read) {
  if (auto pieces = Walk(size, least, read).without(Message::Model, 0, size, 0))
    return std::move(pieces->list);
  return {{{}, 0, size}};
}

}  // namespace tessera::onnx
