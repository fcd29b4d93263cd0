#include "kernels/cpu/pointwise/rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/pointwise/frame.h"

namespace ranvier::kernels {

void load_rows(const RowChain& chain, TileFn add, int element, int64_t row, const void* values,
               int64_t begin, int64_t n, void* dst) noexcept {
  const int64_t bytes = element;
  auto* out = static_cast<std::byte*>(dst);
  const auto* in = static_cast<const std::byte*>(values);
  std::memset(out, 0, static_cast<size_t>(n * bytes));
  int64_t at_row = begin / row, column = begin % row;
  for (int64_t done = 0; done < n;) {
    const int64_t run = std::min(n - done, row - column);
    std::byte* part = out + done * bytes;
    for (int32_t i = chain.head[at_row]; i >= 0; i = chain.next[i]) {
      TileArgs args;
      args.dst = part;
      args.src[0] = part;
      args.src[1] = in + (i * row + column) * bytes;
      args.step[0] = args.step[1] = 1;
      args.n = run;
      add(args);
    }
    done += run;
    column = 0;
    ++at_row;
  }
}

void restrict_to_touched(PointwiseProgram& program, std::vector<uint32_t> same_as) {
  RV_CHECK(program.reductions.empty() && same_as.size() == program.outputs.size());
  int64_t touched = 0;  // elements, at most
  for (const PwInput& input : program.inputs)
    if (input.kind == OperandKind::Rows) touched += input.count * input.row;
  RV_CHECK(touched > 0);
  const double share = static_cast<double>(touched) / static_cast<double>(program.size);
  if (share < 1) program.cost = {program.cost.flops * share, program.cost.bytes * share};
  program.same_as = std::move(same_as);
}

namespace {

bool finite(const PwInput& input, const void* value) noexcept {
  if (input.dtype == DType::F32) return std::isfinite(*static_cast<const float*>(value));
  if (input.dtype == DType::F64) return std::isfinite(*static_cast<const double*>(value));
  return true;
}

const int32_t* chain_array(const PointwiseProgram& p, const void* const* inputs, int chain,
                           int which) noexcept {
  return static_cast<const int32_t*>(
      inputs[p.inputs.size() + 3 * static_cast<size_t>(chain) + static_cast<size_t>(which)]);
}

}  // namespace

// A scalar that is not finite would also turn the zeros of untouched rows into NaN.
bool only_touched(const PointwiseProgram& p, const void* const* inputs,
                  void* const* outputs) noexcept {
  if (p.same_as.empty()) return false;
  for (size_t o = 0; o < p.outputs.size(); ++o)
    if (outputs[o] != inputs[p.same_as[o]]) return false;
  for (size_t i = 0; i < p.inputs.size(); ++i)
    if (p.inputs[i].kind == OperandKind::Scalar && !finite(p.inputs[i], inputs[i])) return false;
  return true;
}

void run_touched(const Context& ctx, const PointwiseProgram& p, const void* const* inputs,
                 void* const* outputs, std::byte* worker_scratch, size_t worker_stride) noexcept {
  int chains = 0;
  for (const PwInput& input : p.inputs) {
    // Chains are numbered by first use; a row in an earlier chain has had its turn.
    if (input.kind != OperandKind::Rows || input.chain != chains) continue;
    ++chains;
    const int chain = input.chain;
    const int64_t row = input.row;
    constexpr int64_t kRowOverhead = 512;  // of starting a tile, in elements
    const int64_t grain = std::max<int64_t>(1, p.grain * kTile / (row + kRowOverhead));
    ctx.parallel_for(input.count, grain, [&, chain, row](int64_t begin, int64_t end, int worker) {
      const int32_t* touched = chain_array(p, inputs, chain, 2);
      end = std::min<int64_t>(end, touched[0]);
      if (begin >= end) return;
      Frame frame(p, inputs, outputs, worker_scratch + worker * worker_stride);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = touched[1 + i];
        bool done = false;
        for (int earlier = 0; earlier < chain; ++earlier)
          done |= chain_array(p, inputs, earlier, 0)[at] >= 0;
        if (done) continue;
        for (int64_t column = 0; column < row; column += kTile)
          frame.run_tile(at * row + column, std::min(kTile, row - column));
      }
    });
  }
}

}  // namespace ranvier::kernels
