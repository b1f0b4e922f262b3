// Einsum: diagonals and sums over single operands, then one matrix product per further operand.
#include "importers/common/einsum.hpp"

#include <algorithm>
#include <cctype>

namespace tessera {
namespace {

/// An operand with one label per extent.
struct Labelled {
  TensorId id;
  std::string labels;
};

bool contains(const std::string& labels, char label) { return labels.find(label) != std::string::npos; }

/// Splits the equation; the ellipsis becomes capital labels, aligned at the right of the widest one.
void parse(const LayerMaker& node, const std::string& text, std::span<const TensorId> inputs,
           std::vector<Labelled>& operands, std::string& result) {
  std::string equation;
  for (char c : text)
    if (!std::isspace(static_cast<unsigned char>(c))) equation += c;
  const auto arrow = equation.find("->");
  std::string left = equation.substr(0, arrow);
  std::vector<std::string> terms(1);
  for (char c : left) {
    if (c == ',')
      terms.emplace_back();
    else
      terms.back() += c;
  }
  if (terms.size() != inputs.size())
    node.bad("attribute equation has another number of terms than the node has inputs");
  std::size_t widest = 0;
  const auto expand = [&](std::string term, std::size_t extents, std::size_t most) {
    const auto dots = term.find("...");
    if (dots == std::string::npos) return term;
    std::string hidden;
    for (std::size_t i = 0; i < extents; ++i) hidden += static_cast<char>('\x01' + most - extents + i);
    return term.substr(0, dots) + hidden + term.substr(dots + 3);
  };
  const auto hiddenOf = [&](std::size_t i) {
    const bool dots = terms[i].find("...") != std::string::npos;
    const auto named = terms[i].size() - (dots ? 3 : 0);
    const std::size_t rank = node.shapeOf(inputs[i]).size();
    if (named > rank || (!dots && named != rank))
      node.bad("attribute equation does not fit the rank of input " + std::to_string(i));
    return rank - named;
  };
  for (std::size_t i = 0; i < terms.size(); ++i) widest = std::max(widest, hiddenOf(i));
  if (widest > 26) node.bad("attribute equation covers too many extents");
  for (std::size_t i = 0; i < terms.size(); ++i)
    operands.push_back({inputs[i], expand(terms[i], hiddenOf(i), widest)});
  if (arrow != std::string::npos) {
    result = expand(equation.substr(arrow + 2), widest, widest);
  } else {  // the hidden extents, then every label that appears once, in alphabetical order
    for (std::size_t i = 0; i < widest; ++i) result += static_cast<char>('\x01' + i);
    std::string all;
    for (const auto& operand : operands) all += operand.labels;
    for (int c = 32; c < 127; ++c)
      if (std::count(all.begin(), all.end(), static_cast<char>(c)) == 1) result += static_cast<char>(c);
  }
  for (char label : result)
    if (std::none_of(operands.begin(), operands.end(),
                     [&](const Labelled& o) { return contains(o.labels, label); }))
      node.bad("attribute equation asks for an extent that no input has");
}

Labelled permuted(LayerMaker& node, Labelled x, const std::string& wanted) {
  if (x.labels == wanted) return x;
  std::vector<std::int64_t> perm;
  for (char label : wanted) perm.push_back(static_cast<std::int64_t>(x.labels.find(label)));
  return {node.add("Transpose", {x.id}, {{"perm", perm}}, "order"), wanted};
}

/// A label that an operand has twice stands for the diagonal: its cells lie n + 1 apart once both are
/// neighbours.
Labelled diagonal(LayerMaker& node, Labelled x) {
  for (std::size_t i = 0; i < x.labels.size(); ++i) {
    const auto j = x.labels.find(x.labels[i], i + 1);
    if (j == std::string::npos) continue;
    const Shape shape = node.shapeOf(x.id);
    const std::int64_t n = shape[i];
    if (shape[j] != n) node.bad("attribute equation takes the diagonal of unequal extents");
    std::vector<std::int64_t> perm;
    Shape flat;
    std::string labels;
    for (std::size_t k = 0; k < shape.size(); ++k)
      if (k != i && k != j) {
        perm.push_back(static_cast<std::int64_t>(k));
        flat.push_back(shape[k]);
        labels += x.labels[k];
      }
    labels += x.labels[i];
    perm.push_back(static_cast<std::int64_t>(i));
    perm.push_back(static_cast<std::int64_t>(j));
    flat.push_back(n * n);
    const TensorId moved =
        node.reshape(node.add("Transpose", {x.id}, {{"perm", perm}}, "diagonal"), flat, "diagonal");
    std::vector<std::int64_t> starts(flat.size(), 0), steps(flat.size(), 1);
    Shape sizes = flat;
    sizes.back() = n;
    steps.back() = n + 1;
    return diagonal(node, {node.add("Slice", {moved},
                                    {{"starts", starts}, {"sizes", sizes}, {"steps", steps}}, "diagonal"),
                           labels});
  }
  return x;
}

/// Sums over the labels nothing else needs.
Labelled summed(LayerMaker& node, Labelled x, const std::string& needed) {
  std::vector<std::int64_t> axes;
  std::string kept;
  for (std::size_t i = 0; i < x.labels.size(); ++i) {
    if (contains(needed, x.labels[i]))
      kept += x.labels[i];
    else
      axes.push_back(static_cast<std::int64_t>(i));
  }
  if (axes.empty()) return x;
  return {node.add("Reduce", {x.id}, {{"mode", "sum"}, {"axes", axes}, {"keepdims", 0}}, "sum"), kept};
}

std::int64_t extentOf(const LayerMaker& node, const Labelled& x, char label) {
  const auto i = x.labels.find(label);
  return i == std::string::npos ? 1 : node.shapeOf(x.id)[i];
}

/// Product over the labels both have: those needed further are batches, the others are summed over.
Labelled product(LayerMaker& node, const MatrixProduct& matMul, const Labelled& a, const Labelled& b,
                 const std::string& needed) {
  std::string batch, inner, onlyA, onlyB;
  for (char label : a.labels)
    (contains(b.labels, label) ? contains(needed, label) ? batch : inner : onlyA) += label;
  for (char label : b.labels)
    if (!contains(a.labels, label)) onlyB += label;
  for (char label : inner)
    if (extentOf(node, a, label) != extentOf(node, b, label))
      node.bad("attribute equation joins unequal extents");
  const auto volume = [&](const Labelled& x, const std::string& labels) {
    std::int64_t n = 1;
    for (char label : labels) n *= extentOf(node, x, label);
    return n;
  };
  const auto matrices = [&](const Labelled& x, const std::string& rows, const std::string& columns) {
    Shape shape;
    for (char label : batch) shape.push_back(extentOf(node, x, label));
    shape.push_back(volume(x, rows));
    shape.push_back(volume(x, columns));
    return node.reshape(permuted(node, x, batch + rows + columns).id, shape, "matrix");
  };
  Shape shape;
  for (char label : batch) shape.push_back(std::max(extentOf(node, a, label), extentOf(node, b, label)));
  for (char label : onlyA) shape.push_back(extentOf(node, a, label));
  for (char label : onlyB) shape.push_back(extentOf(node, b, label));
  const TensorId joined = matMul(matrices(a, onlyA, inner), matrices(b, inner, onlyB));
  return {node.reshape(joined, shape, "extents"), batch + onlyA + onlyB};
}

}  // namespace

TensorId einsum(LayerMaker& node, const std::string& equation, std::span<const TensorId> inputs,
                const MatrixProduct& matMul) {
  std::vector<Labelled> operands;
  std::string result;
  parse(node, equation, inputs, operands, result);
  for (auto& operand : operands) operand = diagonal(node, operand);
  const auto neededAfter = [&](std::size_t next) {
    std::string labels = result;
    for (std::size_t i = next; i < operands.size(); ++i) labels += operands[i].labels;
    return labels;
  };
  Labelled all = summed(node, operands[0], neededAfter(1));
  for (std::size_t i = 1; i < operands.size(); ++i) {
    const Labelled next = summed(node, operands[i], all.labels + neededAfter(i + 1));
    all = product(node, matMul, all, next, neededAfter(i + 1));
  }
  all = summed(node, all, result);
  return permuted(node, all, result).id;
}

}  // namespace tessera
