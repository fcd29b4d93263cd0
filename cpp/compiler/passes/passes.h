#pragma once
// The passes over a graph, in the order they run. Every rule of a pass is marked exact (keeps each
// bit of each result) or rounding (may change the last bits); in exact mode only exact rules run.

#include <optional>
#include <string>

#include "compiler/graph.h"
#include "compiler/lower.h"

namespace ranvier::compiler {

// The passes before and after the prologue is split off, with a check after each.
void rewrite(Graph& graph, const PassOptions& options, const std::string& name);
void fuse(Graph& graph, const PassOptions& options, const std::string& name);

// Dead code, constants, common subexpressions, algebra. Returns whether anything changed.
bool simplify(Graph& graph, bool exact);
// Scans of one loop become one. Returns whether anything changed.
bool merge_scans(Graph& graph);
// A scale and a shift per channel after a product with weights go into the weights (rounding).
bool fold_scale(Graph& graph);
// Convolutions with unchanging filters by minimal filtering (rounding). Returns whether anything
// changed.
bool transform_filters(Graph& graph);
// Unchanging weights of products with few rows are packed once (rounding). Returns whether anything
// changed.
bool pack_weights(Graph& graph);
// Takes out what depends on variables alone that the program does not write. Returns the graph
// whose outputs the rest reads as inputs; nullopt where nothing is worth holding.
std::optional<Graph> split_prologue(Graph& graph, const std::string& name);
// Its connected pieces, to be lowered with these options.
std::vector<ProloguePart> prologue_parts(const Graph& prologue, const PassOptions& options);
// w - lr * (x^T dz) becomes one product that accumulates into w (rounding).
void fuse_sgd(Graph& graph);
// Max pooling hands its gradient the places of the maxima.
void index_pools(Graph& graph);
// Bias, residual and activation become epilogues of products and convolutions, the gradient of a
// relu one of the product before it; after fuse_norm, whose gradients need not read such a mask.
void fuse_epilogue(Graph& graph);
// A residual and a relu join the batch normalization before them, and the relu's gradient its.
void fuse_norm(Graph& graph);
// A 1×1 convolution and the depthwise one that reads it become one step.
void fuse_pairs(Graph& graph);
// The gradients of tables become chains of rows that element-wise programs read (in several parts:
// rounding).
void group_row_gradients(Graph& graph, bool exact);
// Values that are padded with zeros to lie side by side, and summed, are joined (rounding).
void join_pads(Graph& graph);
// Element-wise clusters become pointwise programs.
void fuse_pointwise(Graph& graph);
// Equal pointwise programs become one step over a list of operands.
void merge_lists(Graph& graph);
// Removes nodes whose results nobody needs.
bool remove_dead_nodes(Graph& graph);

// Orders and checks the graph, and prints it when asked to.
void finish_pass(Graph& graph, const char* pass, const std::string& name);
// Prints `text` when RANVIER_DUMP names the stage (or "all").
void dump(const std::string& program, const char* stage, const std::string& text);

}  // namespace ranvier::compiler
