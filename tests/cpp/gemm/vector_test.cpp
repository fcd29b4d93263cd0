// Products with one row or one column, whose kernels read past the ends of rows: the matrix lies
// between two pages that nobody may read.

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gemm/gemm_case.h"

namespace ranvier::kernels::test {
namespace {

class Fenced {
 public:
  explicit Fenced(size_t bytes)
      : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
        inside_((bytes + page_ - 1) / page_ * page_),
        base_(static_cast<std::byte*>(mmap(nullptr, inside_ + 2 * page_, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    REQUIRE(base_ != MAP_FAILED);
    REQUIRE(mprotect(base_, page_, PROT_NONE) == 0);
    REQUIRE(mprotect(base_ + page_ + inside_, page_, PROT_NONE) == 0);
  }
  ~Fenced() { munmap(base_, inside_ + 2 * page_); }
  Fenced(const Fenced&) = delete;

  std::byte* first() const { return base_ + page_; }
  std::byte* last(size_t bytes) const { return base_ + page_ + inside_ - bytes; }

 private:
  size_t page_, inside_;
  std::byte* base_;
};

// The matrix of a product with a row (B) or with a column (A, transposed).
template <class T>
void check_fenced(int64_t n, int64_t k, int64_t ld, bool down) {
  GemmShape shape{.m = 1, .n = n, .k = k, .ldb = ld};
  if (down) shape = {.m = n, .n = 1, .k = k, .trans_a = true, .lda = ld};
  const GemmCase<T> c(shape, {.bias = true});
  const std::vector<T> want = c.expected();
  const std::vector<T>& matrix = down ? c.a : c.b;
  const size_t bytes = matrix.size() * sizeof(T);
  const Fenced memory(bytes);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(ld);
  CAPTURE(down);
  for (Isa isa : levels())
    for (std::byte* place : {memory.first(), memory.last(bytes)}) {
      CAPTURE(name_of(isa));
      std::memcpy(place, matrix.data(), bytes);
      const GemmPlan plan = gemm_prepare(shape, dtype_of<T>(), c.epilogue, isa);
      REQUIRE(plan.variant == GemmVariant::RowSum);
      std::vector<T> y = c.c0;
      std::vector<std::byte> scratch(plan.scratch.per_worker + 64);
      GemmOperands operands = c.operands(y);
      (down ? operands.a : operands.b) = place;
      const auto aligned = (reinterpret_cast<uintptr_t>(scratch.data()) + 63) & ~uintptr_t{63};
      gemm_run({}, plan, operands, nullptr, reinterpret_cast<std::byte*>(aligned), 0);
      CHECK(c.error(y, want) < tolerance<T>());
    }
}

TEST_CASE_TEMPLATE("gemm: vector products stay inside the matrix", T, float, double) {
  for (bool down : {false, true})
    for (int64_t k : {2, 3, 5, 9, 12, 33})
      for (int64_t n : {2,  3,  5,   7,   8,   9,   12,  15,  16,  17,  31,  33, 47,
                        48, 65, 200, 208, 225, 240, 400, 410, 416, 417, 431, 832})
        for (int64_t gap : {0, 1, 16}) check_fenced<T>(n, k, n + gap, down);
}

// Rows of what lies beyond the caches of a core are read as this CPU's prefetchers follow them:
// both ways are right on every CPU.
TEST_CASE_TEMPLATE("gemm: vector products of large matrices", T, float, double) {
  const GemmEpilogue epilogue{.alpha = 0.5, .beta = 1, .bias = true};
  for (const GemmShape& shape : {GemmShape{.m = 1, .n = 523, .k = 1031},
                                 {.m = 1, .n = 523, .k = 1031, .ldb = 528},
                                 {.m = 1, .n = 70'001, .k = 5},
                                 {.m = 1, .n = 523, .k = 1031, .trans_b = true},
                                 {.m = 1, .n = 5, .k = 70'001, .trans_b = true},
                                 {.m = 523, .n = 1, .k = 1031, .trans_a = true}}) {
    const GemmCase<T> c(shape, epilogue);
    const std::vector<T> want = c.expected();
    CAPTURE(shape.n);
    CAPTURE(shape.trans_b);
    for (Isa isa : levels())
      for (bool paired : {false, true}) {
        CAPTURE(name_of(isa));
        CAPTURE(paired);
        GemmPlan plan = gemm_prepare(shape, dtype_of<T>(), epilogue, isa);
        REQUIRE(plan.streamed);
        plan.paired = paired;
        CHECK(c.error(c.run(plan), want) < tolerance<T>());
      }
  }
}

}  // namespace
}  // namespace ranvier::kernels::test
