// Layers of unknown types by the names that plugins serve.
#include "importers/caffe/plugin.hpp"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>

namespace tessera::caffe {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::Message;

bool isUpper(char c) { return c >= 'A' && c <= 'Z'; }

// PixelNorm: pixel_norm_param; as Caffe names them.
std::string fieldOf(const std::string& type) {
  std::string field;
  for (std::size_t i = 0; i < type.size(); ++i) {
    const bool starts = isUpper(type[i]) && i > 0 &&
                        (!isUpper(type[i - 1]) || (i + 1 < type.size() && !isUpper(type[i + 1])));
    if (starts && field.back() != '_') field += '_';
    field += isUpper(type[i]) ? static_cast<char>(type[i] - 'A' + 'a') : type[i];
  }
  return field + "_param";
}

bool isName(const std::string& text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '_'; }) &&
         !std::isdigit(static_cast<unsigned char>(text[0]));
}

// Type of a source model, its field, and the plugin. Types of one domain of ONNX are none of Caffe's.
struct Served {
  std::string type, field;
  std::shared_ptr<const Plugin> plugin;
};
std::vector<Served> served() {
  std::vector<Served> all;
  std::set<std::string> fields;
  for (const PluginInfo& info : plugins())
    for (const std::string& type : info.types)
      if (isName(type) && fields.insert(fieldOf(type)).second)
        all.push_back({type, fieldOf(type), pluginFor("", type)});
  return all;
}

void addField(DescriptorProto& to, const std::string& name, FieldDescriptorProto::Type type, bool repeated,
              const std::string& message = {}) {
  auto& field = *to.add_field();
  field.set_name(name);
  field.set_number(to.field_size());
  field.set_type(type);
  field.set_label(repeated ? FieldDescriptorProto::LABEL_REPEATED : FieldDescriptorProto::LABEL_OPTIONAL);
  if (!message.empty()) field.set_type_name(message);
}

// Names that text may be are written without quotes, as Caffe's enumerations are.
void addChoice(DescriptorProto& to, const PluginAttribute& attribute) {
  if (!std::ranges::all_of(attribute.choices, isName) || attribute.choices.empty())
    return addField(to, attribute.name, FieldDescriptorProto::TYPE_STRING, false);
  auto& scope = *to.add_nested_type();  // values of enumerations are names of the message around them
  scope.set_name("Of_" + attribute.name);
  auto& values = *scope.add_enum_type();
  values.set_name("Values");
  for (const std::string& choice : attribute.choices) {
    auto& value = *values.add_value();
    value.set_name(choice);
    value.set_number(values.value_size() - 1);
  }
  addField(to, attribute.name, FieldDescriptorProto::TYPE_ENUM, false, "Of_" + attribute.name + ".Values");
}

void addAttribute(DescriptorProto& to, const PluginAttribute& attribute) {
  const AttributeValue& value = attribute.fallback;
  if (std::holds_alternative<std::string>(value)) return addChoice(to, attribute);
  const bool list = std::holds_alternative<std::vector<std::int64_t>>(value) ||
                    std::holds_alternative<std::vector<double>>(value);
  const bool whole =
      std::holds_alternative<std::int64_t>(value) || std::holds_alternative<std::vector<std::int64_t>>(value);
  addField(to, attribute.name, whole ? FieldDescriptorProto::TYPE_INT64 : FieldDescriptorProto::TYPE_DOUBLE,
           list);
}

// A file of Net, Layer and a message for each plugin's parameters: what the text holds of them.
google::protobuf::FileDescriptorProto schemaOf(const std::vector<Served>& all) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("plugins.proto");
  auto& net = *file.add_message_type();
  net.set_name("Net");
  addField(net, "layer", FieldDescriptorProto::TYPE_MESSAGE, true, "Layer");
  auto& layer = *file.add_message_type();
  layer.set_name("Layer");
  addField(layer, "name", FieldDescriptorProto::TYPE_STRING, false);
  addField(layer, "type", FieldDescriptorProto::TYPE_STRING, false);
  for (const Served& s : all)
    addField(layer, s.field, FieldDescriptorProto::TYPE_MESSAGE, false, "Parameters_" + s.type);
  for (const Served& s : all) {
    auto& parameters = *file.add_message_type();
    parameters.set_name("Parameters_" + s.type);
    for (const PluginAttribute& attribute : s.plugin->attributes()) addAttribute(parameters, attribute);
  }
  return file;
}

AttributeValue valueOf(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  const bool whole = field.cpp_type() == FieldDescriptor::CPPTYPE_INT64;
  if (field.is_repeated()) {
    std::vector<std::int64_t> integers;
    std::vector<double> numbers;
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i)
      if (whole)
        integers.push_back(reflection.GetRepeatedInt64(message, &field, i));
      else
        numbers.push_back(reflection.GetRepeatedDouble(message, &field, i));
    if (whole) return integers;
    return numbers;
  }
  if (whole) return std::int64_t{reflection.GetInt64(message, &field)};
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) return reflection.GetDouble(message, &field);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) return reflection.GetEnum(message, &field)->name();
  return reflection.GetString(message, &field);
}

Attributes attributesOf(const Message& parameters) {
  std::vector<const FieldDescriptor*> given;
  parameters.GetReflection()->ListFields(parameters, &given);
  Attributes attrs;
  for (const FieldDescriptor* field : given) attrs.set(field->name(), valueOf(parameters, *field));
  return attrs;
}

// What the plugin's parameters do not know is an error; elsewhere the typed reader has said what is to be
// said.
class Messages final : public google::protobuf::io::ErrorCollector {
 public:
  explicit Messages(const std::vector<Served>& all) : all_(all) {}
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (error.empty()) error = std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": " + message;
  }
  void AddWarning(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    for (const Served& s : all_)
      if (message.find("\"Parameters_" + s.type + "\"") != std::string::npos)
        AddError(line, column, message + " (what plugin " + s.plugin->name() + " knows)");
  }
  std::string error;

 private:
  const std::vector<Served>& all_;
};

}  // namespace

std::set<std::string> pluginFields() {
  std::set<std::string> fields;
  for (const Served& s : served()) fields.insert(s.field);
  return fields;
}

PluginParameters pluginParameters(const std::string& text, const std::string& origin) {
  const std::vector<Served> all = served();
  if (all.empty()) return {};
  google::protobuf::DescriptorPool pool;
  const auto* file = pool.BuildFile(schemaOf(all));
  if (!file)
    throw Error(ErrorCode::Unsupported,
                origin + ": the attributes of plugins can not be parameters of Caffe");
  google::protobuf::DynamicMessageFactory factory(&pool);
  const std::unique_ptr<Message> net(factory.GetPrototype(file->FindMessageTypeByName("Net"))->New());
  Messages messages(all);
  google::protobuf::TextFormat::Parser parser;
  parser.AllowUnknownField(true);
  parser.RecordErrorsTo(&messages);
  if (!parser.ParseFromString(text, net.get()) || !messages.error.empty())
    throw Error(ErrorCode::BadModel, origin + ":" + messages.error);
  PluginParameters found;
  const auto* layers = net->GetDescriptor()->FindFieldByName("layer");
  for (int i = 0; i < net->GetReflection()->FieldSize(*net, layers); ++i) {
    const Message& layer = net->GetReflection()->GetRepeatedMessage(*net, layers, i);
    const auto textOf = [&](const char* field) {
      return layer.GetReflection()->GetString(layer, layer.GetDescriptor()->FindFieldByName(field));
    };
    const auto s = std::ranges::find(all, textOf("type"), &Served::type);
    if (s == all.end()) continue;
    const auto* field = layer.GetDescriptor()->FindFieldByName(s->field);
    Attributes attrs = attributesOf(layer.GetReflection()->GetMessage(layer, field));
    const auto [it, added] = found.emplace(std::pair(textOf("name"), s->type), attrs);
    if (!added && !(it->second == attrs))
      throw Error(ErrorCode::BadModel, origin + ": two layers are named '" + textOf("name") + "' (" +
                                           s->type + ") and have different parameters");
  }
  return found;
}

std::vector<TensorId> importPlugin(const LayerContext& context, const Plugin& plugin,
                                   const Attributes& parameters) {
  std::vector<TensorId> inputs = context.bottoms();
  const auto declared = plugin.inputs();
  for (std::size_t i = 0; i < context.blobCount(); ++i) {
    const std::string what =
        inputs.size() < declared.size() ? declared[inputs.size()].name : "blob" + std::to_string(i);
    inputs.push_back(context.weights(i, context.blobShape(i, what), what));
  }
  std::vector<TensorId> outputs;
  try {
    outputs = context.build.addAll(plugin.name(), context.layer.name(), std::move(inputs), parameters,
                                   context.tops());
  } catch (const Error& e) {
    if (e.code() != ErrorCode::InvalidArgument) throw;
    context.refuse("plugin " + plugin.name() + " does not take it: " + e.what());
  }
  if (outputs.size() < context.tops().size())
    context.refuse("it has " + std::to_string(context.tops().size()) + " outputs, plugin " + plugin.name() +
                   " has " + std::to_string(outputs.size()));
  return outputs;
}

}  // namespace tessera::caffe
