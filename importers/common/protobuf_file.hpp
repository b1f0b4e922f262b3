/// \file
/// Reading a model file that is one protobuf message.
#pragma once

#include <filesystem>
#include <string>

namespace google::protobuf {
class MessageLite;
}

namespace tessera {

/// Reads the whole file into `message`. Throws Error(BadModel) that names the file where it can not be read,
/// or is not `what` ("ONNX model", say) as a whole.
void parseProtobuf(const std::filesystem::path& file, const std::string& what,
                   google::protobuf::MessageLite& message);

/// The error of a file that is not `what`.
[[noreturn]] void refuseFile(const std::filesystem::path& file, const std::string& what);

}  // namespace tessera
