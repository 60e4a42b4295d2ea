/*
 * Runs the calls that bad_arguments.py wrote: each in a child process of its own, which makes
 * everything that a call may need, calls, and must not die by a signal.
 *
 *     bad_arguments FOLDER [FUNCTION...]
 *
 * Besides: a call whose arguments are all as they should be succeeds, a call with an argument that
 * can never be right fails and leaves a message, and after a failure outputs hold NULL or 0.
 */
#define _DEFAULT_SOURCE

#include <cnn.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/** The floats in every buffer. */
#define BUFFER 65536
/** The longest that one call may take. */
#define SECONDS 20

/* ---- What the calls need ----------------------------------------------------------------------- */

static struct {
  cnn_model *model, *freed_model;
  cnn_session *session, *freed_session;
  cnn_training *training, *classifier, *freed_training;
  cnn_dataset *dataset, *freed_dataset;
  cnn_batches *batches, *freed_batches;
  cnn_image *image, *freed_image;
  cnn_explanation *explanation, *freed_explanation;
  void *model_bytes, *png_bytes;
  int64_t model_size, png_size;
} fixture;

static const char fixture_graph[] =
    "{\"inputs\": [{\"name\": \"image\", \"shape\": [8, 8, 3]}], \"layers\": ["
    "{\"name\": \"conv\", \"type\": \"conv2d\", \"out_channels\": 4, \"kernel_size\": 3},"
    "{\"name\": \"norm\", \"type\": \"batch_norm\"},"
    "{\"name\": \"relu\", \"type\": \"relu\"}, {\"name\": \"flat\", \"type\": \"flatten\"},"
    "{\"name\": \"logits\", \"type\": \"linear\", \"out_features\": 3},"
    "{\"name\": \"box\", \"type\": \"linear\", \"out_features\": 4, \"inputs\": [\"flat\"]}],"
    "\"outputs\": [\"logits\", \"box\"]}";
static char fixture_folder[4096], fixture_model_path[4200], fixture_picture_path[4200];
static char fixture_scratch_path[4200], fixture_checkpoint_path[4200];

static float floats[BUFFER], out_floats[BUFFER], not_a_number[BUFFER];
static double out_doubles[16];
static int64_t out_integers[BUFFER];
static cnn_prediction out_predictions[64];
static uint8_t bytes[BUFFER];
static int64_t labels[64], negative[64], enormous[64], zeros[64];
static int64_t batch_shape[16] = {2, 8, 8, 3, 1, 1, 1, 1, 1, 1, 1, 1};
static int64_t sample_shape[16] = {8, 8, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static int64_t box_shape[16] = {2, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static int64_t weight_shape[16];
static const char *const three_names[] = {"cat", "dog", "bird", NULL};
static const char *const null_names[] = {NULL, NULL, NULL, NULL};
static cnn_target two_targets[2], empty_targets[2], zero_targets[2];
static char *long_text, *deep_text;

static cnn_model *out_cnn_model;
static cnn_session *out_cnn_session;
static cnn_training *out_cnn_training;
static cnn_dataset *out_cnn_dataset;
static cnn_batches *out_cnn_batches;
static cnn_image *out_cnn_image;
static cnn_explanation *out_cnn_explanation;
static char *out_char;
static void *out_void;
static const char *out_const_char;
static const uint8_t *out_const_uint8_t;
static cnn_tensor out_cnn_tensor = CNN_TENSOR_INIT;
static cnn_model_info out_cnn_model_info = CNN_MODEL_INFO_INIT;
static cnn_dataset_info out_cnn_dataset_info = CNN_DATASET_INFO_INIT;
static cnn_explanation_info out_cnn_explanation_info = CNN_EXPLANATION_INFO_INIT;
static size_t zero_struct[64], huge_struct[64];

static void *const bogus = (void *)(uintptr_t)0x10;
static void *const nowhere = (void *)(uintptr_t)-16;
static void *const garbage = (void *)(uintptr_t)0x77;

static void ignore_message(int32_t level, const char *message, void *user) {
  (void)level;
  (void)message;
  (void)user;
}

static int32_t go_on(const cnn_progress *progress, void *user) {
  (void)progress;
  (void)user;
  return 0;
}

/* ---- Judging ----------------------------------------------------------------------------------- */

/** The exit status of a child that found something wrong without dying. */
enum { WRONG = 3, NO_FIXTURE = 4 };

static int failure_expected, success_expected, failed;

/** What the call in progress gets, in memory that parent and child share. */
static char *notes;
static const size_t notes_size = 4096;

#define EXPECT_FAIL failure_expected = 1
#define EXPECT_ANY (void)0

static void note(const char *text) {
  strncat(notes, notes[0] ? ", " : "", notes_size - strlen(notes) - 1);
  strncat(notes, text, notes_size - strlen(notes) - 1);
}

static void expect(int condition, const char *what) {
  if (condition) return;
  printf("  expected that %s\n", what);
  fflush(stdout);
  _exit(WRONG);
}

static void judge(cnn_status status) {
  failed = status != CNN_OK;
  if (failed && success_expected) {
    printf("  %s: %s\n", cnn_status_name(status), cnn_last_error_message());
  }
  expect(!(failed && success_expected), "the call succeeds");
  expect(failed || !failure_expected, "the call fails");
  expect(!failed || cnn_last_error_message()[0] != 0, "there is a message");
  expect(strcmp(cnn_status_name(status), "CNN_UNKNOWN_STATUS") != 0, "the status is known");
  expect(status != CNN_INTERNAL, "nothing is the library's fault");
}

/** Makes what the calls need, or ends the child. */
#define MUST(call)                                                                   \
  do {                                                                               \
    if ((call) != CNN_OK) {                                                          \
      printf("  making the fixture, line %d: %s\n", __LINE__, cnn_last_error_message()); \
      fflush(stdout);                                                                \
      _exit(NO_FIXTURE);                                                             \
    }                                                                                \
  } while (0)

static void make_objects(void) {
  MUST(cnn_model_create(fixture_graph, "{\"class_names\": [\"cat\", \"dog\", \"bird\"]}",
                        &fixture.model));
  MUST(cnn_model_set_metadata(fixture.model, "author", "somebody"));
  MUST(cnn_image_create(8, 8, 3, bytes, &fixture.image));
  MUST(cnn_explain_image(fixture.model, fixture.image, NULL, &fixture.explanation));
  MUST(cnn_dataset_create_images(6, 8, 8, 3, CNN_NHWC, bytes, labels, three_names, 3,
                                 &fixture.dataset));
  MUST(cnn_batches_create(fixture.dataset, fixture.model, "{\"batch_size\": 2}",
                          &fixture.batches));
  MUST(cnn_session_create(fixture.model, NULL, &fixture.session));
  MUST(cnn_session_set_input(fixture.session, NULL, CNN_NHWC, batch_shape, 4, floats));
  MUST(cnn_session_run(fixture.session));
  MUST(cnn_training_create(fixture.model, NULL, &fixture.classifier));
  MUST(cnn_training_create(
      fixture.model,
      "{\"loss\": {\"logits\": \"softmax_cross_entropy\", \"box\": \"mean_squared_error\"},"
      " \"input_gradients\": true}",
      &fixture.training));
  MUST(cnn_training_set_input(fixture.training, NULL, CNN_NHWC, batch_shape, 4, floats));
  MUST(cnn_training_set_labels(fixture.training, NULL, labels, 2));
  MUST(cnn_training_set_targets(fixture.training, "box", CNN_NHWC, box_shape, 2, floats));
  MUST(cnn_training_forward(fixture.training));
  MUST(cnn_training_loss(fixture.training, NULL));
  MUST(cnn_model_save_memory(fixture.model, &fixture.model_bytes, &fixture.model_size));
  MUST(cnn_image_save_memory(fixture.image, &fixture.png_bytes, &fixture.png_size));
}

static void make_freed_objects(void) {
  MUST(cnn_model_copy(fixture.model, &fixture.freed_model));
  cnn_model_free(fixture.freed_model);
  MUST(cnn_session_create(fixture.model, NULL, &fixture.freed_session));
  cnn_session_free(fixture.freed_session);
  MUST(cnn_training_create(fixture.model, NULL, &fixture.freed_training));
  cnn_training_free(fixture.freed_training);
  MUST(cnn_dataset_subset(fixture.dataset, labels, 3, &fixture.freed_dataset));
  cnn_dataset_free(fixture.freed_dataset);
  MUST(cnn_batches_create(fixture.dataset, NULL, NULL, &fixture.freed_batches));
  cnn_batches_free(fixture.freed_batches);
  MUST(cnn_image_create(8, 8, 3, bytes, &fixture.freed_image));
  cnn_image_free(fixture.freed_image);
  MUST(cnn_explain_image(fixture.model, fixture.image, NULL, &fixture.freed_explanation));
  cnn_explanation_free(fixture.freed_explanation);
}

static void fill_buffers(const char *folder) {
  const cnn_target target = CNN_TARGET_INIT;
  int i;
  for (i = 0; i < BUFFER; i++) {
    floats[i] = (float)(i % 17) / 17;
    not_a_number[i] = NAN;
    bytes[i] = (uint8_t)(i * 31);
  }
  for (i = 0; i < 64; i++) {
    labels[i] = i % 3;
    negative[i] = -1 - i;
    enormous[i] = INT64_MAX - i;
    zero_struct[i] = 0;
    huge_struct[i] = (size_t)-1;
  }
  weight_shape[0] = 4;
  weight_shape[1] = weight_shape[2] = weight_shape[3] = 3;
  for (i = 0; i < 2; i++) {
    two_targets[i] = empty_targets[i] = target;
    two_targets[i].name = i == 0 ? "logits" : "box";
  }
  two_targets[0].labels = labels;
  two_targets[0].class_count = 3;
  two_targets[1].values = floats;
  two_targets[1].shape = box_shape + 1;
  two_targets[1].rank = 1;
  long_text = calloc(1, (1 << 20) + 1);
  deep_text = calloc(1, (1 << 20) + 1);
  if (long_text == NULL || deep_text == NULL) exit(2);
  memset(long_text, 'x', 1 << 20);
  memset(deep_text, '[', 1 << 20);
  snprintf(fixture_folder, sizeof fixture_folder, "%s/pictures", folder);
  snprintf(fixture_picture_path, sizeof fixture_picture_path, "%s/cat.1.png", fixture_folder);
  snprintf(fixture_model_path, sizeof fixture_model_path, "%s/model.cnn", folder);
  snprintf(fixture_scratch_path, sizeof fixture_scratch_path, "%s/scratch", folder);
  snprintf(fixture_checkpoint_path, sizeof fixture_checkpoint_path, "%s/checkpoint", folder);
}

/** Writes the files that the calls read; done once. */
static void make_files(void) {
  char path[4200];
  mkdir(fixture_folder, 0777);
  make_objects();
  MUST(cnn_image_save(fixture.image, fixture_picture_path));
  snprintf(path, sizeof path, "%s/dog.1.png", fixture_folder);
  MUST(cnn_image_save(fixture.image, path));
  MUST(cnn_model_save(fixture.model, fixture_model_path));
  MUST(cnn_training_save(fixture.training, fixture_checkpoint_path));
}

/* ---- The calls --------------------------------------------------------------------------------- */

struct function {
  const char *name;
  void (*call)(const int *choice);
  const int *counts;
  int parameters;
};

#include "calls.h"

enum { PARAMETERS = 16, NO_CHOICE = -1 };

static int passed, wrong;

/** Makes one call in a child process and counts what came of it. */
static void run(const struct function *function, const int *choice, int is_valid) {
  int status = 0;
  pid_t child;
  notes[0] = 0;
  fflush(stdout);
  child = fork();
  if (child < 0) {
    perror("fork");
    exit(2);
  }
  if (child == 0) {
    alarm(SECONDS);
    make_objects();
    make_freed_objects();
    success_expected = is_valid;
    function->call(choice);
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    passed++;
    return;
  }
  wrong++;
  printf("%s(%s)", function->name, notes);
  if (WIFSIGNALED(status)) {
    printf(": died by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
  } else {
    printf(": status %d\n", WEXITSTATUS(status));
  }
}

/** Makes every call of one function. */
static void run_all(const struct function *function) {
  int choice[PARAMETERS], i, value, most = 0;
  for (i = 0; i < PARAMETERS; i++) choice[i] = NO_CHOICE;
  run(function, choice, 1);
  for (i = 0; i < function->parameters; i++) {
    for (value = 0; value < function->counts[i]; value++) {
      choice[i] = value;
      run(function, choice, 0);
    }
    choice[i] = NO_CHOICE;
    if (function->counts[i] > most) most = function->counts[i];
  }
  /* Everything wrong at once, in as many ways as there are. */
  if (function->parameters < 2) return;
  for (value = 0; value < most; value++) {
    for (i = 0; i < function->parameters; i++) {
      choice[i] = value < function->counts[i] ? value : function->counts[i] - 1;
    }
    run(function, choice, 0);
  }
}

int main(int argc, char **argv) {
  size_t i;
  int argument, status;
  pid_t child;
  if (argc < 2) {
    fprintf(stderr, "usage: %s FOLDER [FUNCTION...]\n", argv[0]);
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  notes = mmap(NULL, notes_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (notes == MAP_FAILED) {
    perror("mmap");
    return 2;
  }
  fill_buffers(argv[1]);
  /* The parent never calls the library, so every child starts from the same state. */
  child = fork();
  if (child == 0) {
    make_files();
    _exit(0);
  }
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    printf("the files for the tests could not be written\n");
    return 1;
  }
  for (i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    int chosen = argc == 2;
    for (argument = 2; argument < argc; argument++) {
      if (strcmp(argv[argument], functions[i].name) == 0) chosen = 1;
    }
    if (chosen) run_all(&functions[i]);
  }
  printf("%d passed, %d failed\n", passed, wrong);
  return wrong == 0 ? 0 : 1;
}
