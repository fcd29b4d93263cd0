#include "kernels/cpu/pointwise/rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/data/gather.h"
#include "kernels/cpu/levels.h"
#include "kernels/cpu/pointwise/frame.h"
#include "kernels/cpu/pointwise/planner.h"

namespace ranvier::kernels {

RV_TABLES(RowSumKernels, kRowSumKernels, row_sum_kernels)

RowChain::RowChain(std::span<const PwRowPart> parts, int64_t row, DType dtype, Isa isa,
                   const int32_t* head, const int32_t* next, const void* first_values,
                   const void* const* extra) noexcept
    : sum_{next, parts_, static_cast<int>(parts.size()), row},
      fn_(dtype == DType::F64 ? row_sum_kernels(isa).f64 : row_sum_kernels(isa).f32),
      head_(head),
      element_(static_cast<int64_t>(size_of(dtype))) {
  int32_t first = 0;
  for (size_t k = 0; k < parts.size(); ++k) {
    const void* values = k == 0 ? first_values : *extra++;
    const void* scale = parts[k].scaled ? *extra++ : nullptr;
    parts_[k] = {values, scale, first, static_cast<uint32_t>(parts[k].repeat)};
    first += static_cast<int32_t>(parts[k].count);
  }
}

void RowChain::load(int64_t begin, int64_t n, void* dst) const noexcept {
  auto* out = static_cast<std::byte*>(dst);
  RowSum sum = sum_;
  sum.parts = parts_;  // of this copy of the chain
  int64_t at_row = begin / sum.row, column = begin % sum.row;
  for (int64_t done = 0; done < n;) {
    const int64_t run = std::min(n - done, sum.row - column);
    const int32_t head = head_[at_row];
    if (head < 0)
      std::memset(out + done * element_, 0, static_cast<size_t>(run * element_));
    else
      fn_(sum, head, column, run, out + done * element_);
    done += run;
    column = 0;
    ++at_row;
  }
}

RowChain row_chain_of(const PointwiseProgram& program, const PwInput& input,
                      const void* const* inputs, size_t index) noexcept {
  const auto* chain = inputs + program.inputs.size() + 3 * static_cast<size_t>(input.chain);
  return RowChain(input.parts, input.row, input.dtype, program.isa,
                  static_cast<const int32_t*>(chain[0]), static_cast<const int32_t*>(chain[1]),
                  inputs[index], inputs + input.extra);
}

namespace {

// begin / row; the short division takes a third of the time.
int64_t quotient(int64_t a, int64_t b) {
  if (a <= UINT32_MAX && b <= UINT32_MAX)
    return static_cast<uint32_t>(a) / static_cast<uint32_t>(b);
  return a / b;
}

template <class Index>
void copy_rows(const PwInput& input, const std::byte* table, const Index* index, int64_t begin,
               int64_t n, std::byte* raw) noexcept {
  constexpr int64_t kAhead = 6, kLine = 64, kMostLines = 16;  // rows and lines asked for early
  const int64_t bytes = input.row * input.element;
  const auto row_at = [&](int64_t position) -> const std::byte* {
    const int64_t row = row_named(index[position], input.table_rows);
    return row >= 0 ? table + row * bytes : nullptr;
  };
  int64_t position = quotient(begin, input.row), column = begin - position * input.row;
  for (int64_t done = 0; done < n; ++position) {
    if (position + kAhead < input.positions) {
      const std::byte* ahead = row_at(position + kAhead);
      const int64_t lines = ahead ? std::min(kMostLines, (bytes + kLine - 1) / kLine) : 0;
      for (int64_t line = 0; line < lines; ++line) __builtin_prefetch(ahead + line * kLine);
    }
    const int64_t run = std::min(n - done, input.row - column);
    if (const std::byte* from = row_at(position))
      std::memcpy(raw + done * input.element, from + column * input.element,
                  static_cast<size_t>(run * input.element));
    else
      fill_outside(raw + done * input.element, run, input.element, input.outside);
    done += run;
    column = 0;
  }
}

}  // namespace

void copy_looked_up(const PwInput& input, const void* table, const void* index, int64_t begin,
                    int64_t n, std::byte* raw) noexcept {
  const auto* rows = static_cast<const std::byte*>(table);
  if (input.index_dtype == DType::I64)
    copy_rows(input, rows, static_cast<const int64_t*>(index), begin, n, raw);
  else
    copy_rows(input, rows, static_cast<const int32_t*>(index), begin, n, raw);
}

void restrict_to_touched(PointwiseProgram& program, std::vector<uint32_t> same_as) {
  RV_CHECK(program.reductions.empty() && same_as.size() == program.outputs.size());
  int64_t touched = 0;  // elements, at most
  for (const PwInput& input : program.inputs)
    for (const PwRowPart& part : input.parts) touched += part.count * input.row;
  RV_CHECK(touched > 0);
  const double share = static_cast<double>(touched) / static_cast<double>(program.size);
  if (share < 1) program.cost = {program.cost.flops * share, program.cost.bytes * share};
  program.same_as = std::move(same_as);
  program.part = kTile;  // what follows a row is not read
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

// The parts of a row in the operands that are read in place.
void prefetch_row(const PointwiseProgram& p, const void* const* inputs, int64_t at,
                  int64_t row) noexcept {
  constexpr int64_t kLine = 64, kMostBytes = 1024;
  for (size_t k = 0; k < p.inputs.size(); ++k) {
    if (p.inputs[k].kind != OperandKind::Full) continue;
    const int64_t bytes = row * p.inputs[k].element;
    const std::byte* begin = static_cast<const std::byte*>(inputs[k]) + at * bytes;
    for (int64_t line = 0; line < std::min(bytes, kMostBytes); line += kLine)
      __builtin_prefetch(begin + line);
  }
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
    const int32_t* touched = chain_array(p, inputs, chain, 2);
    const int64_t count = touched[0];
    if (count == 0) continue;
    constexpr int64_t kRowOverhead = 512;  // of starting a tile, in elements
    const int64_t grain = std::max<int64_t>(1, p.grain * kTile / (row + kRowOverhead));
    // Rows that are touched early are touched often: every chunk gets its share of them.
    const int64_t chunks = even_chunks(count, grain);
    ctx.parallel_for(chunks, 1, [&, chain, row](int64_t chunk, int64_t, int worker) {
      Frame frame(p, inputs, outputs, worker_scratch + worker * worker_stride);
      for (int64_t i = chunk; i < count; i += chunks) {
        const int64_t ahead = i + 3 * chunks;  // asked for early: rows lie anywhere in memory
        if (ahead < count) prefetch_row(p, inputs, touched[1 + ahead], row);
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
