#!/bin/sh
# Installs into a folder, and uses what is there as strangers would: with pkg-config, with CMake, and
# the command in an empty environment.
#
#     Tests/c/install.sh LIBRARY
set -eu
library=${1:?usage: install.sh LIBRARY}
root=$(cd "$(dirname "$0")/../.." && pwd)
CNN_BUILD=$(cd "$(dirname "$library")" && pwd)
export CNN_BUILD
if [ ! -x "$CNN_BUILD/cnn-command" ]; then
  echo "the command is not built; run \"make build\""
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0

fail() {
  echo "$1" >&2
  exit 1
}

# Through DESTDIR, and then moved to where the prefix says.
"$root/Tools/install" "$work/stage$work/prefix" "$work/prefix" >/dev/null
mv "$work/stage$work/prefix" "$work/prefix"
for file in include/cnn.h include/cnn_plugin.h lib/libcnn.so lib/libcnn.so.0 bin/cnn lib/pkgconfig/cnn.pc \
  lib/cmake/cnn/cnnConfig.cmake lib/cmake/cnn/cnnConfigVersion.cmake share/doc/cnn/LICENSE \
  share/bash-completion/completions/cnn share/zsh/site-functions/_cnn \
  share/fish/vendor_completions.d/cnn.fish; do
  [ -s "$work/prefix/$file" ] || fail "$file is not installed"
done
for model in "$root"/models/*.cnn; do
  [ ! -e "$model" ] || [ -s "$work/prefix/share/cnn/models/$(basename "$model")" ] ||
    fail "$(basename "$model") is not installed"
done
if "$root/Tools/install" relative >/dev/null 2>&1; then fail "a relative prefix was accepted"; fi
passed=$((passed + 1))

cat >"$work/program.c" <<'PROGRAM'
#include <cnn.h>
#include <stdio.h>
#include <string.h>
int main(void) {
  cnn_dataset *digits;
  cnn_model *model;
  double accuracy;
  if (strcmp(cnn_version(), CNN_VERSION_STRING) != 0) return 1;
  if (cnn_model_create_named("mnist", "{\"input_shape\": [8, 8, 1]}", &model) != CNN_OK ||
      cnn_dataset_create_named("digits", "{\"part\": \"test\"}", &digits) != CNN_OK ||
      cnn_evaluate(model, digits, NULL, NULL, &accuracy, NULL) != CNN_OK) {
    fprintf(stderr, "%s\n", cnn_last_error_message());
    return 1;
  }
  cnn_dataset_free(digits);
  cnn_model_free(model);
  puts(CNN_VERSION_STRING);
  return 0;
}
PROGRAM
version=$(sed -n 's/^#define CNN_VERSION_STRING "\(.*\)"$/\1/p' "$root/include/cnn.h")
[ -e "$work/prefix/lib/libcnn.so.$version" ] || fail "libcnn.so.$version is not installed"

# The command, with nothing of a toolchain to be found.
if ldd "$work/prefix/bin/cnn" | grep -iE 'swift|foundation|dispatch|not found'; then
  fail "the command needs what is not on every machine"
fi
said=$(cd / && env -i "$work/prefix/bin/cnn" --version)
[ "$said" = "$version" ] || fail "the command says version $said, the header $version"
(cd / && env -i "$work/prefix/bin/cnn" train --data digits --model mnist --epochs 1 --threads 1 \
  --output "$work/digits.cnn" --plot none >"$work/train.log" 2>&1) ||
  fail "training fails: $(cat "$work/train.log")"
(cd / && env -i "$work/prefix/bin/cnn" evaluate "$work/digits.cnn" --data digits --part test \
  --json >/dev/null) || fail "evaluating fails"
passed=$((passed + 1))

skipped=""
if command -v pkg-config >/dev/null 2>&1; then
  export PKG_CONFIG_PATH="$work/prefix/lib/pkgconfig"
  [ "$(pkg-config --modversion cnn)" = "$version" ] || fail "pkg-config gives another version"
  # shellcheck disable=SC2046 # a list of flags
  gcc -std=c99 -Wall -Wextra -pedantic -Werror "$work/program.c" $(pkg-config --cflags --libs cnn) \
    -Wl,-rpath,"$(pkg-config --variable=libdir cnn)" -o "$work/program"
  [ "$(cd / && env -i "$work/program")" = "$version" ] || fail "the program of pkg-config fails"
  passed=$((passed + 1))
else
  skipped="$skipped pkg-config"
fi

if command -v cmake >/dev/null 2>&1; then
  mkdir "$work/project"
  cp "$work/program.c" "$work/project"
  cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.15)
project(program C)
find_package(cnn 0.1 REQUIRED)
find_package(cnn 1.0 QUIET)
if(cnn_FOUND)
  message(FATAL_ERROR "version 1.0 was found")
endif()
add_executable(program program.c)
target_link_libraries(program PRIVATE cnn::cnn)
END
  {
    cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/prefix" &&
      cmake --build "$work/project/build"
  } >"$work/cmake.log" 2>&1 || fail "$(cat "$work/cmake.log")"
  [ "$(cd / && env -i "$work/project/build/program")" = "$version" ] ||
    fail "the program of CMake fails"
  passed=$((passed + 1))
else
  skipped="$skipped cmake"
fi

[ -z "$skipped" ] || echo "not installed here, and left out:$skipped"
[ "$passed" -gt 2 ] || exit 77
echo "$passed passed"
