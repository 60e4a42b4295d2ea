#!/bin/sh
# A C program that gcc compiled against header and library alone runs in an empty environment, with
# no toolchain on any path, and the library needs nothing of Swift.
set -eu
library=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$(cd "$(dirname "$0")/../.." && pwd)

mkdir "$folder/lib" "$folder/include"
cp "$library" "$folder/lib/libcnn.so.0"
ln -s libcnn.so.0 "$folder/lib/libcnn.so"
cp "$root/include/cnn.h" "$folder/include"
cat >"$folder/program.c" <<'PROGRAM'
#include <cnn.h>
#include <stdio.h>
int main(void) {
  cnn_model *model;
  float input[28 * 28] = {0}, output[10];
  if (cnn_model_create_named("mnist", NULL, &model) != CNN_OK ||
      cnn_forward(model, 1, CNN_NHWC, input, 28 * 28, 10, output) != CNN_OK) {
    fprintf(stderr, "%s\n", cnn_last_error_message());
    return 1;
  }
  cnn_model_free(model);
  return 0;
}
PROGRAM
gcc -std=c99 -Wall -Wextra -pedantic -Werror -I"$folder/include" "$folder/program.c" \
  -L"$folder/lib" -lcnn -Wl,-rpath,"$folder/lib" -o "$folder/program"
(cd / && env -i PATH=/nowhere "$folder/program")
if ldd "$folder/lib/libcnn.so" | grep -iE 'swift|foundation|dispatch'; then
  echo "the library needs something of Swift"
  exit 1
fi
