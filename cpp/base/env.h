#pragma once
// The environment variables Ranvier reads, all of them, through one door.
//
//   RANVIER_ISA          baseline | avx2 | avx512 | avx512_bf16: highest instruction set to use
//   RANVIER_NUM_THREADS  size of the thread pool, the caller included
//   RANVIER_SPIN_US      microseconds an idle worker spins before it sleeps (default 30)
//   RANVIER_EXACT        1: only rewrites that keep every bit
//   RANVIER_WINOGRAD     off | inference | always: where 3x3 convolutions use F(4x4, 3x3); off: no
//                        F(2x2, 3x3) either
//   RANVIER_DUMP         name of a stage of the compiler, or all: prints the graph after it
//   RANVIER_VERBOSE      "dispatch": choices of kernels (base/verbose.h)
//   RANVIER_DATA         folder with datasets

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace ranvier {

// Value of the variable; nothing where it is unset or empty.
std::optional<std::string> env(const char* name);
// Value as an integer in [low, high]; throws ValueError naming the variable where it is not one.
std::optional<int64_t> env_int(const char* name, int64_t low, int64_t high);
// Value that is one of `choices`; throws ValueError naming the variable where it is another.
std::optional<std::string> env_choice(const char* name,
                                      std::initializer_list<std::string_view> choices);

// True under RANVIER_EXACT=1 (read once): compiled programs equal eager ones to the bit.
bool exact_mode();
void set_exact_mode(bool on);  // for tests

}  // namespace ranvier
