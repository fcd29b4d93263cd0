#pragma once
// What values depend on, as far as it decides whether they may be computed before a run.

#include <vector>

#include "compiler/graph.h"

namespace ranvier::compiler {

enum class Origin : uint8_t {
  Constants,  // the same in every run
  State,      // changes only when a variable does that the program does not write
  Run,        // arguments, written variables, and what may fail or calls out
};
// Per value.
std::vector<Origin> origins(const Graph& graph);

}  // namespace ranvier::compiler
