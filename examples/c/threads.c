/*
 * Uses one model from many threads at once, and shows that all get the same bits.
 *
 *     cc -std=c99 -pthread threads.c -lcnn -o threads
 *     ./threads
 *
 * There is nothing to lock and nothing to copy: cnn_forward keeps memory for each thread by itself.
 */
#include "common.h"

#include <pthread.h>
#include <string.h>

enum { THREADS = 16, ROUNDS = 20, BATCH = 4, SIZE = 32 * 32 * 3, CLASSES = 10 };

static const char graph[] =
    "{ \"inputs\": [ { \"name\": \"image\", \"shape\": [32, 32, 3] } ],"
    "  \"layers\": ["
    "    { \"name\": \"conv\", \"type\": \"conv2d\", \"out_channels\": 32, \"kernel_size\": 7,"
    "      \"padding\": \"same\" },"
    "    { \"name\": \"relu\", \"type\": \"relu\" },"
    "    { \"name\": \"pool\", \"type\": \"max_pool2d\", \"kernel_size\": 2 },"
    "    { \"name\": \"flat\", \"type\": \"flatten\" },"
    "    { \"name\": \"logits\", \"type\": \"linear\", \"out_features\": 10 } ] }";

static cnn_model *model;
static float input[BATCH * SIZE];
static float expected[BATCH * CLASSES];

/** Runs the model again and again; returns NULL if every output is the expected one, bit by bit. */
static void *predict(void *unused) {
  int round;
  (void)unused;
  for (round = 0; round < ROUNDS; round++) {
    float output[BATCH * CLASSES];
    CHECK(cnn_forward(model, BATCH, CNN_NHWC, input, BATCH * SIZE, BATCH * CLASSES, output));
    if (memcmp(output, expected, sizeof output) != 0) return input;
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  int i, different = 0;

  for (i = 0; i < BATCH * SIZE; i++) input[i] = (float)(i % 255) / 255;
  CHECK(cnn_model_create(graph, "{ \"seed\": 1 }", &model));
  CHECK(cnn_forward(model, BATCH, CNN_NHWC, input, BATCH * SIZE, BATCH * CLASSES, expected));

  for (i = 0; i < THREADS; i++) {
    if (pthread_create(&threads[i], NULL, predict, NULL) != 0) {
      fprintf(stderr, "cannot start a thread\n");
      return 1;
    }
  }
  for (i = 0; i < THREADS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    if (result != NULL) different++;
  }
  cnn_model_free(model);
  printf("%d threads, %d predictions each: %s\n", THREADS, ROUNDS,
         different == 0 ? "all the same bits" : "results differ");
  return different == 0 ? 0 : 1;
}
