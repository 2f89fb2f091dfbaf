# What a build is made with, before any target exists: its kind, and faster tools where they are there.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

# ensure() holds in release builds too, so nothing of ours depends on NDEBUG. -O3 gains nothing on code that
# waits for pipes, and costs pages.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")
add_compile_options(-fno-plt -ffunction-sections -fdata-sections)
add_link_options(-Wl,--gc-sections -Wl,-O1 -Wl,--as-needed)

find_program(ccache ccache)
if(ccache AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache})
endif()

# What people install is linked by the system's own linker, so that it does not depend on what else happens to
# be there; a developer's large instrumented programs by the fastest.
find_program(mold mold)
if(mold AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  add_link_options(-fuse-ld=mold)
endif()
