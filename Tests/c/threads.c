/*
 * Many threads at once: the same bits from one model, BUSY instead of harm where a call needs
 * something alone, and objects that are freed while they are used.
 */
#define _POSIX_C_SOURCE 200809L

#include <cnn.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char graph[] =
    "{\"inputs\": [{\"name\": \"image\", \"shape\": [16, 16, 3]}], \"layers\": ["
    "{\"name\": \"conv1\", \"type\": \"conv2d\", \"out_channels\": 8, \"kernel_size\": 5,"
    " \"padding\": \"same\"}, {\"name\": \"norm\", \"type\": \"batch_norm\"},"
    "{\"name\": \"relu\", \"type\": \"relu\"},"
    "{\"name\": \"pool\", \"type\": \"max_pool2d\", \"kernel_size\": 2},"
    "{\"name\": \"conv2\", \"type\": \"conv2d\", \"out_channels\": 8, \"kernel_size\": 3},"
    "{\"name\": \"flat\", \"type\": \"flatten\"},"
    "{\"name\": \"logits\", \"type\": \"linear\", \"out_features\": 10}]}";

enum { THREADS = 64, ROUNDS = 20, SAMPLE = 16 * 16 * 3, BATCH = 3, OUTPUT = BATCH * 10 };

static cnn_model *model;
static cnn_session *shared_session;
static cnn_training *shared_training;
static float input[BATCH * SAMPLE], expected[OUTPUT];
static const int64_t shape[] = {BATCH, 16, 16, 3};
static const int64_t labels[BATCH] = {1, 2, 3};

#define COMPLAIN_UNLESS(condition)                                                             \
  do {                                                                                         \
    if (!(condition)) return #condition;                                                       \
  } while (0)

/** What a thread does; it returns what it has to complain about. */
struct task {
  const char *(*body)(void);
  const char *complaint;
};

static void *run_task(void *argument) {
  struct task *task = argument;
  task->complaint = task->body();
  return NULL;
}

/** Runs a function on many threads and ends the program if one of them complains. */
static void on_threads(const char *name, int count, const char *(*body)(void)) {
  pthread_t threads[THREADS];
  struct task tasks[THREADS];
  int i;
  for (i = 0; i < count; i++) {
    tasks[i].body = body;
    tasks[i].complaint = NULL;
    if (pthread_create(&threads[i], NULL, run_task, &tasks[i]) != 0) {
      printf("%s: cannot start thread %d\n", name, i);
      exit(1);
    }
  }
  for (i = 0; i < count; i++) {
    pthread_join(threads[i], NULL);
    if (tasks[i].complaint != NULL) {
      printf("%s: %s does not hold\n", name, tasks[i].complaint);
      exit(1);
    }
  }
}

static const char *predict(void) {
  float output[OUTPUT];
  int i;
  for (i = 0; i < ROUNDS; i++) {
    COMPLAIN_UNLESS(cnn_forward(model, BATCH, CNN_NHWC, input, BATCH * SAMPLE, OUTPUT, output) ==
                    CNN_OK);
    COMPLAIN_UNLESS(memcmp(output, expected, sizeof output) == 0);
  }
  return NULL;
}

static const char *predict_with_session(void) {
  cnn_session *session;
  float output[OUTPUT];
  int i;
  COMPLAIN_UNLESS(cnn_session_create(model, "{\"batch_size\": 3}", &session) == CNN_OK);
  for (i = 0; i < ROUNDS; i++) {
    COMPLAIN_UNLESS(cnn_session_set_input(session, NULL, CNN_NHWC, shape, 4, input) == CNN_OK);
    COMPLAIN_UNLESS(cnn_session_run(session) == CNN_OK);
    COMPLAIN_UNLESS(cnn_session_get_output(session, NULL, CNN_NHWC, OUTPUT, output) == CNN_OK);
    COMPLAIN_UNLESS(memcmp(output, expected, sizeof output) == 0);
  }
  cnn_session_free(session);
  return NULL;
}

/** One session for all: each call works or says that it is busy. */
static const char *share_session(void) {
  float output[OUTPUT];
  int i;
  for (i = 0; i < ROUNDS; i++) {
    cnn_status status = cnn_session_run(shared_session);
    COMPLAIN_UNLESS(status == CNN_OK || status == CNN_BUSY);
    status = cnn_session_get_output(shared_session, NULL, CNN_NHWC, OUTPUT, output);
    COMPLAIN_UNLESS(status == CNN_OK || status == CNN_BUSY || status == CNN_INVALID_ARGUMENT);
  }
  return NULL;
}

/** One model is trained while others predict with it. */
static const char *train_and_predict(void) {
  float output[OUTPUT];
  double loss;
  int i;
  for (i = 0; i < ROUNDS; i++) {
    cnn_status status = cnn_train_step(shared_training, BATCH, CNN_NHWC, input, BATCH * SAMPLE,
                                       labels, &loss);
    COMPLAIN_UNLESS(status == CNN_OK || status == CNN_BUSY);
    COMPLAIN_UNLESS(status == CNN_OK || loss == 0);
    status = cnn_forward(model, BATCH, CNN_NHWC, input, BATCH * SAMPLE, OUTPUT, output);
    COMPLAIN_UNLESS(status == CNN_OK || status == CNN_BUSY);
  }
  return NULL;
}

/** Everybody frees the same session, and uses it as long as it is there. */
static const char *free_while_used(void) {
  int i;
  for (i = 0; i < ROUNDS; i++) {
    cnn_status status = cnn_session_run(shared_session);
    COMPLAIN_UNLESS(status == CNN_OK || status == CNN_BUSY || status == CNN_INVALID_ARGUMENT);
    if (i == ROUNDS / 2) cnn_session_free(shared_session);
  }
  return NULL;
}

/** The settings of the process change while others compute. */
static const char *change_settings(void) {
  int i;
  const char *complaint;
  for (i = 0; i < 4; i++) {
    if (cnn_set_num_threads(1 + i % 4) != CNN_OK) return "the number of threads can be set";
    complaint = predict();
    if (complaint != NULL) return complaint;
  }
  return NULL;
}

static void must(cnn_status status) {
  if (status == CNN_OK) return;
  printf("%s: %s\n", cnn_status_name(status), cnn_last_error_message());
  exit(1);
}

int main(void) {
  int i, threads;
  for (i = 0; i < BATCH * SAMPLE; i++) input[i] = (float)((i * 37) % 101) / 101;
  must(cnn_model_create(graph, "{\"seed\": 3}", &model));
  must(cnn_set_num_threads(1));
  must(cnn_forward(model, BATCH, CNN_NHWC, input, BATCH * SAMPLE, OUTPUT, expected));

  for (threads = 1; threads <= 4; threads *= 2) {
    must(cnn_set_num_threads(threads));
    on_threads("cnn_forward", THREADS, predict);
  }
  on_threads("sessions", THREADS, predict_with_session);
  on_threads("settings", 8, change_settings);

  must(cnn_session_create(model, "{\"batch_size\": 3}", &shared_session));
  must(cnn_session_set_input(shared_session, NULL, CNN_NHWC, shape, 4, input));
  on_threads("one session", 16, share_session);
  on_threads("freeing", 16, free_while_used);

  must(cnn_training_create(model, NULL, &shared_training));
  on_threads("training", 16, train_and_predict);
  cnn_training_free(shared_training);
  cnn_model_free(model);
  printf("7 passed\n");
  return 0;
}
