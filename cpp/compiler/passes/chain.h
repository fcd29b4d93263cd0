#pragma once
// What can ride on the store of a matrix product, a convolution or a batch normalization: the
// element-wise steps that alone read its result, one after the other.

#include <vector>

#include "compiler/graph.h"
#include "kernels/cpu/gemm/epilogue.h"

namespace ranvier::compiler {

// The chain producer -> bias -> residual -> activation, as far as it goes. Behind a gradient the
// last is instead the gradient of a relu, zero where the mask is not above zero.
struct Chain {
  NodeId producer = kNone;
  std::vector<NodeId> absorbed;  // after the producer
  ValueId bias = kNone, residual = kNone, mask = kNone;
  kernels::Activation activation = kernels::Activation::None;
  ValueId result = kNone;
};

// Finds the chains of one graph. They only take values with one reader, so the lists of readers
// made at the beginning stay true while chains are replaced.
class ChainFinder {
 public:
  explicit ChainFinder(Graph& graph)
      : graph_(graph), readers_(graph.readers()), outside_(graph.used_outside()) {}

  // The chain behind output 0 of the node; it takes a mask only if `masks`.
  Chain find(NodeId producer, bool masks = false);

 private:
  NodeId only_reader(ValueId value) const;
  bool extend(Chain& chain) const;
  bool add_operand(Chain& chain, const GraphNode& node, const TypeSpec& type) const;
  bool add_mask(Chain& chain, const GraphNode& node) const;
  bool cap(Chain& chain, const GraphNode& node) const;
  bool needs(ValueId value, NodeId producer) const;

  Graph& graph_;
  const std::vector<std::vector<NodeId>> readers_;
  const std::vector<uint8_t> outside_;
  uint32_t region_ = 0;  // of the chain being found
  bool masks_ = false;   // whether it takes one
};

}  // namespace ranvier::compiler
