#pragma once
// Recurrent cells over a whole sequence, forward and backward. The product of the inputs is made
// before (one matrix product over all steps); here each step adds the product of the state and
// applies the gates. Rows of the batch are independent: a chunk of them walks all steps.
//
//   lstm        columns i f g o   a = x + h U
//               c' = s(a_f) c + s(a_i) act(a_g),  h' = s(a_o) act(c')
//   gru         columns z r n     m = h U + bias
//               z, r = s(x + m),  n = act(x_n + r m_n),  h' = z h + (1 - z) n
//   gru_before  columns z r n     z, r = s(x + h U),  n = act(x_n + (r h) U_n),  h' as above
//   simple      one column        h' = act(x + h U)
//
// s is the logistic function. Recurrent dropout multiplies the h of each product by a mask of the
// gate's own, `drop`, the same in all steps. A step that the mask hides keeps h and c. Layouts,
// with G columns per unit:
//   x, gates, dx   batch, steps, G units: by time, also when time runs backwards
//   saved_h        batch, steps, units: the h each step began with
//   extra          batch, steps, units: lstm the c each step began with, gru m_n, gru_before r h
//   drop           batch, G units
//   sequence       batch, steps, units: h after each step, in the order of computing
//   u              units, G units

#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/cpu/gemm/epilogue.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

enum class RnnKind : uint8_t { Simple, Lstm, Gru, GruBefore };
const char* name_of(RnnKind kind);
int rnn_gates(RnnKind kind);  // columns per unit

struct RnnShape {
  RnnKind kind = RnnKind::Simple;
  Activation activation = Activation::Tanh;  // None, Relu, Sigmoid or Tanh
  int64_t batch = 0, steps = 0, units = 0;
  bool backwards = false;  // time runs from the last step to the first
  bool drop = false;       // there is recurrent dropout
};

// Null where not there: bias (gru only), c, drop, mask, sequence; gates, saved_h and extra where no
// gradient is wanted. gates may be x.
struct RnnForward {
  const void* x;
  const void* u;
  const void* bias;
  const void* h0;
  const void* c0;
  const void* drop;
  const bool* mask;  // batch, steps
  void* sequence;
  void* h;
  void* c;
  void* gates;
  void* saved_h;
  void* extra;
};

// dh and dc: gradients of the last states; dsequence may be null. dx may be gates. dm (gru only) is
// the gradient of m: dx with the last column times r.
struct RnnBackward {
  const void* gates;
  const void* saved_h;
  const void* extra;
  const void* u;
  const void* drop;
  const bool* mask;
  const void* dh;
  const void* dc;
  const void* dsequence;
  void* dx;
  void* dm;
  void* dh0;
  void* dc0;
};

struct RnnPlan;

// What one instruction-set level offers for one dtype.
struct RnnKernels {
  // The recurrent matrix is packed in panels, for the products of one direction.
  int64_t (*panels)(const RnnPlan&, bool backward) noexcept;
  void (*pack)(const RnnPlan&, bool backward, const void* u, void* packed, int64_t begin,
               int64_t end) noexcept;
  void (*forward)(const RnnPlan&, const RnnForward&, const void* packed, int64_t row0, int64_t rows,
                  std::byte* scratch) noexcept;
  void (*backward)(const RnnPlan&, const RnnBackward&, const void* packed, int64_t row0,
                   int64_t rows, std::byte* scratch) noexcept;
  int lanes;
  int panel_vectors;  // vectors side by side where the columns are free to choose
};
// dtype is F32 or F64 (baseline only).
const RnnKernels& rnn_kernels(Isa isa, DType dtype);

// Immutable once prepared. One booking of scratch serves forward and backward.
struct RnnPlan {
  RnnShape shape;
  DType dtype = DType::F32;
  const RnnKernels* kernels = nullptr;
  int64_t chunks = 0;      // of the batch, by shape alone
  int64_t chunk_rows = 0;  // at most
  int64_t padded = 0;      // units, rounded up to vectors
  Scratch scratch;
  Cost cost;
};
RnnPlan rnn_prepare(const RnnShape& shape, DType dtype, Isa isa = active_isa());

void rnn_forward(const Context& ctx, const RnnPlan& plan, const RnnForward& operands, void* shared,
                 std::byte* worker_scratch, size_t worker_stride) noexcept;
void rnn_backward(const Context& ctx, const RnnPlan& plan, const RnnBackward& operands,
                  void* shared, std::byte* worker_scratch, size_t worker_stride) noexcept;

namespace reference {
// Plain loops in double over elements of the dtype.
void rnn_forward(const RnnShape& shape, DType dtype, const RnnForward& operands);
void rnn_backward(const RnnShape& shape, DType dtype, const RnnBackward& operands);
}  // namespace reference

}  // namespace ranvier::kernels
