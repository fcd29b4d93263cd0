#pragma once
// The primitives as C++ functions, for gradients, passes and bindings. Each ends in one apply().
//
// The table of all primitives, as apply(name, inputs, attrs) knows them. Attributes in {}; those
// with "=" have a default. "axis" and "axes" may be negative. Inputs of one op have one dtype
// unless said otherwise: promotion happens in Python. Anything that breaks a rule is a typed error.
//
// Element-wise, with NumPy broadcasting (one micro-op each, see pointwise.cpp)
//   add subtract multiply divide floor_divide mod power arctan2 (a, b)
//   maximum minimum (a, b) {strict=false}: ties share the gradient, or have none
//   equal not_equal less less_equal greater greater_equal (a, b) -> bool
//   logical_and logical_or logical_xor (a, b), logical_not (a): bool only
//   bitwise_and bitwise_or bitwise_xor left_shift right_shift (a, b), bitwise_not (a)
//   where (condition: bool, a, b)
//   negative absolute sign floor ceil round trunc exp expm1 log log1p log2 log10 sqrt rsqrt
//   square reciprocal sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh
//   erf erfinv sigmoid softplus relu silu gelu gelu_tanh (a)
//   isnan isinf isfinite (a) -> bool
//   leaky_relu (x, slope), elu (x, alpha), clip (x, low, high), exp2 erfc (a)
//   relu_grad silu_grad gelu_grad gelu_tanh_grad (x, dy), sigmoid_grad tanh_grad (y, dy)
//   leaky_relu_grad (x, dy, slope), elu_grad (x, dy, alpha)
//   cast (a) {dtype}
//
// Reductions; axes missing means all
//   sum prod (x) {axes, keepdims=false, dtype = that of x}
//   mean max min (x) {axes, keepdims=false}
//   any all (x: bool) {axes, keepdims=false} -> bool
//   argmax argmin (x) {axis, keepdims=false} -> int32
//   cumsum cumprod (x) {axis, reverse=false}
//
// Products; x is (batch, spatial..., channels), padding is (low, high) per spatial dimension
//   matmul (a, b) {trans_a=false, trans_b=false, dtype}: NumPy's rules; batch dimensions broadcast;
//     dtype is that of a, or int32 for int8
//   conv (x, kernel) {strides, dilations, padding, groups=1}
//     kernel (spatial..., channels / groups, filters)
//   conv_grad_data (dy, kernel) {the same, input_size}: spatial sizes of x; also the transposed
//     convolution
//   conv_grad_filter (x, dy) {the same, kernel_size}: spatial sizes of the kernel
//   max_pool average_pool (x) {pool_size, strides, padding}: padding never counts
//   max_pool_grad (x, dy), max_pool_pick (x, v): v where x has the window's maximum {the same}
//   average_pool_grad (dy) {the same, input_size}
//
// Normalization and losses, over the last axis
//   softmax log_softmax (x) {axis=-1}, softmax_grad log_softmax_grad (dy, y) {axis=-1}
//   softmax_cross_entropy (logits, labels) -> loss per row, probabilities
//   sparse_softmax_cross_entropy (logits, labels: int32 or int64) -> the same
//   softmax_cross_entropy_grad sparse_softmax_cross_entropy_grad (prob, labels, dloss)
//   batch_norm_train (x, gamma, beta) {epsilon} -> y, mean, variance
//   batch_norm_infer (x, mean, variance, gamma, beta) {epsilon}
//   batch_norm_train_grad batch_norm_infer_grad (dy, x, mean, variance, gamma) {epsilon}
//     -> dx, dgamma, dbeta
//   layer_norm (x, gamma, beta) {epsilon} -> y, mean, inv
//   layer_norm_grad (dy, x, mean, inv, gamma) {epsilon} -> dx, dgamma, dbeta
//   rms_norm (x, gamma) {epsilon} -> y, inv
//   rms_norm_grad (dy, x, inv, gamma) {epsilon} -> dx, dgamma
//
// Recurrent sequences, kind is lstm, gru, gru_before or simple (formulas and layouts:
// kernels/cpu/rnn/rnn.h); [..] by kind or flag
//   rnn_sequence (x, u, [bias: gru], h0, [c0: lstm], [drop: (batch, columns)],
//     [mask: bool (batch, steps)])
//     {kind, activation="tanh", backwards=false, drop=false, mask=false, sequence=true}
//     -> [sequence], h, [c: lstm]
//   rnn_sequence_saved (the same) {the same} -> gates, saved_h, [extra: not simple], then as above
//   rnn_sequence_grad (gates, u, saved_h, [extra], dh, [dc: lstm], [dsequence], [drop], [mask])
//     {the same} -> dx, [dm: gru], dh0, [dc0: lstm]
//
// Attention; q (batch, queries, heads, size), k and v (batch, keys, key_heads, size). bias, mask
// (bool) and seed (uint32) follow where {bias}, {mask}, {rate} say so; bias and mask are (batch,
// heads, queries, keys), where all but the last may be 1
//   attention (q, k, v, bias?, mask?, seed?) {scale, rate, causal=false, bias=false, mask=false,
//     zero_masked=false} -> out, log_sum: a row that sees nothing is uniform, or zero
//   attention_grad (d_out, q, k, v, out, log_sum, bias?, mask?, seed?) {the same} -> dq, dk, dv
//
// Shapes and copies. Indices are int32 or int64; below zero they count from the end. What then
// still lies outside reads NaN (integers: the smallest signed, the largest unsigned; bool: true),
// or 0 where {zero} asks for it, and writes nothing; starts of windows move so that the window fits
//   reshape (x) {shape: one entry may be -1}, transpose (x) {perm}, broadcast_to (x) {shape}
//   stop_gradient (x), copy (x)
//   slice (x) {starts, sizes, strides}: x[starts + i * strides], strides may be negative
//   slice_update (x, update) {starts, strides}
//   dynamic_slice (x, starts: int (rank,)) {sizes}
//   dynamic_slice_update (x, update, starts)
//   take (x, indices) {axis, zero=false}, rows_grad (values, indices) {axis, size}: the gradient of
//   take take_along_axis (x, indices) {axis, zero=false}, add_along_axis (x, indices, updates)
//   {axis} scatter_add scatter_update (x, indices, updates) {axis}: x[.., indices[i], ..] += or =
//   one_hot (indices) {depth, dtype}: a new last axis
//   resample (x, index: int32 (count, taps), weight (count, taps), [index, weight of axis + 1])
//     {axis}: y[.., i, ..] = sum over k of weight[i, k] x[.., index[i, k], ..]; an index outside
//     reads the nearest end; weights are constants, without a gradient
//   resample_grad (dy, as above) {axis, sizes: of x along the axes}
//   sample (x: (rows, depth), for each axis: row before, row after: int32, weight before, weight
//     after) {fill=0}: sums of x over the 2^axes corners, whose rows add up and weights multiply; a
//     row outside of x reads fill
//   concatenate (x...) {axis}, tile and repeat (x) {repeats}
//   pad (x) {padding: (low, high) per axis, mode="constant", value=0}: edge, reflect, symmetric,
//     wrap too
//   flip (x) {axes}, roll (x) {shift, axis}
//   full {shape, dtype, value}, arange {size, start, step, dtype}, eye {rows, cols, k, dtype}
//   tril triu (x) {k}, diag (x: rank 1) {k}
//   sort (x) {descending=false}, argsort (x) {descending=false} -> int32: last axis
//   top_k (x) {k} -> values, indices
//   searchsorted (sorted: rank 1, values) {right=false} -> int32
//   bincount (x: int) {length} -> int32, bincount_weighted (x, weights: float32) {length}: last
//     axis
//
// Random; seed is uint32 (2,), and the same seed draws the same
//   random_uniform (seed) {shape, dtype, low, high}
//   random_normal random_truncated_normal (seed) {shape, dtype, mean, stddev}
//   random_bernoulli (seed) {shape, dtype, p}
//   random_integers (seed) {shape, dtype, low, high}
//   random_permutation (seed) {size, dtype}
//   random_categorical (seed, logits: float32 (batch, classes)) {draws} -> int32
//   dropout (x, seed) {rate} -> y, mask
// Transforms: fft (re, im) {inverse=false}, rfft (x), irfft (re, im) {size}: see fft.cpp
// Guards have no output; a failure is a typed error, and nothing was written
//   check_range (x: integer) {low, high}: low <= x < high
//   check_finite (x)
//
// Structured, made by tensor/control_flow.h: call cond while scan; host_call: ops/host_call.h
// with_gradient, with_traced_gradient (value, operands...), made by ops/custom_gradient.h: a rule
// of the user's

#include <initializer_list>

#include "tensor/apply.h"
#include "tensor/control_flow.h"

namespace ranvier::ops {

// Element-wise.
Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor floor_divide(const Tensor& a, const Tensor& b);
Tensor mod(const Tensor& a, const Tensor& b);
Tensor power(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor equal(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor neg(const Tensor& x);
Tensor abs(const Tensor& x);
Tensor sign(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor sinh(const Tensor& x);
Tensor cosh(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor cast(const Tensor& x, DType dtype);  // x itself when it has the dtype

// Constants of x's dtype, rank 0 unless a shape is given.
Tensor constant_like(const Tensor& x, double value);
Tensor full(DType dtype, const Shape& shape, double value);
Tensor zeros(const TypeSpec& spec);
Tensor ones(const TypeSpec& spec);
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
Tensor scale(const Tensor& x, double factor);  // x * factor
Tensor shift(const Tensor& x, double offset);  // x + offset
Tensor arange(int64_t size, int64_t start, int64_t step, DType dtype);

// Reductions.
Tensor sum(const Tensor& x, const Ints& axes, bool keepdims = false);
Tensor sum_all(const Tensor& x);
Tensor mean(const Tensor& x, const Ints& axes, bool keepdims = false);
Tensor max(const Tensor& x, const Ints& axes, bool keepdims = false);
Tensor prod(const Tensor& x, const Ints& axes, bool keepdims = false);
Tensor cumsum(const Tensor& x, int64_t axis, bool reverse = false);
// Sums grad over what broadcasting from `shape` repeated.
Tensor unbroadcast(const Tensor& grad, const Shape& shape);

// Products.
Tensor matmul(const Tensor& a, const Tensor& b, bool trans_a = false, bool trans_b = false);

// Softmax over the last axis.
Tensor softmax(const Tensor& x);
Tensor log_softmax(const Tensor& x);

// Shapes and copies.
Tensor reshape(const Tensor& x, const Shape& shape);
Tensor broadcast_to(const Tensor& x, const Shape& shape);
Tensor transpose(const Tensor& x, const Ints& perm);
Tensor expand_dims(const Tensor& x, int64_t axis);
Tensor squeeze(const Tensor& x, int64_t axis);
Tensor slice(const Tensor& x, const Ints& starts, const Ints& sizes, const Ints& strides = {});
Tensor slice_update(const Tensor& x, const Tensor& update, const Ints& starts,
                    const Ints& strides = {});
Tensor dynamic_slice(const Tensor& x, const Tensor& starts, const Ints& sizes);
Tensor dynamic_slice_update(const Tensor& x, const Tensor& update, const Tensor& starts);
Tensor pad(const Tensor& x, const Ints& padding);  // with zeros; (low, high) per axis
Tensor concat(Tensors parts, int64_t axis);
Tensor stack(const Tensors& parts, int64_t axis);
// These two read zeros outside, as gradients want.
Tensor take(const Tensor& x, const Tensor& indices, int64_t axis);
Tensor take_along_axis(const Tensor& x, const Tensor& indices, int64_t axis);
Tensor rows_grad(const Tensor& values, const Tensor& indices, int64_t axis, int64_t size);
Tensor add_along_axis(const Tensor& x, const Tensor& indices, const Tensor& updates, int64_t axis);
Tensor scatter_add(const Tensor& x, const Tensor& indices, const Tensor& updates, int64_t axis);
Tensor one_hot(const Tensor& indices, int64_t depth, DType dtype);
Tensor flip(const Tensor& x, const Ints& axes);
Tensor roll(const Tensor& x, int64_t shift, int64_t axis);

// a + b where either may be null (no gradient); null when both are.
Tensor accumulate(const Tensor& a, const Tensor& b);

}  // namespace ranvier::ops
