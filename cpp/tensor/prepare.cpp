#include <cstdio>

#include "base/error.h"
#include "base/verbose.h"
#include "tensor/record.h"

namespace ranvier {
namespace {

std::string list(std::span<const TypeSpec> specs) {
  std::string text;
  for (const TypeSpec& spec : specs) text += (text.empty() ? "" : ", ") + spec.str();
  return text;
}

}  // namespace

Kernel prepare_kernel(const PrepareArgs& args, Device device) {
  const PrepareFn prepare = args.op.prepare[static_cast<size_t>(device)];
  RV_CHECK(prepare != nullptr);
  Kernel kernel = prepare(args);
  if (prints_dispatch())
    std::fprintf(stderr, "dispatch: %s(%s) -> %s: %s, %.0f flops, %.0f bytes\n", args.op.name,
                 list(args.inputs).c_str(), list(args.outputs).c_str(),
                 *kernel.variant ? kernel.variant : "only variant", kernel.cost.flops,
                 kernel.cost.bytes);
  return kernel;
}

}  // namespace ranvier
