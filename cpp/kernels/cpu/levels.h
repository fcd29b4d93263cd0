#pragma once
// Tables of kernels of which every instruction-set level has one (cmake/kernels.cmake).

#include "base/cpu.h"

#define RV_DECLARE_TABLE(level, Type, table) \
  namespace level {                          \
  extern const Type table;                   \
  }

// Declares the tables and defines `const Type& choose(Isa isa)`; at namespace ranvier::kernels.
#if defined(__x86_64__)
#define RV_TABLES(Type, table, choose)            \
  RV_DECLARE_TABLE(baseline, Type, table)         \
  RV_DECLARE_TABLE(avx2, Type, table)             \
  RV_DECLARE_TABLE(avx512, Type, table)           \
  const Type& choose(Isa isa) {                   \
    if (isa >= Isa::Avx512) return avx512::table; \
    if (isa >= Isa::Avx2) return avx2::table;     \
    return baseline::table;                       \
  }
#else
#define RV_TABLES(Type, table, choose)    \
  RV_DECLARE_TABLE(baseline, Type, table) \
  const Type& choose(Isa) { return baseline::table; }
#endif
