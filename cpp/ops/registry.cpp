// The one table of all primitives: the families, in the order of ops.h.

#include <string_view>
#include <unordered_map>

#include "ops/support.h"

namespace ranvier {

namespace ops {
Records fft_records();
Records host_call_records();
}  // namespace ops

namespace {

using ops::Records;

constexpr Records (*kFamilies[])() = {ops::pointwise_records,    ops::cast_records,
                                      ops::reduce_records,       ops::matmul_records,
                                      ops::conv_records,         ops::pool_records,
                                      ops::softmax_records,      ops::norm_records,
                                      ops::attention_records,    ops::rnn_records,
                                      ops::shape_records,        ops::slice_records,
                                      ops::index_records,        ops::resample_records,
                                      ops::sample_records,       ops::join_records,
                                      ops::create_records,       ops::random_records,
                                      ops::sort_records,         ops::guard_records,
                                      ops::control_flow_records, ops::custom_gradient_records,
                                      ops::fft_records,          ops::host_call_records};

struct Registry {
  std::vector<const OpRecord*> all;
  std::unordered_map<std::string_view, const OpRecord*> by_name;

  Registry() {
    for (const auto family : kFamilies) {
      for (const OpRecord* record : family()) {
        RV_CHECK(by_name.emplace(record->name, record).second);
        all.push_back(record);
      }
    }
  }
};

const Registry& registry() {
  static const Registry kRegistry;
  return kRegistry;
}

}  // namespace

const OpRecord* find_op(std::string_view name) {
  const auto found = registry().by_name.find(name);
  return found == registry().by_name.end() ? nullptr : found->second;
}

std::span<const OpRecord* const> all_ops() { return registry().all; }

}  // namespace ranvier
