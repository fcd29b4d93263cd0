#pragma once
// Turns a guard's report into the typed error, the same for eager calls and programs.

#include "kernels/cpu/nn/guard.h"
#include "tensor/attrs.h"
#include "tensor/site.h"

namespace ranvier {

// Throws IndexError (label or index out of range) or ValueError (not finite), naming the guard's
// subject (attribute "subject"), the first offending position and value, and the site.
[[noreturn]] void throw_guard(const kernels::GuardReport& report, const char* op,
                              const Attrs& attrs, const Site& site);

}  // namespace ranvier
