# What others wrote, from the distribution's packages. fmt and spdlog come without archives there and are compiled
# in; libuv is linked statically, and its archive has two names.
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
add_compile_definitions(FMT_HEADER_ONLY SPDLOG_FMT_EXTERNAL)

find_package(PkgConfig REQUIRED)
pkg_check_modules(uv REQUIRED IMPORTED_TARGET libuv)
find_library(uv_archive NAMES libuv_a.a libuv.a HINTS ${uv_LIBRARY_DIRS} REQUIRED)
find_package(Threads REQUIRED)
add_library(uv_static STATIC IMPORTED)
set_target_properties(uv_static PROPERTIES
  IMPORTED_LOCATION ${uv_archive}
  INTERFACE_INCLUDE_DIRECTORIES "${uv_INCLUDE_DIRS}"
  INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS}")
