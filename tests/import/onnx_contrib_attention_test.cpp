// Attention of ONNX Runtime's optimiser, and products with block-quantised weights: values recorded from it.
#include "tests/import/quantized_case.hpp"

namespace tessera {
namespace {

using test::OnnxModel;
using testing::HasSubstr;
using Tensor = tessera_onnx::Tensor;
using Ints = std::vector<std::int64_t>;

/// Numbers that look random and are exact in floats: multiples of 1 / `parts` from -11 to 11 of them.
HostTensor pattern(Shape shape, int seed, float parts = 8) {
  HostTensor t(DataType::Float32, std::move(shape));
  for (std::int64_t i = 0; i < t.size(); ++i)
    t.as<float>()[static_cast<std::size_t>(i)] =
        static_cast<float>((i * 37 + 11 + seed * 5) % 23 - 11) / parts;
  return t;
}

HostTensor codes(Shape shape, int seed, DataType type = DataType::UInt8) {
  HostTensor t(type, std::move(shape));
  for (std::int64_t i = 0; i < t.size(); ++i)
    t.setNumber(i, static_cast<double>((i * 71 + 13 + seed * 31) % 256 - (type == DataType::Int8 ? 128 : 0)));
  return t;
}

int typeOf(const HostTensor& value) {
  return value.type == DataType::Float32 ? Tensor::FLOAT
         : value.type == DataType::UInt8 ? Tensor::UINT8
         : value.type == DataType::Int8  ? Tensor::INT8
                                         : Tensor::INT32;
}

class OnnxContribAttention : public test::QuantizedCase {
 public:
  /// A model of one node; inputs are added in the node's order.
  void begin(const std::string& type, const std::vector<std::string>& outputs = {"y"}) {
    model_ = OnnxModel(17);
    values_.clear();
    node_ = &contrib(model_, type, {}, outputs);
    for (const auto& output : outputs)
      if (!output.empty()) model_.output(output);
  }
  OnnxContribAttention& give(const HostTensor& value) {
    const std::string name = "i" + std::to_string(node_->input_size());
    model_.input(name, value.shape, typeOf(value));
    values_[name] = value;
    node_->add_input(name);
    return *this;
  }
  OnnxContribAttention& keep(const HostTensor& value) {
    const std::string name = "c" + std::to_string(node_->input_size());
    constant(model_, name, typeOf(value), value);
    node_->add_input(name);
    return *this;
  }
  OnnxContribAttention& leave(int count = 1) {
    for (int i = 0; i < count; ++i) node_->add_input("");
    return *this;
  }
  OnnxContribAttention& mask(const Shape& shape, const std::vector<std::int32_t>& values) {
    return give(HostTensor::of<std::int32_t>(shape, values));
  }
  OnnxContribAttention& with(const std::string& name, std::int64_t value) {
    OnnxModel::set(*node_, name, value);
    return *this;
  }
  void expect(const std::vector<float>& wanted, std::size_t output = 0) {
    const HostTensor y = only(import(model_), values_, output);
    ASSERT_GE(y.size(), static_cast<std::int64_t>(wanted.size()));
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_NEAR(y.number(static_cast<std::int64_t>(i)), static_cast<double>(wanted[i]),
                  2e-5 * (1 + std::abs(static_cast<double>(wanted[i]))))
          << "element " << i;
  }
  std::string why() { return refusal(model_); }

  /// The first three inputs of an Attention of two heads.
  OnnxContribAttention& attention(const std::vector<std::string>& outputs = {"y"}) {
    begin("Attention", outputs);
    give(pattern({2, 3, 4}, 0)).keep(pattern({4, 12}, 1, 16)).keep(pattern({12}, 2));
    return with("num_heads", 2);
  }
  OnnxContribAttention& multiHead(std::int64_t keys, std::int64_t values,
                                  const std::vector<std::string>& outputs = {"y"}) {
    begin("MultiHeadAttention", outputs);
    give(pattern({2, 3, 4}, 0)).give(pattern({2, keys, 4}, 1)).give(pattern({2, keys, values}, 2));
    return with("num_heads", 2);
  }

  OnnxModel model_;
  tessera_onnx::Node* node_ = nullptr;
  std::map<std::string, HostTensor> values_;
};

TEST_F(OnnxContribAttention, ProjectsAndAttends) {
  attention();
  expect({0.609621f, 0.291586f,  -1.07986f,  0.51912f,  1.21209f,  0.458967f, -0.82481f,  0.487643f,
          0.932238f, -0.648977f, -0.568453f, 0.714678f, 1.30106f,  0.659753f, -0.806786f, 0.383508f,
          0.916458f, -0.541187f, -0.584442f, 0.974083f, 0.897104f, 0.23003f,  -1.28047f,  0.626871f});
  begin("Attention");
  give(pattern({2, 3, 4}, 0)).keep(pattern({4, 10}, 1, 16)).with("num_heads", 2);
  OnnxModel::set(*node_, "qkv_hidden_sizes", Ints{4, 4, 2});
  expect({-0.0330348f, -0.138647f, -0.0621589f, -0.12811f, -0.0447214f, -0.162346f, -0.141761f, -0.0633359f,
          -0.123076f, -0.040583f, -0.180993f, -0.0717407f});
}

TEST_F(OnnxContribAttention, MasksInEveryForm) {
  attention().mask({2}, {2, 3});
  expect({0.0857374f, 0.158599f,  -0.681002f, 0.420707f, 0.035756f, 0.221013f, -0.667955f, 0.451693f,
          0.857282f,  -0.804872f, -0.557633f, 0.713707f, 1.30106f,  0.659753f, -0.806786f, 0.383508f,
          0.916458f,  -0.541187f, -0.584442f, 0.974083f, 0.897104f, 0.23003f,  -1.28047f,  0.626871f});
  attention().mask({4}, {2, 3, 1, 0});
  expect({1.53906f,  -1.65625f,  -0.539062f, 0.757812f, 1.53906f,  -1.65625f, -0.539062f, 0.757812f,
          1.53906f,  -1.65625f,  -0.539062f, 0.757812f, 1.30106f,  0.659753f, -0.806786f, 0.383508f,
          0.916458f, -0.541187f, -0.584442f, 0.974083f, 0.897104f, 0.23003f,  -1.28047f,  0.626871f});
  attention().mask({2, 3}, {1, 1, 0, 0, 1, 1});
  set(*node_, "mask_filter_value", -3.0f);
  expect({0.126109f, 0.168847f, -0.705693f, 0.426799f, 0.287626f, 0.271962f, -0.676411f, 0.453631f,
          0.861485f, -0.79613f, -0.558174f, 0.713756f, 1.30016f,  0.67288f,  -1.08879f,  -0.373258f,
          0.507731f, 0.15757f,  -0.806971f, 0.315083f, 0.837615f, 0.41183f,  -1.78856f,  0.335176f});
  attention().mask({2, 3, 3}, {1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1});
  with("unidirectional", 1);
  expect({-0.03125f, 0.304688f,  -0.976562f, -0.28125f, 0.035756f, 0.221013f, -0.667955f, 0.451693f,
          0.932238f, -0.648977f, -0.568453f, 0.714678f, 1.44531f,  -1.44531f, -0.5625f,   1.03906f,
          1.43346f,  -0.896003f, -0.569947f, 1.03957f,  0.897104f, 0.23003f,  -1.28047f,  0.626871f});
  attention().mask({2, 3}, {0, 1, 1, 1, 1, 0}).with("unidirectional", 1);
  expect({-0.03125f, 0.304688f,  -0.976562f, -0.28125f, 1.53906f, -1.65625f, -0.539062f, 0.757812f,
          1.53009f,  -1.24074f,  -0.550461f, 0.758584f, 1.44531f, -1.44531f, -0.5625f,   1.03906f,
          1.43346f,  -0.896003f, -0.569947f, 1.03957f,  1.40633f, 0.360983f, -1.403f,    1.09594f});
  attention().leave(2).give(pattern({1, 2, 3, 3}, 4)).with("unidirectional", 1);
  expect({-0.03125f, 0.304688f,   -0.976562f, -0.28125f, 0.289308f, -0.0956111f, -0.78522f,  0.173189f,
          1.36306f,  -1.30234f,   -0.64665f,  0.640193f, 1.44531f,  -1.44531f,   -0.5625f,   1.03906f,
          1.41434f,  -0.0101199f, -0.564924f, 1.03923f,  1.14803f,  0.531362f,   -0.941496f, 0.23089f});
}

TEST_F(OnnxContribAttention, PastKeysComeFirst) {
  attention({"y", "present"}).leave().give(pattern({2, 2, 2, 2, 2}, 3)).with("unidirectional", 1);
  set(*node_, "scale", 0.5f);
  expect({-0.184118f, 0.354331f,  -0.479291f, 0.0922261f, -0.0211389f, 0.238554f,  -0.438066f, 0.167164f,
          0.553116f,  -0.236783f, -0.556508f, 0.590328f,  1.1466f,     -0.173739f, -0.535918f, 0.290955f,
          1.29667f,   -0.444353f, -0.604048f, 0.816934f,  0.963528f,   0.108874f,  -1.02192f,  0.291195f});
  expect({-1.0f,     0.75f,     -0.375f,   1.375f,    0.242188f,  1.83594f,  -1.85156f, 2.14062f,
          0.367188f, 0.109375f, 0.25f,     -0.875f,   0.875f,     -0.25f,    0.554688f, -0.726562f,
          -0.875f,   0.242188f, 1.10938f,  -2.02344f, -1.375f,    0.375f,    -0.75f,    1.0f,
          -1.54688f, 2.21094f,  0.671875f, 0.179688f, -0.164062f, 1.74219f,  -0.125f,   -1.25f,
          0.5f,      -0.625f,   -1.03906f, -0.15625f, 0.945312f,  -2.42188f, 0.773438f, -0.195312f},
         1);
}

TEST_F(OnnxContribAttention, QueriesKeysAndValuesOfTheirOwn) {
  multiHead(5, 6).keep(pattern({14}, 3));
  expect({-0.910386f, 0.126951f,  -0.8807f,  0.992887f,  -0.531971f,   -0.632113f,  -0.882113f, 0.15914f,
          -0.869882f, 1.12945f,   -1.04942f, -0.495552f, -0.745552f,   -0.0814612f, -0.784749f, 0.980186f,
          -0.463023f, -0.644814f, -1.37302f, 0.480186f,  -1.34638f,    -0.189483f,  0.214816f,  -1.88805f,
          -1.375f,    0.667851f,  -1.54285f, 0.905318f,  -0.00907877f, -1.30652f,   -1.37698f,  0.471379f,
          -1.35519f,  0.718777f,  0.282346f, -1.02037f});
  multiHead(5, 6).leave().mask({2, 5}, {1, 1, 1, 0, 1, 1, 0, 1, 1, 1}).give(pattern({2, 2, 3, 5}, 4));
  set(*node_, "scale", 0.3f);
  expect({0.102302f,  -0.4875f,    0.474888f,  -0.446817f, 0.767672f, 0.178183f,  0.0778133f, -0.186635f,
          0.165134f,  -0.439096f,  0.64256f,   0.185904f,  0.083394f, -0.255969f, 0.2378f,    -0.550369f,
          0.190276f,  0.0746307f,  -0.32671f,  -0.269306f, 0.14688f,  -0.585847f, 0.585505f,  -0.433935f,
          -0.459716f, -0.067805f,  0.0390484f, 0.142119f,  0.247908f, -0.610105f, -0.310222f, -0.29356f,
          0.147391f,  -0.0916481f, 0.236464f,  -0.417721f});
  multiHead(5, 6).leave().mask({2}, {3, 5});
  expect({0.122097f,  0.422761f,  -0.310846f,  -0.235706f,  -0.141308f,  0.389294f,  0.405877f,  0.299526f,
          -0.435918f, -0.258367f, -1.00832f,   0.366633f,   0.283492f,   -0.524395f, 0.49509f,   -0.321345f,
          -0.103281f, 0.303655f,  -0.0650313f, -0.0347315f, -0.375735f,  -0.57383f,  0.208304f,  -0.392753f,
          0.0186186f, 0.209201f,  -0.722282f,  0.620138f,   -0.0335306f, 0.037921f,  0.0130413f, -0.0915523f,
          -0.426408f, 0.0604518f, 0.230711f,   0.372669f});
  multiHead(3, 4, {"y", "k", "v"}).leave(3).give(pattern({2, 2, 2, 2}, 5)).give(pattern({2, 2, 2, 2}, 6));
  with("unidirectional", 1);
  expect({0.411119f,  0.0301446f, -0.788032f, 0.413724f, 0.00146253f, 0.245654f,   -0.274995f, -0.26124f,
          -0.111472f, 0.82128f,   -0.861129f, 0.26412f,  0.64677f,    -0.10463f,   -0.377427f, 0.188256f,
          -0.25277f,  0.527363f,  0.131301f,  0.221852f, 0.197858f,   -0.0907123f, -0.293388f, 0.351222f});
  expect({0.25f,   -0.875f, 0.875f,  -0.25f,  0.625f,  -0.5f,  -1.0f,   0.75f,   0.25f,   -0.875f,
          -1.375f, 0.375f,  -0.75f,  1.0f,    1.25f,   0.125f, -0.375f, 1.375f,  0.875f,  -0.25f,
          -0.125f, -1.25f,  0.5f,    -0.625f, -1.375f, 0.375f, -0.125f, -1.25f,  1.125f,  0.0f,
          1.125f,  0.0f,    -1.125f, 0.625f,  -0.75f,  1.0f,   0.5f,    -0.625f, -1.125f, 0.625f},
         1);
  expect({0.875f,  -0.25f,  -1.375f, 0.375f, 1.25f,   0.125f, -0.375f, 1.375f,  0.875f,  -0.25f,
          -0.75f,  1.0f,    -0.125f, -1.25f, -1.0f,   0.75f,  0.25f,   -0.875f, -1.375f, 0.375f,
          0.5f,    -0.625f, 1.125f,  0.0f,   -0.75f,  1.0f,   0.5f,    -0.625f, -1.125f, 0.625f,
          -1.125f, 0.625f,  -0.5f,   1.25f,  -0.125f, -1.25f, 1.125f,  0.0f,    -0.5f,   1.25f},
         2);
  begin("MultiHeadAttention");
  give(pattern({1, 3, 4}, 0)).give(pattern({1, 2, 4, 2}, 1)).give(pattern({1, 2, 4, 2}, 2));
  with("num_heads", 2);
  expect({0.253847f, 0.405305f, -0.31634f, 0.0169093f, -0.157082f, 0.401349f, -0.417282f, -0.047728f,
          -0.0147634f, 0.0861978f, -0.194568f, 0.0221281f});
}

/// ONNX Runtime packs on GPUs only; the parts side by side have to give what they give one by one.
TEST_F(OnnxContribAttention, PackedInputsAreTheirParts) {
  const HostTensor q = pattern({1, 3, 2, 2}, 0), k = pattern({1, 3, 2, 2}, 1), v = pattern({1, 3, 2, 2}, 2);
  const auto packed = [](const std::vector<const HostTensor*>& parts) {
    const auto count = static_cast<std::int64_t>(parts.size());
    HostTensor all(DataType::Float32, {1, 3, 2, count, 2});
    for (std::int64_t row = 0; row < 6; ++row)
      for (std::int64_t p = 0; p < count; ++p)
        for (std::int64_t i = 0; i < 2; ++i)
          all.setNumber((row * count + p) * 2 + i, parts[static_cast<std::size_t>(p)]->number(row * 2 + i));
    return all;
  };
  const auto flat = [](HostTensor x) {
    x.shape = {1, 3, 4};
    return x;
  };
  begin("MultiHeadAttention");
  give(flat(q)).give(flat(k)).give(flat(v)).with("num_heads", 2);
  const HostTensor wanted = only(import(model_), values_);
  const std::vector<float> values(wanted.as<float>().begin(), wanted.as<float>().end());
  begin("MultiHeadAttention");
  give(packed({&q, &k, &v})).with("num_heads", 2);
  expect(values);
  begin("MultiHeadAttention");
  give(flat(q)).give(packed({&k, &v})).with("num_heads", 2);
  expect(values);
}

TEST_F(OnnxContribAttention, ProjectsCodes) {
  for (const bool perColumn : {true, false}) {
    const DataType type = perColumn ? DataType::Int8 : DataType::UInt8;
    HostTensor scales(DataType::Float32, perColumn ? Shape{12} : Shape{}), zeros(type, scales.shape);
    for (std::int64_t i = 0; i < scales.size(); ++i) {
      scales.setNumber(i, perColumn ? static_cast<double>(i + 1) / 512 : 0.01);
      zeros.setNumber(i, perColumn ? 0 : 100);
    }
    HostTensor zero(DataType::UInt8, {});
    zero.setNumber(0, 120);
    begin("QAttention");
    give(codes({1, 3, 4}, 0)).keep(codes({4, 12}, 1, type)).keep(pattern({12}, 2));
    keep(HostTensor::scalar(0.02f)).keep(scales).mask({1}, {2}).keep(zero).keep(zeros).with("num_heads", 2);
    const std::vector<float> signedOnes = {-2.00069f,  -1.92191f, -0.305985f, 1.57911f,  -1.9887f, -1.94012f,
                                           -0.306331f, 1.57918f,  -2.02502f,  -1.88497f, 0.12513f, 1.49093f};
    const std::vector<float> unsignedOnes = {-0.454973f, -0.743144f, -0.539046f, 0.967388f,
                                             -0.457829f, -0.644585f, -0.46227f,  0.986583f,
                                             -0.470004f, -0.224566f, -0.805393f, 0.900802f};
    expect(perColumn ? signedOnes : unsignedOnes);
  }
}

TEST_F(OnnxContribAttention, OptionsThatAreNotSupportedAreNamed) {
  for (const char* option : {"do_rotary", "past_present_share_buffer"}) {
    attention().with(option, 1);
    EXPECT_THAT(why(), HasSubstr(option));
  }
  attention().mask({8}, {1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_THAT(why(), HasSubstr("mask of 8"));
  attention().mask({2, 1, 3, 3}, std::vector<std::int32_t>(18, 1));
  EXPECT_THAT(why(), HasSubstr("mask of 2x1x3x3"));
  attention().leave(3).mask({1}, {0});
  EXPECT_THAT(why(), HasSubstr("past_sequence_length"));
  multiHead(3, 4).leave(6).mask({2, 1, 3}, std::vector<std::int32_t>(6, 0));
  EXPECT_THAT(why(), HasSubstr("cache_indirection"));
  attention().leave().give(pattern({2, 2, 3, 2, 2}, 3));  // of three heads
  EXPECT_THAT(message(model_, ErrorCode::BadModel), HasSubstr("Attention"));
  attention();
  OnnxModel::set(*node_, "qkv_hidden_sizes", Ints{4, 4, 8});
  EXPECT_THAT(message(model_, ErrorCode::BadModel), HasSubstr("qkv_hidden_sizes"));
}

class OnnxBlockQuantised : public OnnxContribAttention {
 protected:
  OnnxContribAttention& product(std::int64_t bits) {
    HostTensor scales = pattern({9}, 1, 64);
    for (float& s : scales.as<float>()) s = std::abs(s) + 0.01f;
    begin("MatMulNBits");
    with("K", 40).with("N", 3).with("bits", bits).with("block_size", 16);
    return give(pattern({2, 40}, 0)).keep(codes({3, 3, 2 * bits}, 0)).keep(scales);
  }
};

TEST_F(OnnxBlockQuantised, WeightsOfEveryWidth) {
  product(4);
  expect({4.35227f, -1.56352f, 3.83539f, -0.322422f, -0.806875f, 1.07461f});
  product(4).keep(codes({3, 2}, 3)).leave().keep(pattern({3}, 4));
  expect({3.46445f, 0.438203f, 4.17695f, 0.940547f, 0.742031f, 1.13695f});
  product(4).keep(pattern({3, 3}, 5, 2));
  expect({3.83617f, -2.47102f, 3.5093f, 0.805f, -2.10039f, 1.64469f});
  product(8).keep(codes({3, 3}, 3));
  expect({45.4358f, 7.10555f, -39.7224f, -98.129f, -1.61867f, -24.2434f});
  product(2);
  expect({-0.576406f, 0.0678125f, -0.769297f, -0.573984f, 0.636641f, 0.0703125f});
  product(2).keep(codes({3, 1}, 3));
  expect({-0.576406f, 0.00867189f, -0.739609f, -0.573984f, 0.0482032f, 0.192031f});
}

TEST_F(OnnxBlockQuantised, OthersAreNamed) {
  product(4).with("weight_prepacked", 1);
  EXPECT_THAT(why(), HasSubstr("weight_prepacked"));
  product(4).leave().mask({40}, std::vector<std::int32_t>(40, 0));
  EXPECT_THAT(why(), HasSubstr("g_idx"));
  product(3);
  EXPECT_THAT(why(), HasSubstr("3 bits"));
  begin("MatMulNBits");
  with("K", 16).with("N", std::int64_t{1} << 40).with("bits", 4).with("block_size", 16);
  give(pattern({2, 16}, 0)).keep(codes({1, 1, 8}, 0)).keep(pattern({1}, 1));
  EXPECT_THAT(why(), HasSubstr("MatMulNBits"));  // 64 TiB of floats are refused before they are made
  begin("MatMulNBits");
  with("K", 16).with("N", 2).with("bits", 4).with("block_size", 16);
  give(pattern({2, 16}, 0)).keep(codes({1, 1, 8}, 0)).keep(pattern({2}, 1));
  EXPECT_THAT(message(model_, ErrorCode::BadModel), HasSubstr("weights of 1x1x8"));
}

TEST_F(OnnxBlockQuantised, PoolsOfCodesWithChannelsLast) {
  for (const DataType type : {DataType::UInt8, DataType::Int8}) {
    begin("NhwcMaxPool");
    give(codes({1, 5, 4, 3}, 0, type));
    OnnxModel::set(*node_, "kernel_shape", Ints{3, 2});
    OnnxModel::set(*node_, "strides", Ints{2, 1});
    OnnxModel::set(*node_, "pads", Ints{1, 0, 1, 1});
    std::vector<float> wanted = {226, 168, 239, 226, 254, 196, 224, 254, 153, 224, 211, 110,
                                 222, 252, 239, 222, 250, 237, 224, 250, 237, 224, 207, 194,
                                 222, 164, 235, 222, 250, 192, 220, 250, 149, 220, 207, 106};
    if (type == DataType::Int8)
      for (float& code : wanted) code -= 128;
    expect(wanted);
  }
  begin("NhwcMaxPool");
  give(codes({1, 5, 4, 2}, 0));
  OnnxModel::set(*node_, "kernel_shape", Ints{3, 3});
  OnnxModel::set(*node_, "strides", Ints{2, 2});
  set(*node_, "auto_pad", std::string("SAME_LOWER"));
  expect({211, 226, 239, 254, 211, 252, 239, 224, 237, 252, 209, 222});
}

}  // namespace
}  // namespace tessera
