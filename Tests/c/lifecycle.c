/*
 * Objects from birth to death: frees in any order, handles that are freed or of another type,
 * borrowed memory, the memory limit, messages of threads, and no memory left behind.
 */
#define _POSIX_C_SOURCE 200809L

#include <cnn.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char graph[] =
    "{\"inputs\": [{\"name\": \"image\", \"shape\": [8, 8, 3]}], \"layers\": ["
    "{\"name\": \"conv\", \"type\": \"conv2d\", \"out_channels\": 4, \"kernel_size\": 3},"
    "{\"name\": \"norm\", \"type\": \"batch_norm\"}, {\"name\": \"relu\", \"type\": \"relu\"},"
    "{\"name\": \"flat\", \"type\": \"flatten\"},"
    "{\"name\": \"logits\", \"type\": \"linear\", \"out_features\": 3}]}";

enum { SAMPLE = 8 * 8 * 3 };
static float input[2 * SAMPLE];
static int64_t shape[] = {2, 8, 8, 3};
static int64_t labels[] = {0, 2, 1, 0, 1, 2};
static uint8_t pixels[6 * SAMPLE];
static int checks;

#define EXPECT(condition)                                                                      \
  do {                                                                                         \
    checks++;                                                                                  \
    if (!(condition)) {                                                                        \
      printf("%s:%d: %s does not hold; last message: %s\n", __FILE__, __LINE__, #condition,    \
             cnn_last_error_message());                                                        \
      exit(1);                                                                                 \
    }                                                                                          \
  } while (0)
#define OK(call) EXPECT((call) == CNN_OK)

static cnn_model *make_model(void) {
  cnn_model *model;
  OK(cnn_model_create(graph, "{\"class_names\": [\"a\", \"b\", \"c\"]}", &model));
  return model;
}

/** What is made from a model outlives it. */
static void test_order_of_frees(void) {
  cnn_model *model = make_model();
  cnn_session *session;
  cnn_training *training;
  float before[6], after[6];
  double loss;
  OK(cnn_session_create(model, NULL, &session));
  OK(cnn_training_create(model, NULL, &training));
  OK(cnn_session_set_input(session, NULL, CNN_NHWC, shape, 4, input));
  OK(cnn_session_run(session));
  OK(cnn_session_get_output(session, NULL, CNN_NHWC, 6, before));
  cnn_model_free(model);
  OK(cnn_session_run(session));
  OK(cnn_session_get_output(session, NULL, CNN_NHWC, 6, after));
  EXPECT(memcmp(before, after, sizeof before) == 0);
  OK(cnn_train_step(training, 2, CNN_NHWC, input, 2 * SAMPLE, labels, &loss));
  /* The session sees the parameters that the training changed. */
  OK(cnn_session_run(session));
  OK(cnn_session_get_output(session, NULL, CNN_NHWC, 6, after));
  EXPECT(memcmp(before, after, sizeof before) != 0);
  cnn_training_free(training);
  OK(cnn_session_run(session));
  cnn_session_free(session);
}

/** A handle that was freed, or is another object's, is told apart. */
static void test_stale_handles(void) {
  cnn_model *model = make_model();
  cnn_image *image;
  cnn_model_info info = CNN_MODEL_INFO_INIT;
  OK(cnn_image_create(8, 8, 3, pixels, &image));
  EXPECT(cnn_model_describe((cnn_model *)(void *)image, &info) == CNN_INVALID_ARGUMENT);
  EXPECT(strstr(cnn_last_error_message(), "cnn_image") != NULL);
  cnn_model_free((cnn_model *)(void *)image);
  OK(cnn_image_size(image, NULL, NULL, NULL));
  cnn_model_free(model);
  cnn_model_free(model);
  EXPECT(cnn_model_describe(model, &info) == CNN_INVALID_ARGUMENT);
  EXPECT(strstr(cnn_last_error_message(), "freed") != NULL);
  cnn_image_free(image);
  cnn_model_free(NULL);
  cnn_free(NULL);
  cnn_free(&info);
}

/** A struct is written as far as the caller knows it, and a struct without its size is refused. */
static void test_struct_sizes(void) {
  cnn_model *model = make_model();
  cnn_model_info info = CNN_MODEL_INFO_INIT;
  cnn_tensor tensor = CNN_TENSOR_INIT;
  OK(cnn_model_describe(model, &info));
  EXPECT(info.input_count == 1 && info.output_count == 1 && info.class_count == 3);
  EXPECT(info.parameter_count == 6 && info.state_count == 2 && info.layer_count == 5);
  info.struct_size = 0;
  EXPECT(cnn_model_describe(model, &info) == CNN_INVALID_ARGUMENT);
  OK(cnn_model_parameter(model, 0, &tensor));
  EXPECT(strcmp(tensor.name, "conv.weight") == 0 && tensor.rank == 4 && tensor.data != NULL);
  EXPECT(tensor.shape[3] == 3 && tensor.shape_nchw[1] == 3 && tensor.shape_nchw[2] == 3);
  EXPECT(cnn_model_parameter(model, 6, &tensor) == CNN_INVALID_ARGUMENT);
  EXPECT(tensor.data == NULL && tensor.count == 0 && tensor.struct_size == sizeof tensor);
  cnn_model_free(model);
}

/** Both layouts of images and of weights are the same numbers in another order. */
static void test_layouts(void) {
  cnn_model *model = make_model();
  const int64_t oihw[] = {4, 3, 3, 3};
  float nchw[2 * SAMPLE], first[6], second[6], file[108], memory[108];
  int n, c, p, changed = 0;
  for (n = 0; n < 2; n++) {
    for (c = 0; c < 3; c++) {
      for (p = 0; p < 64; p++) nchw[n * SAMPLE + c * 64 + p] = input[n * SAMPLE + p * 3 + c];
    }
  }
  OK(cnn_forward(model, 2, CNN_NHWC, input, 2 * SAMPLE, 6, first));
  OK(cnn_forward(model, 2, CNN_NCHW, nchw, 2 * SAMPLE, 6, second));
  EXPECT(memcmp(first, second, sizeof first) == 0);
  OK(cnn_model_get_parameter(model, "conv.weight", CNN_NCHW, 108, file));
  OK(cnn_model_get_parameter(model, "conv.weight", CNN_NHWC, 108, memory));
  for (n = 0; n < 4; n++) {
    for (c = 0; c < 3; c++) {
      for (p = 0; p < 9; p++) {
        EXPECT(file[(n * 3 + c) * 9 + p] == memory[(n * 9 + p) * 3 + c]);
      }
    }
  }
  for (n = 0; n < 108; n++) file[n] *= 2;
  OK(cnn_model_set_parameter(model, "conv.weight", CNN_NCHW, oihw, 4, file));
  OK(cnn_forward(model, 2, CNN_NHWC, input, 2 * SAMPLE, 6, second));
  EXPECT(memcmp(first, second, sizeof first) != 0);
  {
    const int64_t wrong[] = {3, 4, 3, 3};
    EXPECT(cnn_model_set_parameter(model, "conv.weight", CNN_NHWC, wrong, 4, file) ==
           CNN_SHAPE_MISMATCH);
  }
  for (n = 0; n < 108; n++) memory[n] *= 2;
  {
    const int64_t ohwi[] = {4, 3, 3, 3};
    float again[108];
    OK(cnn_model_set_parameter(model, "conv.weight", CNN_NHWC, ohwi, 4, memory));
    OK(cnn_model_get_parameter(model, "conv.weight", CNN_NCHW, 108, again));
    for (n = 0; n < 108; n++) changed += again[n] != file[n];
    EXPECT(changed == 0);
  }
  cnn_model_free(model);
}

/** Memory above the limit is refused, and afterwards all goes on. */
static void test_memory_limit(void) {
  cnn_model *model, *large = NULL;
  int64_t before = cnn_memory_in_use();
  OK(cnn_set_memory_limit(before + (4 << 20)));
  EXPECT(cnn_memory_limit() == before + (4 << 20));
  model = make_model();
  EXPECT(cnn_model_create_named("alexnet", NULL, &large) == CNN_OUT_OF_MEMORY);
  EXPECT(large == NULL && cnn_last_error_message()[0] != 0);
  {
    cnn_session *session = NULL;
    EXPECT(cnn_session_create(model, "{\"batch_size\": 100000}", &session) == CNN_OUT_OF_MEMORY);
    EXPECT(session == NULL);
  }
  OK(cnn_set_memory_limit(-1));
  EXPECT(cnn_memory_limit() == -1);
  cnn_model_free(model);
  EXPECT(cnn_memory_in_use() == before);
}

static void *fail_elsewhere(void *argument) {
  cnn_model *model;
  (void)argument;
  if (cnn_last_error_message()[0] != 0) return "a new thread has a message";
  if (cnn_model_load("/nonexistent/other", &model) != CNN_INPUT_OUTPUT) return "it was loaded";
  return strstr(cnn_last_error_message(), "other") != NULL ? NULL : "the message is not its own";
}

/** Each thread has its own message. */
static void test_messages(void) {
  pthread_t thread;
  void *complaint;
  cnn_model *model;
  EXPECT(cnn_model_load("/nonexistent/mine", &model) == CNN_INPUT_OUTPUT && model == NULL);
  EXPECT(pthread_create(&thread, NULL, fail_elsewhere, NULL) == 0);
  pthread_join(thread, &complaint);
  EXPECT(complaint == NULL);
  EXPECT(strstr(cnn_last_error_message(), "mine") != NULL);
  EXPECT(cnn_model_create_named("resnet19", NULL, &model) == CNN_UNKNOWN_NAME);
  EXPECT(strstr(cnn_last_error_message(), "resnet18") != NULL);
  EXPECT(strcmp(cnn_status_name(CNN_UNKNOWN_NAME), "CNN_UNKNOWN_NAME") == 0);
}

/* Sanitizers keep freed memory for a while, and AddressSanitizer finds leaks by itself. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/** Everything once: what a program does between two measurements of its memory. */
static void use_everything(void) {
  cnn_model *model = make_model(), *copy;
  cnn_dataset *dataset, *part, *rest;
  cnn_batches *batches;
  cnn_training *training;
  cnn_image *image, *small;
  cnn_prediction best[3];
  float sample[2 * SAMPLE], output[6];
  int64_t batch_labels[2], count, size;
  char *text;
  void *bytes;
  OK(cnn_dataset_create_images(6, 8, 8, 3, CNN_NHWC, pixels, labels, NULL, 3, &dataset));
  OK(cnn_dataset_split(dataset, 0.5, 1, &part, &rest));
  OK(cnn_dataset_preprocessing(dataset, "mean_image", &text));
  cnn_free(text);
  OK(cnn_batches_create(dataset, model, "{\"batch_size\": 2}", &batches));
  OK(cnn_batches_next(batches, CNN_NCHW, 2 * SAMPLE, 2, sample, batch_labels, &count));
  OK(cnn_training_create(model, "{\"optimizer\": \"momentum\"}", &training));
  OK(cnn_train_step(training, 2, CNN_NCHW, sample, 2 * SAMPLE, batch_labels, NULL));
  OK(cnn_trainer_fit(model, part, rest, "{\"epochs\": 1}", NULL, NULL, &text));
  cnn_free(text);
  OK(cnn_training_presets(&text));
  EXPECT(strstr(text, "\"alexnet\"") != NULL && strstr(text, "\"modern\"") != NULL);
  cnn_free(text);
  OK(cnn_trainer_fit(model, part, rest,
                     "{\"preset\": \"modern\", \"epochs\": 2, \"batch_size\": 2, "
                     "\"cutmix\": {}, \"class_balance\": true}",
                     NULL, NULL, &text));
  cnn_free(text);
  OK(cnn_forward(model, 2, CNN_NHWC, input, 2 * SAMPLE, 6, output));
  OK(cnn_image_create(8, 8, 3, pixels, &image));
  OK(cnn_image_resize(image, 5, 5, NULL, &small));
  OK(cnn_recognise_image(model, small, 3, best, &count));
  EXPECT(count == 3 && best[0].probability >= best[1].probability && best[0].label[0] != 0);
  OK(cnn_model_save_memory(model, &bytes, &size));
  OK(cnn_model_load_memory(bytes, size, &copy));
  cnn_free(bytes);
  OK(cnn_model_summary(copy, 1, &text));
  cnn_free(text);
  cnn_image_free(small);
  cnn_image_free(image);
  cnn_training_free(training);
  cnn_batches_free(batches);
  cnn_dataset_free(part);
  cnn_dataset_free(rest);
  cnn_dataset_free(dataset);
  cnn_model_free(copy);
  cnn_model_free(model);
}

/** The pages of memory that the process has at present. */
static long resident_pages(void) {
  long total = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%ld %ld", &total, &resident) != 2) resident = 0;
  fclose(file);
  return resident;
}

/** Doing everything a hundred times takes no more memory than doing it a few times. */
static void test_leaks(void) {
  int i;
  long before, after;
  int64_t held;
  for (i = 0; i < 20; i++) use_everything();
  before = resident_pages();
  held = cnn_memory_in_use();
  for (i = 0; i < 100; i++) use_everything();
  after = resident_pages();
  EXPECT(cnn_memory_in_use() == held);
  /* 100 rounds of a leak of a single sample would be 75 KiB; the allocator needs some play. */
  if (!SANITIZED && (after - before) * sysconf(_SC_PAGESIZE) > 2 << 20) {
    printf("100 rounds took %ld KiB\n", (after - before) * sysconf(_SC_PAGESIZE) / 1024);
    exit(1);
  }
}

/** A child process goes on with what its parent has made. */
static void test_fork(void) {
  cnn_model *model = make_model();
  float expected[6], output[6];
  int round;
  OK(cnn_forward(model, 2, CNN_NHWC, input, 2 * SAMPLE, 6, expected));
  /* ThreadSanitizer does not let a child of a process with threads start threads. */
  for (round = 0; round < 20 && !SANITIZED; round++) {
    int status;
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
      alarm(30);
      if (cnn_forward(model, 2, CNN_NHWC, input, 2 * SAMPLE, 6, output) != CNN_OK) _exit(1);
      if (memcmp(expected, output, sizeof output) != 0) _exit(2);
      use_everything();
      _exit(0);
    }
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  cnn_model_free(model);
}

struct run {
  cnn_model *model;
  cnn_training *other;
  int calls;
};

static int32_t stop_at_once(const cnn_progress *progress, void *user) {
  struct run *run = user;
  float output[6];
  run->calls++;
  /* Between steps the model is free. */
  OK(cnn_forward(run->model, 2, CNN_NHWC, input, 2 * SAMPLE, 6, output));
  return progress->event == CNN_PROGRESS_EPOCH;
}

/** A callback stops a run, and what was learnt until then is there. */
static void test_cancelling(void) {
  struct run run = {NULL, NULL, 0};
  cnn_dataset *dataset;
  char *history;
  run.model = make_model();
  OK(cnn_dataset_create_images(6, 8, 8, 3, CNN_NHWC, pixels, labels, NULL, 3, &dataset));
  EXPECT(cnn_trainer_fit(run.model, dataset, NULL, "{\"epochs\": 5, \"batch_size\": 2}",
                         stop_at_once, &run, &history) == CNN_CANCELLED);
  EXPECT(run.calls == 4 && history != NULL && strstr(history, "cancelled") != NULL);
  cnn_free(history);
  cnn_dataset_free(dataset);
  cnn_model_free(run.model);
}

int main(void) {
  int i;
  for (i = 0; i < 2 * SAMPLE; i++) input[i] = (float)((i * 37) % 101) / 101;
  for (i = 0; i < 6 * SAMPLE; i++) pixels[i] = (uint8_t)(i * 31);
  test_order_of_frees();
  test_stale_handles();
  test_struct_sizes();
  test_layouts();
  test_memory_limit();
  test_messages();
  test_cancelling();
  test_leaks();
  test_fork();
  printf("%d passed\n", checks);
  return 0;
}
