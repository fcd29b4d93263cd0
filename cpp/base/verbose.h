#pragma once
// What RANVIER_VERBOSE=dispatch prints to stderr: the choices of kernels.

#include <string>

namespace ranvier {

bool prints_dispatch();

// "dispatch: gemm 32x200x784: refused packed B: ...". Call it under prints_dispatch().
void print_refusal(const std::string& kernel, const char* variant, const char* reason);

}  // namespace ranvier
