/*
 * Predicting and training take no memory once they are under way: every allocation of the process
 * is counted while they run.
 */
#define _DEFAULT_SOURCE

#include <cnn.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CANNOT_COUNT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CANNOT_COUNT 1
#endif
#endif

#ifdef CANNOT_COUNT

int main(void) {
  printf("allocations can be counted with glibc and without sanitizers only\n");
  return 77;
}

#else

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static volatile long allocations;

static void count(void) { __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED); }

/* The library finds these before the ones of libc. */
void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
  count();
  return __libc_realloc(memory, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  count();
  *memory = __libc_memalign(alignment, size);
  return *memory == NULL ? ENOMEM : 0;
}

void *aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

static const char graph[] =
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

enum { BATCH = 32, SAMPLE = 16 * 16 * 3, ROUNDS = 50, WARM_UP = 3 };

static float input[BATCH * SAMPLE], output[BATCH * 10];
static const int64_t shape[] = {BATCH, 16, 16, 3};
static int64_t labels[BATCH];
static cnn_model *model;
static cnn_session *session;
static cnn_training *training;

static void must(cnn_status status) {
  if (status == CNN_OK) return;
  printf("%s: %s\n", cnn_status_name(status), cnn_last_error_message());
  exit(1);
}

static void forward(void) {
  must(cnn_forward(model, BATCH, CNN_NHWC, input, BATCH * SAMPLE, BATCH * 10, output));
}

static void forward_channels_first(void) {
  must(cnn_forward(model, BATCH, CNN_NCHW, input, BATCH * SAMPLE, BATCH * 10, output));
}

static void run_session(void) {
  cnn_tensor tensor = CNN_TENSOR_INIT;
  must(cnn_session_input(session, NULL, BATCH, &tensor));
  must(cnn_session_run(session));
  must(cnn_session_output(session, NULL, &tensor));
}

static void set_and_run_session(void) {
  must(cnn_session_set_input(session, NULL, CNN_NHWC, shape, 4, input));
  must(cnn_session_run(session));
  must(cnn_session_get_output(session, NULL, CNN_NHWC, BATCH * 10, output));
}

static void train(void) {
  double loss;
  must(cnn_train_step(training, BATCH, CNN_NHWC, input, BATCH * SAMPLE, labels, &loss));
}

static int failures;

/** Counts the allocations of a call that was made often enough before. */
static void expect_none(const char *name, void (*call)(void)) {
  long before;
  int i;
  for (i = 0; i < WARM_UP; i++) call();
  before = allocations;
  for (i = 0; i < ROUNDS; i++) call();
  if (allocations != before) {
    printf("%s: %.2f allocations for each call\n", name,
           (double)(allocations - before) / ROUNDS);
    failures++;
  }
}

int main(void) {
  int i;
  for (i = 0; i < BATCH * SAMPLE; i++) input[i] = (float)((i * 37) % 101) / 101;
  for (i = 0; i < BATCH; i++) labels[i] = i % 10;
  if (allocations == 0) {
    free(malloc(16));
    if (allocations == 0) return 77;
  }
  must(cnn_set_num_threads(2));
  must(cnn_model_create(graph, NULL, &model));
  must(cnn_session_create(model, "{\"batch_size\": 32}", &session));
  must(cnn_training_create(model, "{\"batch_size\": 32, \"optimizer\": \"momentum\"}", &training));
  expect_none("cnn_forward", forward);
  expect_none("cnn_forward, NCHW", forward_channels_first);
  expect_none("cnn_session_run", run_session);
  expect_none("cnn_session_set_input, _run, _get_output", set_and_run_session);
  expect_none("cnn_train_step", train);
  cnn_training_free(training);
  cnn_session_free(session);
  cnn_model_free(model);
  printf("%d passed\n", 5 - failures);
  return failures == 0 ? 0 : 1;
}

#endif
