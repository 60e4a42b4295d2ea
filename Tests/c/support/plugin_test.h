/* What the tests of layer types share: checks, a network around a layer, and a way to run it. */
#ifndef PLUGIN_TEST_H
#define PLUGIN_TEST_H

#include <cnn_plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks;

#define EXPECT(condition)                                                                      \
  do {                                                                                         \
    __atomic_fetch_add(&checks, 1, __ATOMIC_RELAXED);                                         \
    if (!(condition)) {                                                                        \
      printf("%s:%d: %s does not hold; last message: %s\n", __FILE__, __LINE__, #condition,    \
             cnn_last_error_message());                                                        \
      exit(1);                                                                                 \
    }                                                                                          \
  } while (0)
#define OK(call) EXPECT((call) == CNN_OK)

/** Expects that a call fails with a status and a message that holds a text. */
#define FAILS(expected, text, call)                                                            \
  do {                                                                                         \
    const cnn_status fails_status = (call);                                                    \
    __atomic_fetch_add(&checks, 1, __ATOMIC_RELAXED);                                         \
    if (fails_status != (expected) || strstr(cnn_last_error_message(), (text)) == NULL) {      \
      printf("%s:%d: %s: expected %s with \"%s\", got %s: %s\n", __FILE__, __LINE__, #call,    \
             cnn_status_name(expected), text, cnn_status_name(fails_status),                   \
             cnn_last_error_message());                                                        \
      exit(1);                                                                                 \
    }                                                                                          \
  } while (0)

enum { BATCH = 3, HEIGHT = 5, WIDTH = 6, CLASSES = 3, SAMPLE = HEIGHT * WIDTH * 2 };

static float input[BATCH * SAMPLE];
static const int64_t labels[BATCH] = {0, 2, 1};

static void fill_input(void) {
  for (int i = 0; i < BATCH * SAMPLE; i++) input[i] = (float)((i * 37) % 101) / 101 - 0.3F;
}

/** Makes a network with a layer described by JSON, named "custom", between others. */
static cnn_status make(const char *layer, cnn_model **out_model) {
  char graph[2048];
  snprintf(graph, sizeof graph,
           "{\"inputs\": [{\"name\": \"image\", \"shape\": [5, 6, 2]}], \"layers\": ["
           "{\"name\": \"conv\", \"type\": \"conv2d\", \"out_channels\": 4, \"kernel_size\": 3,"
           " \"padding\": \"same\"}, {\"name\": \"custom\", %s},"
           "{\"name\": \"flat\", \"type\": \"flatten\"},"
           "{\"name\": \"logits\", \"type\": \"linear\", \"out_features\": 3}]}",
           layer);
  return cnn_model_create(graph, NULL, out_model);
}

static cnn_status predict(const cnn_model *model, float *output) {
  return cnn_forward(model, BATCH, CNN_NHWC, input, BATCH * SAMPLE, BATCH * CLASSES, output);
}

/** Trains for some steps. */
static cnn_status train(cnn_model *model, const char *options, int steps) {
  cnn_training *training;
  double loss;
  cnn_status status = cnn_training_create(model, options, &training);
  for (int i = 0; i < steps && status == CNN_OK; i++) {
    status = cnn_train_step(training, BATCH, CNN_NHWC, input, BATCH * SAMPLE, labels, &loss);
  }
  cnn_training_free(training);
  return status;
}

#endif
