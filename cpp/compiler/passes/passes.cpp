#include "compiler/passes/passes.h"

#include <iostream>

#include "base/env.h"

namespace ranvier::compiler {
namespace {

// Types are inferred again after each pass in builds with assertions; structure is always checked.
#ifdef NDEBUG
constexpr bool kVerifyTypes = false;
#else
constexpr bool kVerifyTypes = true;
#endif

}  // namespace

void finish_pass(Graph& graph, const char* pass, const std::string& name) {
  graph.sort_nodes();
  graph.verify(pass, kVerifyTypes);
  dump(name, pass, graph.str());
}

void dump(const std::string& program, const char* stage, const std::string& text) {
  static const std::string wanted =
      env_choice("RANVIER_DUMP", {"trace", "simplify", "fold_scale", "transform_filters",
                                  "pack_weights", "prologue", "split_prologue", "fuse_epilogue",
                                  "fuse_pointwise", "merge_lists", "plan", "all"})
          .value_or("");
  if (wanted != stage && wanted != "all") return;
  std::cerr << "== " << program << ": " << stage << '\n' << text;
}

void rewrite(Graph& graph, const PassOptions& options, const std::string& name) {
  finish_pass(graph, "trace", name);
  constexpr int kRounds = 8;  // each round exposes work to the next; three are usual
  do {
    for (int round = 0; round < kRounds && simplify(graph, options.exact); ++round)
      graph.sort_nodes();
  } while (merge_scans(graph));
  finish_pass(graph, "simplify", name);
  if (options.exact || !options.prologue) return;
  if (fold_scale(graph)) finish_pass(graph, "fold_scale", name);
  if (transform_filters(graph)) finish_pass(graph, "transform_filters", name);
  if (pack_weights(graph)) finish_pass(graph, "pack_weights", name);
}

void fuse(Graph& graph, const PassOptions& options, const std::string& name) {
  if (!options.exact) fuse_sgd(graph);
  index_pools(graph);
  fuse_norm(graph);
  fuse_epilogue(graph);
  fuse_pairs(graph);
  finish_pass(graph, "fuse_epilogue", name);
  group_row_gradients(graph, options.exact);
  if (!options.exact) join_pads(graph);
  remove_dead_nodes(graph);
  fuse_pointwise(graph);
  remove_dead_nodes(graph);
  finish_pass(graph, "fuse_pointwise", name);
  merge_lists(graph);
  finish_pass(graph, "merge_lists", name);
}

}  // namespace ranvier::compiler
