/* Loads guarded.c, trains and predicts with all it has, and prints the bits of the outputs. */
#include "../../../examples/c/common.h"

#include <string.h>

enum { BATCH = 4, INPUTS = 6, UNITS = 3 };

/* The plugin says which version of the interface the library has. */
static void print_line(int32_t level, const char *message, void *user) {
  (void)level;
  (void)user;
  fprintf(stderr, "%s\n", message);
}

int main(int argc, char **argv) {
  static const char graph[] =
      "{\"inputs\": [{\"name\": \"x\", \"shape\": [6]}], \"layers\": ["
      "{\"type\": \"linear\", \"out_features\": 6},"
      "{\"name\": \"own\", \"type\": \"org.example.guarded\", \"factor\": 3}]}";
  static const char options[] =
      "{\"loss\": {\"type\": \"org.example.guarded_loss\", \"factor\": 1}, \"batch_size\": 4,"
      " \"optimizer\": \"org.example.guarded_optimizer\", \"weight_decay\": 0.1}";
  const int64_t shape[] = {BATCH, INPUTS}, target_shape[] = {BATCH, UNITS};
  float x[BATCH * INPUTS], y[BATCH * UNITS], output[BATCH * UNITS];
  cnn_model *model, *again;
  cnn_training *training;
  double loss;
  void *bytes;
  int64_t size;
  if (argc != 2) return 2;
  for (int i = 0; i < BATCH * INPUTS; i++) x[i] = (float)((i * 7) % 13) / 13 - 0.4F;
  for (int i = 0; i < BATCH * UNITS; i++) y[i] = (float)((i * 5) % 11) / 11;
  CHECK(cnn_set_log_callback(print_line, NULL));
  CHECK(cnn_plugin_load(argv[1]));
  CHECK(cnn_model_create(graph, NULL, &model));
  CHECK(cnn_training_create(model, options, &training));
  CHECK(cnn_training_set_input(training, NULL, CNN_NHWC, shape, 2, x));
  CHECK(cnn_training_set_targets(training, NULL, CNN_NHWC, target_shape, 2, y));
  for (int step = 0; step < 20; step++) CHECK(cnn_training_step(training, &loss));
  CHECK(cnn_model_save_memory(model, &bytes, &size));
  CHECK(cnn_model_load_memory(bytes, size, &again));
  CHECK(cnn_forward(again, BATCH, CNN_NHWC, x, BATCH * INPUTS, BATCH * UNITS, output));
  for (int i = 0; i < BATCH * UNITS; i++) {
    uint32_t bits;
    memcpy(&bits, &output[i], sizeof bits);
    printf("%08x ", (unsigned)bits);
  }
  printf("loss %.17g\n", loss);
  cnn_free(bytes);
  cnn_training_free(training);
  cnn_model_free(model);
  cnn_model_free(again);
  return 0;
}
