#pragma once
// What the records of recurrent sequences and their compositions share: which operands there are.

#include "kernels/cpu/rnn/rnn.h"
#include "ops/support.h"

namespace ranvier::ops {

using kernels::RnnKind;

// The attributes of the family, and the places of operands that depend on them; -1 where an operand
// does not exist.
struct RnnLayout {
  RnnKind kind = RnnKind::Simple;
  kernels::Activation activation = kernels::Activation::Tanh;
  bool backwards = false, drop = false, mask = false, sequence = true;

  // Throws ValueError for unknown names.
  explicit RnnLayout(const Attrs& attrs);

  bool has_cell() const { return kind == RnnKind::Lstm; }
  bool has_bias() const { return kind == RnnKind::Gru; }
  bool has_extra() const { return kind != RnnKind::Simple; }
  int gates() const { return kernels::rnn_gates(kind); }

  // Inputs of the forward ops: x, u, bias, h0, c0, drop, mask.
  int bias() const { return has_bias() ? 2 : -1; }
  int h0() const { return 2 + has_bias(); }
  int c0() const { return has_cell() ? h0() + 1 : -1; }
  int forward_drop() const { return drop ? h0() + 1 + has_cell() : -1; }
  int forward_mask() const { return mask ? h0() + 1 + has_cell() + drop : -1; }
  int forward_inputs() const { return h0() + 1 + has_cell() + drop + mask; }
  // Outputs of the saved op: gates, saved_h, extra; then those of both: sequence, h, c.
  int saved_outputs() const { return 2 + has_extra(); }
  int results() const { return sequence + 1 + has_cell(); }
  // Inputs of the gradient: gates, u, saved_h, extra, dh, dc, dsequence, drop, mask.
  int extra() const { return has_extra() ? 3 : -1; }
  int dh() const { return 3 + has_extra(); }
  int dc() const { return has_cell() ? dh() + 1 : -1; }
  int dsequence() const { return sequence ? dh() + 1 + has_cell() : -1; }
  int backward_drop() const { return drop ? dh() + 1 + has_cell() + sequence : -1; }
  int backward_mask() const { return mask ? dh() + 1 + has_cell() + sequence + drop : -1; }
  int backward_inputs() const { return dh() + 1 + has_cell() + sequence + drop + mask; }
};

// The outputs of rnn_sequence_saved and of rnn_sequence_grad by scans over simpler ops, for second
// derivatives.
Tensors compose_rnn_saved(const RnnLayout& layout, TensorSpan inputs);
Tensors compose_rnn_grad(const RnnLayout& layout, TensorSpan inputs);

// Columns [from, from + count) of a matrix.
Tensor columns(const Tensor& matrix, int64_t from, int64_t count);

}  // namespace ranvier::ops
