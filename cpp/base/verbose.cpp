#include "base/verbose.h"

#include <cstdio>

#include "base/env.h"

namespace ranvier {

bool prints_dispatch() {
  static const bool wanted = env_choice("RANVIER_VERBOSE", {"dispatch"}).has_value();
  return wanted;
}

void print_refusal(const std::string& kernel, const char* variant, const char* reason) {
  std::fprintf(stderr, "dispatch: %s: refused %s: %s\n", kernel.c_str(), variant, reason);
}

}  // namespace ranvier
