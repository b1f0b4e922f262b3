// Binary protobuf messages from files.
#include "importers/common/protobuf_file.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/message_lite.h>

#include <fstream>

#include "base/read_file.hpp"
#include "tessera/error.hpp"

namespace tessera {

void refuseFile(const std::filesystem::path& file, const std::string& what) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(file, ignored);
  throw Error(ErrorCode::BadModel, file.string() + " is no " + what + ", or it is damaged or truncated (" +
                                       std::to_string(size) + " bytes).");
}

void parseProtobuf(const std::filesystem::path& file, const std::string& what,
                   google::protobuf::MessageLite& message) {
  if (const std::string why = whyNotRegular(file); !why.empty())
    throw Error(ErrorCode::BadModel, file.string() + " can not be read: " + why + ".");
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(ErrorCode::BadModel, file.string() + " can not be opened.");
  google::protobuf::io::IstreamInputStream stream(&in);
  google::protobuf::io::CodedInputStream coded(&stream);
  if (!message.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) refuseFile(file, what);
}

}  // namespace tessera
