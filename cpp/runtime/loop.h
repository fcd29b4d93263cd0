#pragma once
// The epoch loop: gathers the rows of each batch straight into a program's inputs and runs it,
// again and again, without Python. It never calls back; it returns an event and is entered again.

#include <map>
#include <span>
#include <vector>

#include "kernels/cpu/data/gather.h"
#include "runtime/program.h"

namespace ranvier {

// One array of the data set, dense rows; the caller keeps it alive as long as the loop.
struct ArraySource {
  const void* data = nullptr;
  DType dtype = DType::F32;
  Shape row;                  // shape of one row
  DType target = DType::F32;  // dtype of the program's argument
};

enum class LoopEvent : uint8_t {
  EpochEnd,     // all batches of the epoch are done
  Timer,        // max_seconds have passed
  StepLimit,    // max_steps batches are done
  NeedProgram,  // no program yet for batches of needed_batch() rows
  Waiting,      // another thread waits for a variable of the program: enter again soon
};

class EpochLoop {
 public:
  // Program argument i is fed by source i. Throws ValueError where the conversion does not exist.
  EpochLoop(std::vector<ArraySource> sources, int64_t rows, int64_t batch_size);

  // The program for batches of `batch` rows. Its arguments have shape (batch, row...).
  void set_program(int64_t batch, ProgramRef program);
  void clear_programs();  // after a retrace
  bool has_program(int64_t batch) const { return programs_.contains(batch); }
  // Output j of every batch goes to results[j] + first row * row bytes (the caller's array of
  // `rows` rows); nullptr: only the last batch's value is kept, see outputs().
  void set_results(std::vector<void*> results);

  // order: indices of the epoch's rows, at most `rows`, kept alive by the caller; empty: all rows.
  // max_steps < 0: all of them, with a smaller last batch.
  void start_epoch(std::span<const int64_t> order, int64_t max_steps = -1);

  // Runs batches until something asks for attention. A failed guard throws the typed error; step()
  // is then the batch that failed, and the variables are those of the batch before it. Call without
  // the GIL; the words of the variables are held inside only.
  LoopEvent run(double max_seconds, int64_t max_steps);

  int64_t step() const { return step_; }    // batches finished in this epoch
  int64_t steps() const { return steps_; }  // batches of this epoch
  int64_t needed_batch() const { return needed_batch_; }
  Tensors outputs() const;  // copies of the last batch's outputs that have no result array

 private:
  struct Bound {
    ProgramRef program;
    std::unique_ptr<Frame> frame;
    std::vector<Buffer> inputs;  // gathered batches, one per source
    Tensors kept;                // outputs without a result array; null where there is one
  };
  class Session;  // the program whose variables are held

  bool is_direct(size_t source) const;
  int64_t batch_at(int64_t step) const;
  void bind(Bound& bound);
  void fill(Bound& bound, int64_t first, int64_t count);

  std::vector<ArraySource> sources_;
  std::vector<kernels::GatherRows> gathers_;
  std::vector<size_t> row_bytes_;  // of the source
  int64_t rows_, batch_size_;
  int64_t epoch_rows_ = 0;
  std::map<int64_t, Bound> programs_;
  std::vector<void*> results_;
  const int64_t* order_ = nullptr;
  std::vector<int64_t> identity_;  // order of an epoch that is not shuffled but converted
  int64_t step_ = 0, steps_ = 0, needed_batch_ = 0;
  const Bound* last_ = nullptr;
  bool yielded_ = false;
};

}  // namespace ranvier
