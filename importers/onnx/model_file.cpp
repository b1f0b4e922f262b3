// Model files, parsed from pieces.
#include "importers/onnx/model_file.hpp"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/read_file.hpp"
#include "importers/common/protobuf_file.hpp"
#include "importers/onnx/model_pieces.hpp"
#include "tessera/error.hpp"

namespace tessera::onnx {
namespace {

class PieceStream : public google::protobuf::io::ZeroCopyInputStream {
 public:
  PieceStream(const std::vector<Piece>& pieces, const ReadBytes& read) : pieces_(pieces), read_(read) {}

  bool Next(const void** data, int* size) override {
    if (returned_ > 0) {
      *data = current_.data() + current_.size() - returned_, *size = std::exchange(returned_, 0);
      count_ += *size;
      return true;
    }
    if (piece_ == pieces_.size()) return false;
    const Piece& piece = pieces_[piece_];
    if (!piece.own.empty()) {
      current_ = piece.own;
      ++piece_;
    } else {
      constexpr std::uint64_t kPart = std::uint64_t{64} << 10;
      const std::uint64_t begin = piece.begin + done_;
      current_.resize(std::min(kPart, piece.end - begin));
      read_(begin, current_.size(), current_.data());
      done_ += current_.size();
      if (piece.begin + done_ == piece.end) ++piece_, done_ = 0;
    }
    *data = current_.data(), *size = static_cast<int>(current_.size());
    count_ += *size;
    return *size > 0 || Next(data, size);
  }
  void BackUp(int count) override { returned_ = count, count_ -= count; }
  bool Skip(int count) override {
    const void* data;
    int size = 0;
    for (; count > 0 && Next(&data, &size); count -= size)
      if (size > count) return BackUp(size - count), true;
    return count == 0;
  }
  std::int64_t ByteCount() const override { return count_; }

 private:
  const std::vector<Piece>& pieces_;
  const ReadBytes& read_;
  std::size_t piece_ = 0;
  std::uint64_t done_ = 0;  // of the piece
  std::string current_;
  int returned_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace

ModelFile::ModelFile(const std::filesystem::path& file) : file_(file) {
  if (const std::string why = whyNotRegular(file); !why.empty())
    throw Error(ErrorCode::BadModel, file.string() + " can not be read: " + why + ".");
  descriptor_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw Error(ErrorCode::BadModel, file.string() + " can not be opened.");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

ModelFile::~ModelFile() { ::close(descriptor_); }

void ModelFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw Error(ErrorCode::BadModel, file_.string() + " can not be read: " +
                                           (n < 0 ? std::strerror(errno) : "it became shorter meanwhile") +
                                           ".");
    offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

tessera_onnx::Model ModelFile::parse(std::uint64_t least) const {
  const ReadBytes reader = [this](std::uint64_t offset, std::size_t bytes, char* to) {
    read(offset, {reinterpret_cast<std::byte*>(to), bytes});
  };
  const std::vector<Piece> pieces = withoutRawData(size_, least, reader);
  PieceStream stream(pieces, reader);
  google::protobuf::io::CodedInputStream coded(&stream);
  tessera_onnx::Model model;
  if (!model.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) refuseFile(file_, "ONNX model");
  return model;
}

}  // namespace tessera::onnx
