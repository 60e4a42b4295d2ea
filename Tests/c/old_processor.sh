#!/bin/sh
# Predicts and trains on an emulated processor of 2008, which has neither AVX nor FMA: an
# instruction of the AVX2 kernels that found its way into everybody's code would end the program.
set -eu
library=$1
command -v qemu-x86_64 >/dev/null 2>&1 || {
  echo "qemu-x86_64 is not installed (package qemu-user)"
  exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$(cd "$(dirname "$0")/../.." && pwd)

cp "$library" "$folder/libcnn.so.0"
ln -s libcnn.so.0 "$folder/libcnn.so"
cat >"$folder/program.c" <<'PROGRAM'
#include <cnn.h>
#include <stdio.h>
#include <string.h>

static float input[2 * 16 * 16 * 3], output[2 * 10];

static int failed(void) {
  fprintf(stderr, "%s\n", cnn_last_error_message());
  return 1;
}

int main(void) {
  const int64_t labels[2] = {3, 7};
  const char *names[] = {"resnet_small", "convnet"};
  cnn_model *model;
  cnn_training *training;
  double loss;
  int i;
  if (strcmp(cnn_cpu_variant(), "baseline") != 0) {
    fprintf(stderr, "expected the baseline kernels, got %s\n", cnn_cpu_variant());
    return 1;
  }
  for (i = 0; i < 2 * 16 * 16 * 3; i++) input[i] = (float)(i % 23) / 23;
  for (i = 0; i < 2; i++) {
    if (cnn_model_create_named(names[i], "{\"input_shape\": [16, 16, 3], \"classes\": 10}", &model))
      return failed();
    if (cnn_training_create(model, "{\"batch_size\": 2}", &training)) return failed();
    if (cnn_train_step(training, 2, CNN_NHWC, input, 2 * 16 * 16 * 3, labels, &loss))
      return failed();
    if (cnn_forward(model, 2, CNN_NHWC, input, 2 * 16 * 16 * 3, 20, output)) return failed();
    cnn_training_free(training);
    cnn_model_free(model);
  }
  return 0;
}
PROGRAM
gcc -std=c99 -Wall -Wextra -pedantic -Werror -I"$root/include" "$folder/program.c" -L"$folder" \
  -lcnn -o "$folder/program"
LD_LIBRARY_PATH="$folder" qemu-x86_64 -cpu Nehalem "$folder/program"
