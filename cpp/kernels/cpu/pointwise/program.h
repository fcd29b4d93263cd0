#pragma once
// The pointwise vector program: any DAG of element-wise operations over a broadcast index space,
// with optional closing reductions, run tile by tile so that intermediate values never leave the L1
// cache.
//
// Life: a ProgramBuilder records operations, build() merges them into rich ones, assigns registers,
// binds kernels of one ISA level and joins neighbours that one loop can run (joint.h); the
// immutable PointwiseProgram is then run any number of times, by any number of threads at once.
// Eager single operations have a direct entry (direct.h) that uses the same kernels and so gives
// the same bits.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "base/shape.h"
#include "kernels/cpu/pointwise/joint.h"
#include "kernels/cpu/pointwise/pw_op.h"
#include "kernels/cpu/pointwise/tile_ops.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

inline constexpr int64_t kTile = 1024;  // elements of one register
inline constexpr int kMaxSources = 5;   // operands of the widest rich operation
inline constexpr int kMaxSlots = 192;   // inputs + constants + registers of one program
inline constexpr int kMaxInputs = 24;   // hints for the compiler's cluster growth
inline constexpr int kMaxInstructions = 64;

// How the elements of an input are found from the index of the iteration space.
enum class OperandKind : uint8_t {
  Full,      // dense, the whole space: read in place
  Scalar,    // one value
  Periodic,  // the innermost axis only (a bias): repeated every `period` elements
  Strided,   // anything else: gathered tile by tile
  Rows,      // sums of chained rows, zero elsewhere (rows.h)
  Lookup     // rows of a table by index, copied tile by tile
};

// A part of the positions that the chains of a Rows operand join: position i of the part is the row
// values[i / repeat], times scale[i] where the part has scales.
struct PwRowPart {
  int64_t count = 0, repeat = 1;
  bool scaled = false;
};

struct PwInput {
  DType dtype;
  OperandKind kind;
  int64_t period = 0;                       // Periodic
  std::array<int64_t, kMaxRank> strides{};  // in elements, over PointwiseProgram::dims
  uint8_t slot = 0;
  uint8_t element = 0;    // bytes in memory
  bool in_place = false;  // Full and stored as in the register: never copied to scratch
  int16_t last_use = -1;  // index of the last body instruction that reads it
  LoadFn load = nullptr;  // to the register type; null when it is the same
  // Rows and Lookup: elements of a row.
  int64_t row = 0;
  // Rows: the chain's number and the parts in the order of positions. After the operands, of which
  // this one is the values of the first part, the run is given head, next and touched of every
  // chain, in the order of chains; then, operand by operand, at `extra`: of a Rows operand the
  // scale of the first part, values and scale of the others, where they have any; of a Lookup
  // operand the indices.
  int16_t chain = -1;
  std::vector<PwRowPart> parts = {};
  uint32_t extra = 0;
  // Lookup: rows of the table. An index below zero counts from the end; one that then still lies
  // outside reads a row of `outside`. `strides` are those of the dense result.
  int64_t table_rows = 0, positions = 0;
  uint64_t outside = 0;            // bits of an element
  int64_t run = 1;                 // elements of the innermost axes that are walked as they lie
  int outer_axes = 0;              // the others
  DType index_dtype = DType::I32;  // I32 or I64
};

struct PwConstant {
  RegType type;
  uint8_t slot;
  std::array<uint64_t, 8> bits;  // the value as stored in a register of that type, repeated
};

struct PwInstr {
  PwOp op;
  RegType type;    // of the operands (of the second and third for Select)
  RegType result;  // of dst
  uint8_t once;    // elements that fill a scalar slot: a whole vector, or one that is then repeated
  DType narrow;    // Narrow: the storage type whose range and precision are imposed
  uint8_t dst;
  uint8_t arity;
  std::array<uint8_t, kMaxSources> src;
  TileFn fn;
};

struct PwOutput {
  DType dtype;
  uint8_t slot;
  uint8_t element;          // bytes in memory
  int16_t written_by;       // index of the body instruction that computes it; -1: the prologue
  StoreFn store = nullptr;  // null: that instruction may write straight to memory
  bool streamed = false;    // leaves the caches
};

struct PwReduction {
  ReduceOp op;
  bool squares;  // of the values are summed
  DType dtype;   // of the result in memory
  RegType type;
  uint8_t slot;
  const PwReducer* reducer;
  StoreFn store;         // null when the result's dtype is its register type
  int32_t block_offset;  // column reductions: block and totals in a worker's scratch
  int32_t total_offset;
};

// Where a slot's values lie in a worker's scratch: a whole tile, or one 64-byte vector holding the
// same value in every lane (scalars, constants, and what is computed from them alone).
struct PwSlot {
  RegType type;
  bool scalar;
  uint8_t element;  // bytes of one value
  int32_t offset;   // bytes into the worker's scratch
};

struct PointwiseProgram {
  Isa isa = Isa::Baseline;
  Shape shape;                           // the iteration space as given
  std::array<int64_t, kMaxRank> dims{};  // the same, collapsed
  int rank = 0;
  int64_t size = 1;  // elements of the space

  std::vector<PwInput> inputs;
  std::vector<PwConstant> constants;
  std::vector<PwSlot> slots;
  std::vector<PwInstr> prologue;        // on scalars, once per chunk
  std::vector<PwInstr> body;            // on tiles
  std::vector<PwJoint> joints;          // parts of the body, in its order
  std::vector<PwOutput> outputs;        // of the whole space
  std::vector<PwReduction> reductions;  // all over the same axes

  // The space as outer x reduce x inner when there are reductions (else reduce = inner = 1).
  int64_t outer = 1, reduce = 1, inner = 1;

  // Work is cut by shape: `units` pieces, `grain` of them to a chunk.
  int64_t tile = kTile;     // elements of a full tile (whole rows where a reduction needs them)
  int64_t part = kTile;     // elements of it that run together: fewer where data leave the caches
  int64_t tile_rows = 1;    // reductions: whole rows in a full tile
  int64_t tile_blocks = 0;  // column reductions that short: whole blocks reduce x inner in one
  int64_t units = 1, grain = 1;
  void (*repeat)(const void* value, void* slot, int element) noexcept = nullptr;
  void (*fill)(const void* value, void* dst, int64_t n, int element) noexcept = nullptr;
  void (*stream)(const void* values, void* dst, size_t bytes) noexcept = nullptr;
  int64_t groups = 1, group_rows = 0;  // column reductions: rows are cut into groups,
  int64_t panels = 1;                  // and columns into panels of kTile
  std::vector<uint32_t> same_as;       // see restrict_to_touched() in rows.h
  int32_t staging_offset = 0;          // two tiles of 8-byte values in a worker's scratch

  Scratch scratch;
  Cost cost;
};

// Runs the program. `outputs` lists program.outputs, then the results of program.reductions. An
// output may be the same memory as a Full input of equal element size that no closing reduction
// reads (a tile is stored before it is reduced); any other overlap is not allowed. Scratch as
// program.scratch says.
void run_pointwise(const Context& ctx, const PointwiseProgram& program, const void* const* inputs,
                   void* const* outputs, void* shared, std::byte* worker_scratch,
                   size_t worker_stride) noexcept;

// One program over many tuples of operands of different lengths (an optimizer over all variables).
// The program must have only Full and Scalar inputs and no reduction.
struct PointwiseList {
  struct Piece {
    int32_t tuple;
    int64_t begin, end;
  };
  PointwiseProgram program;
  std::vector<int64_t> sizes;
  std::vector<Piece> pieces;
  int64_t grain = 1;
  Scratch scratch;
  Cost cost;
};
PointwiseList prepare_pointwise_list(PointwiseProgram program, std::span<const int64_t> sizes);
// inputs[t * program.inputs.size() + i] is input i of tuple t; outputs likewise.
void run_pointwise_list(const Context& ctx, const PointwiseList& list, const void* const* inputs,
                        void* const* outputs, void* shared, std::byte* worker_scratch,
                        size_t worker_stride) noexcept;

// A value of a program under construction.
struct PwValue {
  int id = -1;
};

// Records a program. Operand types must agree where the operation asks for it: promotion is the
// business of the floors above. Every method throws InternalError when misused.
class ProgramBuilder {
 public:
  explicit ProgramBuilder(const Shape& shape);

  // An operand in memory whose shape broadcasts to the program's shape.
  PwValue input(DType dtype, const Shape& shape);
  // An operand addressed by explicit element strides over the program's shape.
  PwValue input_strided(DType dtype, std::span<const int64_t> strides);
  // A dense operand of the whole space, in rows of `row` elements, as sums of chained rows (F32 or
  // F64). Chains are numbered from 0 by first use.
  PwValue input_rows(DType dtype, int64_t row, std::span<const PwRowPart> parts, int chain);
  // table[indices], a value of `shape` that broadcasts to the program's shape; its last axes are
  // a row of `row` elements of the table, and they are not broadcast. `outside`: see PwInput.
  PwValue input_lookup(DType dtype, const Shape& shape, int64_t row, int64_t table_rows,
                       DType index_dtype, uint64_t outside);
  PwValue constant(double value, DType dtype);
  PwValue constant_int(int64_t value, DType dtype);

  // The result has the dtype of the operands, Bool for comparisons and predicates. A dtype narrower
  // than its register is rounded or wrapped after every operation, as if stored and loaded again.
  PwValue op(PwOp op, std::span<const PwValue> operands);
  PwValue op(PwOp op, std::initializer_list<PwValue> operands) {
    return this->op(op, std::span(operands.begin(), operands.size()));
  }
  PwValue cast(PwValue value, DType dtype);
  DType dtype_of(PwValue value) const;

  // Stores the value (of the output's dtype) for the whole space; returns the output's index.
  int output(PwValue value);
  // Axes of the program's shape, one contiguous run of them after collapsing axes of size one; all
  // reductions of a program name the same axes. `dtype` is that of the result: the value's own, or
  // for Sum, Mean, Prod and SumSquares any of the same register type. Returns its index.
  int reduce(ReduceOp op, PwValue value, std::span<const int> axes, DType dtype);

  int instruction_count() const;  // before merging
  int input_count() const;

  struct Options {
    bool merge_rich = true;  // the peephole passes; off only to test that they change no bit
  };
  PointwiseProgram build(Isa isa, Options options) const;
  PointwiseProgram build(Isa isa) const { return build(isa, Options()); }
  PointwiseProgram build() const { return build(active_isa()); }

  struct Node {
    enum class Kind : uint8_t { Input, Constant, Op } kind;
    DType dtype;
    RegType type;
    PwOp op = PwOp::Copy;
    RegType operand_type = RegType::F32;
    std::vector<int> src = {};
    uint64_t bits = 0;
    std::array<int64_t, kMaxRank> strides{};
    int64_t row = 0;  // Rows and Lookup
    int chain = -1;
    std::vector<PwRowPart> parts = {};
    int64_t table_rows = 0, positions = 0;
    uint64_t outside = 0;
    DType index_dtype = DType::I32;
  };

 private:
  Shape shape_;
  std::vector<Node> nodes_;
  std::vector<int> outputs_;
  struct Closing {
    ReduceOp op;
    int node;
    DType dtype;
    bool squares = false;
  };
  std::vector<Closing> reductions_;
  std::vector<int> axes_;
  friend class ProgramPlanner;
  PwValue add(Node node);
  PwValue narrowed(PwValue value);
  PwValue at_least_minus_one(PwValue quotient);
};

// Stable text of a program, for golden plans: one line per input, instruction, output.
std::string to_string(const PointwiseProgram& program);

}  // namespace ranvier::kernels
