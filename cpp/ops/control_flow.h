#pragma once
// The structured records and their gradients, between the two files of the family.

#include "tensor/record.h"

namespace ranvier::ops {

extern const OpRecord kCall, kCond, kWhile, kScan;

Tensors vjp_call(const VjpArgs& args);
Tensors vjp_cond(const VjpArgs& args);
Tensors vjp_while(const VjpArgs& args);
Tensors vjp_scan(const VjpArgs& args);

}  // namespace ranvier::ops
