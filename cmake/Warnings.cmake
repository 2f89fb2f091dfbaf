# Warnings are errors, for every target of ours.
add_compile_options(-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -Wswitch -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wduplicated-cond -Wlogical-op)
else()
  # TRY is a statement expression; both compilers of ours have them.
  add_compile_options(-Wno-gnu-statement-expression)
endif()
