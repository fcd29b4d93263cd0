# ranvier_add_kernels(<family> ISA <sources compiled once per level> COMMON <sources compiled once>
#                     BF16 <sources compiled for AVX512-BF16 and VNNI alone>
#                     ORACLE <plain reference versions that only tests call>)
# makes the static library ranvier_kernels_<family>. RV_ISA names the level's inner namespace.
set(RANVIER_ISA_FLAGS_baseline "")
set(RANVIER_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c -mbmi2)
set(RANVIER_ISA_FLAGS_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mbmi2
                             -mprefer-vector-width=512)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(RANVIER_ISA_LEVELS baseline avx2 avx512)
  set(RANVIER_ISA_FLAGS_avx512_bf16 ${RANVIER_ISA_FLAGS_avx512} -mavx512bf16 -mavx512vnni)
else()
  message(FATAL_ERROR "Ranvier has kernels for x86-64 so far; this processor is ${CMAKE_SYSTEM_PROCESSOR}. "
                      "A new level needs simd/vec.h on its registers and a row in this file.")
endif()

# Sanitized kernels need no speed, and take half the time to compile.
if(RANVIER_ASAN OR RANVIER_TSAN)
  set(RANVIER_KERNEL_OPTIMIZATION -O1)
else()
  set(RANVIER_KERNEL_OPTIMIZATION -O3)
endif()

function(ranvier_add_kernels family)
  cmake_parse_arguments(ARG "" "" "ISA;BF16;COMMON;ORACLE" ${ARGN})
  if(RANVIER_TESTS OR RANVIER_BENCHMARKS)
    list(APPEND ARG_COMMON ${ARG_ORACLE})
  endif()
  add_library(ranvier_kernels_${family} STATIC ${ARG_COMMON})
  target_link_libraries(ranvier_kernels_${family} PUBLIC ranvier_options ranvier_base)
  foreach(level IN LISTS RANVIER_ISA_LEVELS ITEMS avx512_bf16)
    if(level STREQUAL avx512_bf16)
      set(sources ${ARG_BF16})
    else()
      set(sources ${ARG_ISA})
    endif()
    if(sources)
      set(objects ranvier_kernels_${family}_${level})
      add_library(${objects} OBJECT ${sources})
      target_link_libraries(${objects} PRIVATE ranvier_options)
      target_compile_definitions(${objects} PRIVATE RV_ISA=${level})
      # Kernels throw nothing; with unwinding code, GCC would name the exception runtime in a weak symbol.
      # GCC 12 reports its own intrinsics as uninitialized (bug 105593) and vector attributes as ignored.
      target_compile_options(${objects} PRIVATE ${RANVIER_ISA_FLAGS_${level}} ${RANVIER_KERNEL_OPTIMIZATION}
                             -fno-exceptions -Wno-uninitialized -Wno-maybe-uninitialized -Wno-ignored-attributes
                             -Wno-unused-function -Wno-psabi)
      target_sources(ranvier_kernels_${family} PRIVATE $<TARGET_OBJECTS:${objects}>)
    endif()
  endforeach()
endfunction()
