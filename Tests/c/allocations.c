/*
 * After planning, predicting and training take nothing from the heap.
 *
 * Replaces malloc and its relatives by functions that count, in the whole process and so in the
 * library and in all of its threads, and runs steps of prediction and training.
 */
#define _GNU_SOURCE
#include <cnn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_long allocations;

void *malloc(size_t size) {
  atomic_fetch_add(&allocations, 1);
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  atomic_fetch_add(&allocations, 1);
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  atomic_fetch_add(&allocations, 1);
  return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  atomic_fetch_add(&allocations, 1);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  atomic_fetch_add(&allocations, 1);
  *out = __libc_memalign(alignment, size);
  return *out == NULL ? ENOMEM : 0;
}

static const char *graph =
    "{\"inputs\": [{\"name\": \"image\", \"shape\": [16, 16, 3]}],"
    " \"layers\": ["
    "  {\"name\": \"conv1\", \"type\": \"conv2d\", \"out_channels\": 16, \"kernel_size\": 3,"
    "   \"padding\": \"same\"},"
    "  {\"name\": \"norm1\", \"type\": \"batch_norm\"},"
    "  {\"name\": \"relu1\", \"type\": \"relu\"},"
    "  {\"name\": \"pool1\", \"type\": \"max_pool2d\", \"kernel_size\": 2},"
    "  {\"name\": \"conv2\", \"type\": \"conv2d\", \"out_channels\": 16, \"kernel_size\": 3,"
    "   \"padding\": 1, \"groups\": 4},"
    "  {\"name\": \"sum\", \"type\": \"add\", \"inputs\": [\"conv2\", \"pool1\"]},"
    "  {\"name\": \"depthwise\", \"type\": \"conv2d\", \"out_channels\": 16, \"kernel_size\": 3,"
    "   \"padding\": 1, \"groups\": 16},"
    "  {\"name\": \"average\", \"type\": \"avg_pool2d\", \"kernel_size\": 2},"
    "  {\"name\": \"drop\", \"type\": \"dropout\", \"p\": 0.3},"
    "  {\"name\": \"flat\", \"type\": \"flatten\"},"
    "  {\"name\": \"hidden\", \"type\": \"linear\", \"out_features\": 64},"
    "  {\"name\": \"tanh\", \"type\": \"tanh\"},"
    "  {\"name\": \"logits\", \"type\": \"linear\", \"out_features\": 10}],"
    " \"outputs\": [\"logits\"]}";

enum { BATCH = 32, SAMPLE = 16 * 16 * 3, CLASSES = 10, WARM_UP = 5, STEPS = 50 };

static float input[BATCH * SAMPLE], output[BATCH * CLASSES];
static int64_t labels[BATCH];

static int failures;

static void check(cnn_status status) {
  if (status != CNN_OK) {
    fprintf(stderr, "%s: %s\n", cnn_status_name(status), cnn_last_error_message());
    exit(1);
  }
}

static void expect_none(const char *what, long before) {
  long count = atomic_load(&allocations) - before;
  if (count != 0) {
    fprintf(stderr, "%s: %ld allocations in %d steps, expected none\n", what, count, STEPS);
    failures++;
  }
}

static void predict(const cnn_model *model) {
  cnn_session *session;
  cnn_tensor tensor = CNN_TENSOR_INIT;
  long before = 0;
  int step;

  check(cnn_session_create(model, "{\"batch_size\": 32}", &session));
  check(cnn_session_input(session, NULL, BATCH, &tensor));
  memcpy(tensor.data, input, sizeof input);
  for (step = 0; step < WARM_UP + STEPS; step++) {
    if (step == WARM_UP) before = atomic_load(&allocations);
    check(cnn_session_run(session));
  }
  expect_none("cnn_session_run", before);
  cnn_session_free(session);

  for (step = 0; step < WARM_UP + STEPS; step++) {
    if (step == WARM_UP) before = atomic_load(&allocations);
    check(cnn_forward(model, BATCH, CNN_NHWC, input, BATCH * SAMPLE, BATCH * CLASSES, output));
  }
  expect_none("cnn_forward", before);
}

static void train(cnn_model *model, const char *options) {
  cnn_training *training;
  double loss;
  long before = 0;
  int step;

  check(cnn_training_create(model, options, &training));
  for (step = 0; step < WARM_UP + STEPS; step++) {
    if (step == WARM_UP) before = atomic_load(&allocations);
    check(cnn_train_step(training, BATCH, CNN_NHWC, input, BATCH * SAMPLE, labels, &loss));
  }
  expect_none("cnn_train_step", before);
  cnn_training_free(training);
}

int main(void) {
  static const char *const options[] = {
      "{\"batch_size\": 32, \"optimizer\": \"adam\"}",
      "{\"batch_size\": 32, \"optimizer\": \"momentum\", \"weight_decay\": 1e-4}",
      "{\"batch_size\": 32, \"optimizer\": \"sgd\", \"clip_norm\": 1.0,"
      " \"schedule\": {\"type\": \"cosine\", \"epochs\": 3}}"};
  cnn_model *model;
  size_t index;
  int threads, sample, position, cases = 0;

  for (sample = 0; sample < BATCH; sample++) {
    labels[sample] = sample % CLASSES;
    for (position = 0; position < SAMPLE; position++) {
      input[sample * SAMPLE + position] = (float)((sample * 7 + position * 3) % 19) / 19 - 0.5f;
    }
  }
  for (threads = 1; threads <= 2; threads++) {
    check(cnn_set_num_threads(threads));
    check(cnn_model_create(graph, NULL, &model));
    predict(model);
    cases += 2;
    for (index = 0; index < sizeof options / sizeof options[0]; index++) {
      train(model, options[index]);
      cases++;
    }
    cnn_model_free(model);
  }
  if (failures) return 1;
  printf("%d passed\n", cases);
  return 0;
}
#else
int main(void) {
  printf("sanitizers bring a malloc of their own\n");
  return 0;
}
#endif
