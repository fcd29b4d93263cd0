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
                                                   -fno-sanitize-recover=all -g1 -O1)
  target_link_options(ranvier_options INTERFACE -fsanitize=address,undefined)
endif()
if(RANVIER_TSAN)
  target_compile_options(ranvier_options INTERFACE -fsanitize=thread -g1 -O1)
  target_link_options(ranvier_options INTERFACE -fsanitize=thread)
endif()
find_package(Threads REQUIRED)
target_link_libraries(ranvier_options INTERFACE Threads::Threads)
