/// \file
/// Operators of UFF as operators of the importer for TensorFlow.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "importers/common/names.hpp"
#include "importers/tensorflow/source.hpp"
#include "uff/uff.pb.h"

namespace tessera::uff {

/// The fields of one node, references followed.
class Fields {
 public:
  Fields(const tessera_uff::Node& node, const std::map<std::string, const tessera_uff::Data*>& referenced);

  const tessera_uff::Data* find(const std::string& key) const;  ///< null where there is none
  std::int64_t integer(const std::string& key, std::int64_t fallback) const;
  double number(const std::string& key, double fallback) const;
  std::string text(const std::string& key) const;  ///< "" where there is none
  std::vector<std::int64_t> integers(const std::string& key) const;
  /// Order of input i: its axes by number (0: N or K, 1: C, 2: the first spatial one). Empty where it is not
  /// given.
  std::vector<std::int64_t> order(int i) const;
  /// All of them, for a custom layer: texts, numbers, lists of them. Orders of axes are left out, and so is
  /// the mark of their type that the converter appends to names (scale_u_float). Throws Error(Unsupported)
  /// where one is nothing of these.
  Attributes attributes() const;

 private:
  std::map<std::string, const tessera_uff::Data*> fields_;
};

/// What a row sees: the node's fields, and the node that it becomes.
struct Operator {
  const Fields& fields;
  tensorflow::SourceNode& node;                  ///< name, inputs and output are there already
  std::vector<tensorflow::SourceNode>& helpers;  ///< constants beside it
  Names& names;                                  ///< of the whole file

  /// A list of integers as the node's last operand; one number where `scalar`.
  void addIntegers(const std::string& part, std::vector<std::int64_t> values, bool scalar = false);
};

/// One operator of the format: the one that it becomes ("": `read` says), and what it makes of its fields.
struct Row {
  std::string_view name, type;
  void (*read)(Operator&);  ///< null: there are no fields that matter
  std::string_view notes = {};
};

const std::vector<Row>& rows();
const Row* findRow(std::string_view name);

}  // namespace tessera::uff
