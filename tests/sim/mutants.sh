#!/bin/bash
# Tests the simulation: plants each bug of mutants.txt into a copy of the sources, one at a time, and expects that the
# simulation finds it.
#
#   tests/sim/mutants.sh [WORLDS [NAME]]      WORLDS: at most this many for each bug (5000). NAME: only bugs whose name holds it.
#
# Takes a few minutes, so it is run on demand. Exit status 1: a bug survived, or a substitution no longer matches.
set -euo pipefail

worlds=${1:-5000}
only=${2:-}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/tree/tests"
cp -r "$root/src" "$work/tree/src"
cp -r "$root/tests/sim" "$work/tree/tests/sim"
cp -r "$root/cmake" "$work/tree/cmake"
cat > "$work/tree/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(mutants LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_BUILD_TYPE Release)
foreach(layer base proto core face broker)
  file(GLOB sources ${CMAKE_SOURCE_DIR}/src/${layer}/*.cpp)
  list(APPEND all ${sources})
endforeach()
file(GLOB sim ${CMAKE_SOURCE_DIR}/tests/sim/*.cpp)
add_executable(simulate ${all} ${sim})
target_compile_options(simulate PRIVATE -w)
target_include_directories(simulate PRIVATE src tests)
CMAKE

launcher=()
if command -v ccache > /dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake -S "$work/tree" -B "$work/build" -G Ninja "${launcher[@]}" > "$work/log"
ninja -C "$work/build" > "$work/log" || { cat "$work/log"; exit 1; }
"$work/build/simulate" --seed 1 --worlds 50 > "$work/log" || { cat "$work/log"; echo "the sources as they are fail"; exit 1; }

survivors=0
trim() { sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//'; }
while IFS= read -r line; do
  case $line in '#'* | '') continue ;; esac
  name=$(cut -d'|' -f1 <<< "$line" | trim)
  file=$(cut -d'|' -f2 <<< "$line" | trim)
  bug=$(cut -d'|' -f3- <<< "$line" | trim)
  [[ $name == *"$only"* ]] || continue
  target=$work/tree/src/$file
  cp "$target" "$work/before"
  perl -0pi -e "$bug" "$target"
  if cmp -s "$target" "$work/before"; then
    printf '%-28s STALE: does not match %s\n' "$name" "$file"
    survivors=1
  elif ! ninja -C "$work/build" > "$work/log" 2>&1; then
    printf '%-28s STALE: does not compile\n' "$name"
    grep -m3 error "$work/log" || true
    survivors=1
  elif "$work/build/simulate" --seed 1 --worlds "$worlds" > "$work/found" 2>&1; then
    printf '%-28s SURVIVED %s worlds\n' "$name" "$worlds"
    survivors=1
  else
    printf '%-28s %s\n' "$name" "$(grep -m1 -a -e 'broken:' -e 'internal error' -e 'replay:' "$work/found" | cut -c1-110)"
  fi
  cp "$work/before" "$target"
done < "$root/tests/sim/mutants.txt"
exit $survivors
