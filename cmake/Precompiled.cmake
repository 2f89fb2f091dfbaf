# Headers of the standard library and of doctest are read once a kind of compilation, not once a file: that is
# most of what compiling takes here. A file still includes everything it uses, and builds with
# HEARTH_PRECOMPILE=OFF see that it does: the fuzzers (in every `./dev test`) and `./dev lint`.
option(HEARTH_PRECOMPILE "Precompile the headers of the standard library" ON)

# Several files are compiled as one: a whole build takes half the time or less, a changed file a little more.
# So names in the unnamed namespaces of a library differ. Builds with HEARTH_UNITY=OFF see that each file can
# stand alone.
option(HEARTH_UNITY "Compile several files as one" ON)
set(CMAKE_UNITY_BUILD ${HEARTH_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
if(HEARTH_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Where several files are one it takes them all for headers.
  add_compile_options(-Wno-subobject-linkage)
endif()

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
