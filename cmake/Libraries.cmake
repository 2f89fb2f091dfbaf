# What others wrote, from the distribution. libuv is linked statically, and its archive goes by two names.
find_package(PkgConfig REQUIRED)
pkg_check_modules(uv REQUIRED libuv)
find_library(uv_archive NAMES libuv_a.a libuv.a HINTS ${uv_LIBRARY_DIRS} REQUIRED)
find_package(Threads REQUIRED)
add_library(uv_static STATIC IMPORTED)
set_target_properties(uv_static PROPERTIES
  IMPORTED_LOCATION ${uv_archive}
  INTERFACE_INCLUDE_DIRECTORIES "${uv_INCLUDE_DIRS}"
  INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS}")

if(HEARTH_BENCH)
  find_package(fmt REQUIRED)
endif()
