#pragma once
// The passes over a graph, in the order they run. Every rule of a pass is marked exact (keeps each
// bit of each result) or rounding (may change the last bits); in exact mode only exact rules run.

#include <string>

#include "compiler/graph.h"
#include "compiler/lower.h"

namespace ranvier::compiler {

// Runs all passes with a check after each.
void run_passes(Graph& graph, const PassOptions& options, const std::string& name);

// Dead code, constants, common subexpressions, algebra. Returns whether anything changed.
bool simplify(Graph& graph, bool exact);
// Removes nodes whose results nobody needs.
bool remove_dead_nodes(Graph& graph);

// Prints `text` when RANVIER_DUMP names the stage (or "all").
void dump(const std::string& program, const char* stage, const std::string& text);

}  // namespace ranvier::compiler
