/*
 * What a program does that uses a model once: loads the library and a model, predicts, ends.
 *
 *     startup MODEL.cnn
 *
 * harness/startup.py measures the whole process.
 */
#include <cnn.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, cnn_last_error_message());
  return 1;
}

int main(int argc, char **argv) {
  cnn_model *model;
  cnn_tensor input = CNN_TENSOR_INIT, output = CNN_TENSOR_INIT;
  if (argc != 2) return failed("one model file is expected");
  if (cnn_model_load(argv[1], &model)) return failed(argv[1]);
  if (cnn_model_input(model, 0, &input) || cnn_model_output(model, 0, &output))
    return failed("shapes");
  size_t in = (size_t)input.count, out = (size_t)output.count;
  float *sample = calloc(in, sizeof *sample), *result = calloc(out, sizeof *result);
  if (sample == NULL || result == NULL) return 1;
  for (size_t index = 0; index < in; index++) sample[index] = (float)(index % 17) / 17;
  if (cnn_forward(model, 1, CNN_NHWC, sample, input.count, output.count, result))
    return failed("prediction");
  printf("%g\n", (double)result[0]);
  cnn_model_free(model);
  free(sample);
  free(result);
  return 0;
}
