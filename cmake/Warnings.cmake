# Warnings are errors, for every target of ours.
add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor
  -Wold-style-cast -Wcast-qual -Wformat=2 -Wnull-dereference -Wimplicit-fallthrough -Wswitch -Werror)
# TRY is a statement expression; both compilers of ours have them.
add_compile_options(-Wno-pedantic)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wduplicated-cond -Wlogical-op -Wno-null-dereference)
else()
  add_compile_options(-Wno-gnu-statement-expression)
endif()
