# Headers of the standard library and of doctest are read once a kind of compilation, not once a file: that is
# most of what compiling takes here. A file still includes everything it uses, and builds with
# HEARTH_PRECOMPILE=OFF see that it does: the fuzzers (in every `./dev test`) and `./dev lint`.
option(HEARTH_PRECOMPILE "Precompile the headers of the standard library" ON)

set(HEARTH_STANDARD_HEADERS <algorithm> <array> <charconv> <chrono> <cstdint> <deque> <expected> <functional>
  <map> <memory> <optional> <set> <span> <string> <string_view> <utility> <variant> <vector>)

# hearth_precompile(TARGET [LIKE OTHER] [MORE HEADERS…]): LIKE another target with the same options.
function(hearth_precompile target)
  cmake_parse_arguments(arg "" "LIKE" "MORE" ${ARGN})
  if(NOT HEARTH_PRECOMPILE)
    return()
  endif()
  # g++ forgets with them that these headers are the system's, and warns of what its optimiser sees inside.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE
      -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict)
  endif()
  if(arg_LIKE)
    target_precompile_headers(${target} REUSE_FROM ${arg_LIKE})
  else()
    target_precompile_headers(${target} PRIVATE ${HEARTH_STANDARD_HEADERS} ${arg_MORE})
  endif()
endfunction()
