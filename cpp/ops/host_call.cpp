#include "ops/host_call.h"

#include <string_view>

#include "ops/support.h"

namespace ranvier::ops {
namespace {

HostLanguage g_host;
thread_local bool t_inside = false;
thread_local std::string t_error;

Specs infer_host(const InferArgs& args) {
  Specs specs;
  const Ints& shapes = args.attrs.ints("shapes");
  std::string_view names = args.attrs.text("dtypes");
  for (size_t at = 0; at < shapes.size();) {
    const auto rank = static_cast<size_t>(shapes[at++]);
    RV_CHECK(at + rank <= shapes.size());
    const size_t comma = names.find(',');
    TypeSpec spec{dtype_from_name(std::string(names.substr(0, comma)).c_str()), {}};
    names = comma == std::string_view::npos ? "" : names.substr(comma + 1);
    for (size_t i = 0; i < rank; ++i) spec.shape.push_back(shapes[at + i]);
    at += rank;
    specs.push_back(spec);
  }
  return specs;
}

struct Params {
  int64_t function;
  Specs inputs, outputs;
};

void run_host(const Context&, const Slots& slots, const void* raw) noexcept {
  const auto& params = as<Params>(raw);
  if (slots.guard->code != 0) return;
  const bool outer = t_inside;
  t_inside = true;
  const bool done =
      g_host.call({params.function, params.inputs, params.outputs, slots.in, slots.out}, t_error);
  t_inside = outer;
  if (!done) slots.guard->code = kHostFailed;
}

Kernel prepare_host(const PrepareArgs& args) {
  if (!g_host.call) fail<InternalError>("host_call: no host language is connected");
  return make_kernel(run_host,
                     Params{args.attrs.integer("function"),
                            {args.inputs.begin(), args.inputs.end()},
                            {args.outputs.begin(), args.outputs.end()}},
                     {}, traffic(args));
}

Tensors vjp_host(const VjpArgs& args) {
  return g_host.gradients(args.node.attrs.integer("function"), args);
}

const OpRecord kHostCall{.name = "host_call",
                         .infer = infer_host,
                         .vjp = vjp_host,
                         .prepare = {prepare_host},
                         .traits = {.guard = true, .calls_back = true}};
constexpr const OpRecord* kList[] = {&kHostCall};

}  // namespace

void set_host_language(const HostLanguage& host) { g_host = host; }
bool in_host_call() { return t_inside; }
const std::string& host_error() { return t_error; }

std::span<const OpRecord* const> host_call_records() { return kList; }

}  // namespace ranvier::ops
