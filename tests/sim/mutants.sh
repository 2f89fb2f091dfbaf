#!/bin/bash
# Tests the simulation: plants each bug of mutants.txt into a copy of the sources, one at a time, and expects that the
# simulation finds it.
#
#   tests/sim/mutants.sh [WORLDS [NAME]]      WORLDS: at most this many for each bug (5000). NAME: only bugs whose name holds it.
#   tests/sim/mutants.sh --match              Only says which substitutions no longer change their file.
#   tests/sim/mutants.sh --plant NAME OUTPUT  Writes the file that the bug is in, with the bug.
#
# The first form takes half an hour, so it is run on demand; `./dev test` uses the other two. Exit status 1: a bug survived,
# or a substitution no longer matches.
# each_bug calls the functions, which shellcheck does not see.
# shellcheck disable=SC2317
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
trim() { sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//'; }

# each_bug COMMAND: calls it with name, file and substitution of every bug.
each_bug() {
  local line name file bug
  while IFS= read -r line <&3; do
    case $line in '#'* | '') continue ;; esac
    name=$(cut -d'|' -f1 <<< "$line" | trim)
    file=$(cut -d'|' -f2 <<< "$line" | trim)
    bug=$(cut -d'|' -f3- <<< "$line" | trim)
    "$1" "$name" "$file" "$bug"
  done 3< "$root/tests/sim/mutants.txt"
}

# --- Match -----------------------------------------------------------------------------------------------------------

status=0
stale() {
  printf '%-28s STALE: %s\n' "$1" "$2"
  status=1
}
match() {
  if perl -0pe "$3" "$root/src/$2" | cmp -s - "$root/src/$2"; then stale "$1" "does not match $2"; fi
}
if [[ ${1:-} == --match ]]; then
  each_bug match
  exit $status
fi

# --- Plant -----------------------------------------------------------------------------------------------------------

if [[ ${1:-} == --plant ]]; then
  wanted=$2 output=$3
  plant() { if [[ $1 == "$wanted" ]]; then perl -0pe "$3" "$root/src/$2" > "$output"; fi; }
  each_bug plant
  exit 0
fi

# --- Find ------------------------------------------------------------------------------------------------------------

worlds=${1:-5000}
only=${2:-}
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
foreach(layer base proto core face broker record)
  file(GLOB_RECURSE sources ${CMAKE_SOURCE_DIR}/src/${layer}/*.cpp)
  list(APPEND all ${sources})
endforeach()
file(GLOB sim ${CMAKE_SOURCE_DIR}/tests/sim/*.cpp)
add_executable(simulate ${all} ${sim})
target_compile_options(simulate PRIVATE -O1 -w)
target_include_directories(simulate PRIVATE src tests)
CMAKE

launcher=()
if command -v ccache > /dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake -S "$work/tree" -B "$work/build" -G Ninja "${launcher[@]}" > "$work/log"
ninja -C "$work/build" > "$work/log" || { cat "$work/log"; exit 1; }
"$work/build/simulate" --seed 1 --worlds 50 > "$work/log" || { cat "$work/log"; echo "the sources as they are fail"; exit 1; }

find_it() {
  local name=$1 file=$2 bug=$3 target=$work/tree/src/$2
  [[ $name == *"$only"* ]] || return 0
  cp "$target" "$work/before"
  perl -0pi -e "$bug" "$target"
  if cmp -s "$target" "$work/before"; then
    stale "$name" "does not match $file"
  elif ! ninja -C "$work/build" > "$work/log" 2>&1; then
    stale "$name" "does not compile"
    grep -m3 error "$work/log" || true
  elif "$work/build/simulate" --seed 1 --worlds "$worlds" > "$work/found" 2>&1; then
    printf '%-28s SURVIVED %s worlds\n' "$name" "$worlds"
    status=1
  else
    printf '%-28s %s\n' "$name" "$(grep -m1 -a -e 'broken:' -e 'internal error' -e 'replay:' "$work/found" | cut -c1-110)"
  fi
  cp "$work/before" "$target"
}
each_bug find_it
exit $status
