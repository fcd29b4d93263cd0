# Warnings, sanitizers and link options shared by every target, as the interface target ranvier_options.
add_library(ranvier_options INTERFACE)
target_include_directories(ranvier_options INTERFACE ${PROJECT_SOURCE_DIR}/cpp)
target_compile_options(ranvier_options INTERFACE -Wall -Wextra -fno-math-errno -fno-trapping-math
                                                 -ffp-contract=off -ffunction-sections -fdata-sections)
if(RANVIER_WERROR)
  target_compile_options(ranvier_options INTERFACE -Werror)
endif()
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  # Reference kernels that nothing in a binary calls stay out of it.
  target_link_options(ranvier_options INTERFACE -Wl,--gc-sections)
endif()
if(RANVIER_ASAN)
  target_compile_options(ranvier_options INTERFACE -fsanitize=address,undefined
                                                   -fno-sanitize-recover=all -g1 -O1
                                                   -D_GLIBCXX_ASSERTIONS)
  target_link_options(ranvier_options INTERFACE -fsanitize=address,undefined)
endif()
if(RANVIER_TSAN)
  target_compile_options(ranvier_options INTERFACE -fsanitize=thread -g1 -O1)
  target_link_options(ranvier_options INTERFACE -fsanitize=thread)
endif()
find_package(Threads REQUIRED)
target_link_libraries(ranvier_options INTERFACE Threads::Threads)

# With RANVIER_UNITY: the sources of a target are compiled `batch` at a time.
function(ranvier_join_sources target batch)
  if(RANVIER_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${batch})
  endif()
endfunction()

# With RANVIER_UNITY: headers that all sources of a target read are compiled once. For sources that
# use the same local names, as records of ops do.
function(ranvier_precompile target)
  if(RANVIER_UNITY)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()
