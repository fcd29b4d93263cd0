#pragma once
// Instruction-set levels this build has kernels for, and the one in use.

#include <cstdint>
#include <string>

namespace ranvier {

// Ordered: each level can run the kernels of those before it.
// Avx512Bf16 adds the products of bfloat16 pairs and int8 quadruples (AVX512-BF16 and VNNI: Zen 4,
// Cooper Lake, Sapphire Rapids) to Avx512; all other kernels are those of Avx512.
enum class Isa : int { Baseline, Avx2, Avx512, Avx512Bf16 };
inline constexpr int kIsaCount = 4;
// The levels that every kernel is compiled for, and the one of them that `isa` uses.
inline constexpr int kVectorLevels = 3;
constexpr Isa vector_level(Isa isa) { return isa < Isa::Avx512 ? isa : Isa::Avx512; }

const char* name_of(Isa isa);  // "baseline", "avx2", "avx512", "avx512_bf16"
// Highest level the CPU has (CPUID) and the operating system saves registers for (XGETBV).
Isa detected_isa();
// detected_isa(), lowered by RANVIER_ISA; an unknown or too high name throws ValueError naming the
// choices.
Isa active_isa();
void set_active_isa(Isa isa);  // for tests: run every level in one process

struct CpuInfo {
  std::string model;
  int l1_data_bytes = 0, l2_bytes = 0, l3_bytes = 0;
};
const CpuInfo& cpu_info();
// How many lines of the first cache, of 64 sets of 64 bytes, can hold rows that begin `pitch` bytes
// apart.
int64_t l1_lines_at(int64_t pitch);

}  // namespace ranvier
