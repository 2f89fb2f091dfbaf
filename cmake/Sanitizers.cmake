# HEARTH_SANITIZE: "address" (with undefined behaviour), "thread", or nothing. HEARTH_FUZZ adds libFuzzer's
# coverage to all of our code, so that fuzzers see inside the libraries.
set(HEARTH_SANITIZE "" CACHE STRING "address, thread or nothing")
set_property(CACHE HEARTH_SANITIZE PROPERTY STRINGS "" address thread)

if(HEARTH_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  # g++ makes these checks at every access to a member, for a quarter of the time that compiling takes; what a
  # null pointer or a short object leads to, AddressSanitizer sees. The fuzzers, built by clang, have them.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fno-sanitize=null,alignment,object-size,vptr)
  endif()
  add_link_options(-fsanitize=address,undefined)
elseif(HEARTH_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(HEARTH_SANITIZE)
  message(FATAL_ERROR "HEARTH_SANITIZE is \"${HEARTH_SANITIZE}\"; it can be address, thread or empty.")
endif()

# A report names lines; a debugger, which wants more, has the builds without a sanitizer.
if(HEARTH_SANITIZE)
  add_compile_options(-g1)
endif()

if(HEARTH_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "HEARTH_FUZZ needs clang: use ./dev fuzz, or -DCMAKE_CXX_COMPILER=clang++-19.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# HEARTH_COVERAGE: count which lines the tests reach (./dev coverage).
option(HEARTH_COVERAGE "Instrument for line coverage" OFF)
if(HEARTH_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()
