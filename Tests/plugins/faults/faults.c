/*
 * faults.c - a plugin with a layer that does one thing wrong, for testing what finds such plugins.
 *
 *     cc -std=c99 -fPIC -shared -I include -DFAULT=WRONG_INPUT_GRADIENT faults.c -o fault.so
 *
 * Without -DFAULT, or with FAULT=NONE, the layer is right in every respect:
 *
 *     output = weight * input + curvature * input^2, with a weight for each channel
 *
 * It has an attribute, a parameter, a state (a running mean of the inputs, which the output does
 * not depend on), cache and scratch memory, and cuts its work into chunks, so that there is something
 * to be wrong everywhere. Each fault is one `if (IS(...))` below.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cnn_plugin.h"

#ifndef FAULT
#define FAULT NONE
#endif
#define IS(fault) (FAULT == (fault))

/* What can be wrong, and what kind of check should find it. Programs read this list: one fault a
 * line, `NAME, / * what is wrong | check * /`. */
enum {
  NONE,                       /* nothing is wrong | none */
  WRONG_INPUT_GRADIENT,       /* the gradient of the input lacks a term | gradients */
  WRONG_PARAMETER_GRADIENT,   /* the gradient of the weight is a tenth too small | gradients */
  OVERWRITES_PARAMETER_GRADIENT, /* stores the weight's gradient instead of adding | gradients */
  ADDS_INPUT_GRADIENT,        /* adds to the gradient of the input instead of storing | gradients */
  LEAVES_INPUT_GRADIENT,      /* does not write the last gradient of the input | gradients */
  WRITES_PAST_SCRATCH,        /* forward writes a number behind its scratch memory | bounds */
  WRITES_PAST_BACKWARD_SCRATCH, /* backward writes a number behind its scratch memory | bounds */
  WRITES_PAST_CACHE,          /* forward writes a number behind the cache | bounds */
  WRITES_PAST_OUTPUT,         /* forward writes a number behind the output | bounds */
  WRITES_PAST_INPUT_GRADIENT, /* backward writes a number behind the input's gradient | bounds */
  WRITES_BEFORE_OUTPUT,       /* forward writes a number in front of the output | bounds */
  WRITES_INPUT,               /* forward changes its input | read-only */
  WRITES_PARAMETER,           /* forward changes its parameter | read-only */
  WRITES_OUTPUT_GRADIENT,     /* backward changes the gradient of the output | read-only */
  LIES_ABOUT_SHAPE,           /* declares fewer numbers of output than it writes | bounds */
  LEAVES_OUTPUT,              /* does not write the last number of the output | outputs */
  TRUSTS_SCRATCH,             /* takes it that scratch memory starts with zeros | scratch */
  RACES,                      /* chunks add to the same number without order | threads */
  CUTS_BY_CONCURRENCY,        /* the order of additions depends on concurrency | threads */
  LEAKS_MALLOC,               /* destroy does not free what create took by malloc | leaks */
  LEAKS_ALLOCATE,             /* destroy does not release what create took by allocate | leaks */
  LEAKS_IN_FORWARD,           /* each forward loses some memory | leaks */
  CRASHES_IN_CREATE,          /* create follows a null pointer | crash */
  CRASHES_IN_DESTROY,         /* destroy follows a null pointer | crash */
  CRASHES_ON_ONE_SAMPLE,      /* forward follows a null pointer if the batch is 1 | crash */
  CRASHES_ON_ODD_SIZES,       /* forward follows a null pointer if the last size is odd | crash */
  CRASHES_WITHOUT_INPUT_GRADIENT, /* backward writes the input's gradient if it is NULL | frozen */
  CRASHES_ON_FROZEN_PARAMETER, /* backward writes the weight's gradient if it is NULL | frozen */
  READS_WHAT_IS_NOT_DECLARED, /* says that backward does not read inputs, and reads them | crash */
  EXITS,                      /* forward ends the process as if all were well | crash */
  STATE_IN_INFERENCE,         /* moves the running mean when predicting, too | inference */
  PREPARED_DISAGREES,         /* what prepare computed leads to other outputs | inference */
  COUNTS_CALLS,               /* the output depends on how many calls there were | repeat */
  SHARES_GLOBAL,              /* layers share a variable instead of the cache | two layers */
  USES_RAND,                  /* adds random numbers of its own | repeat */
  IGNORES_KEY,                /* random numbers that are the same in every step | random */
  LOOPS_FOR_EVER,             /* forward does not return | time */
  SHORT_HEADER,               /* says that its struct has 4 bytes | interface */
  WRONG_MAJOR,                /* speaks another major version | interface */
  CLAIMS_RECTIFIER,           /* declares CNN_FUNCTION_RECTIFIER and is none | claims */
  CLAIMS_IN_PLACE,            /* declares CNN_LAYER_IN_PLACE and cannot | claims */
  CLAIMS_IDENTITY,            /* declares CNN_LAYER_IDENTITY_IN_INFERENCE and is none | claims */
  IGNORES_ALLOCATION_FAILURE, /* follows the pointer when allocate returns NULL | memory limit */
  SHRINKING_WORKSPACE,        /* a larger batch needs less memory than a smaller one | workspace */
  HUGE_WORKSPACE,             /* asks for more memory than there are addresses | workspace */
  NEGATIVE_WORKSPACE,         /* asks for a negative amount of memory | workspace */
  ALWAYS_FAILS,               /* forward returns a status that is none, without message | forward */
  NOT_FINITE                  /* the output of ordinary numbers is not a number | forward */
};

/* Rows (positions of a sample) in a piece of work. Few, so that small samples have several. */
enum { ROWS = 4 };

typedef struct layer {
  const cnn_host *host;
  int64_t rows;     /* in a sample */
  int64_t channels; /* in a row */
  float curvature;
  volatile int64_t calls;
  void *lost;
} layer;

typedef struct job {
  const layer *self;
  int64_t rows;
  int64_t chunks;
  const float *x, *dy;
  float *sums;
} job;

static int *volatile nowhere;
static float global_cache[1 << 20];

static void crash(void) { *nowhere = 1; }

/* ---- Making a layer ----------------------------------------------------------------------- */

static cnn_status declare(const cnn_layer_builder *builder) {
  const cnn_shape *shape = &builder->inputs[0];
  const int64_t channels = shape->sizes[shape->rank - 1];
  cnn_shape output = *shape;
  cnn_parameter weight = {.header = CNN_STRUCT(cnn_parameter),
                          .name = "weight",
                          .shape = {1, {channels}},
                          .initializer = CNN_INIT_NORMAL,
                          .initializer_value = 0.5,
                          .decays = 1};
  cnn_parameter mean = {
      .header = CNN_STRUCT(cnn_parameter), .name = "running_mean", .shape = {1, {channels}}};
  cnn_status status;
  if (IS(LIES_ABOUT_SHAPE) && channels > 1) output.sizes[output.rank - 1] -= 1;
  status = builder->add_output(builder, NULL, &output, 0);
  if (status == CNN_OK) status = builder->add_parameter(builder, &weight);
  if (status == CNN_OK) status = builder->add_state(builder, &mean);
  if (status == CNN_OK) {
    status = builder->set(builder, CNN_LAYER_BACKWARD_READS,
                          IS(READS_WHAT_IS_NOT_DECLARED) ? 0 : CNN_READS_INPUTS);
  }
  if (status == CNN_OK && IS(PREPARED_DISAGREES)) {
    status = builder->set(builder, CNN_LAYER_PREPARED_COUNT, channels);
  }
  if (status == CNN_OK && IS(CLAIMS_RECTIFIER)) {
    status = builder->set(builder, CNN_LAYER_FUNCTION, CNN_FUNCTION_RECTIFIER);
  }
  if (status == CNN_OK && IS(CLAIMS_IN_PLACE)) {
    status = builder->set(builder, CNN_LAYER_IN_PLACE, 1);
  }
  if (status == CNN_OK && IS(CLAIMS_IDENTITY)) {
    status = builder->set(builder, CNN_LAYER_IDENTITY_IN_INFERENCE, 1);
  }
  return status;
}

static cnn_status create(const cnn_layer_builder *builder, void *user, void **out_layer) {
  const cnn_host *host = builder->host;
  const cnn_shape *shape = &builder->inputs[0];
  cnn_status status;
  layer *self;
  (void)user;
  if (IS(CRASHES_IN_CREATE)) crash();
  if (shape->rank < 1) return host->fail(CNN_SHAPE_MISMATCH, "a number has no channels");
  status = declare(builder);
  if (status != CNN_OK) return status;
  self = host->allocate(sizeof *self);
  if (self == NULL && !IS(IGNORES_ALLOCATION_FAILURE)) {
    return host->fail(CNN_OUT_OF_MEMORY, "no memory for the layer");
  }
  self->host = host;
  self->channels = shape->sizes[shape->rank - 1];
  self->rows = cnn_shape_count(shape) / self->channels;
  self->curvature = (float)builder->attributes[0]->number;
  if (IS(LEAKS_MALLOC)) {
    self->lost = malloc(20000);
    if (self->lost != NULL) memset(self->lost, 1, 20000);
  }
  if (IS(LEAKS_ALLOCATE)) self->lost = host->allocate(20000);
  *out_layer = self;
  return CNN_OK;
}

static void destroy(void *memory) {
  const layer *self = memory;
  const cnn_host *host = self->host;
  if (IS(CRASHES_IN_DESTROY)) crash();
  host->release(memory);
}

static int64_t chunk_count(int64_t rows) { return (rows + ROWS - 1) / ROWS; }

static cnn_status workspace(void *memory, const cnn_workspace_request *request,
                            cnn_workspace *out_workspace) {
  const layer *self = memory;
  const int64_t rows = request->batch * self->rows;
  const int64_t chunks =
      IS(CUTS_BY_CONCURRENCY) ? request->concurrency : chunk_count(rows);
  out_workspace->forward_scratch = rows * self->channels;
  if (request->training) {
    out_workspace->cache = rows * self->channels;
    out_workspace->backward_scratch = chunks * self->channels;
  }
  if (IS(SHRINKING_WORKSPACE)) {
    out_workspace->forward_scratch += 1 << 20;
    out_workspace->forward_scratch /= request->batch;
    if (out_workspace->forward_scratch < rows * self->channels) {
      out_workspace->forward_scratch = rows * self->channels;
    }
  }
  if (IS(HUGE_WORKSPACE)) out_workspace->forward_scratch = INT64_MAX / 2;
  if (IS(NEGATIVE_WORKSPACE)) out_workspace->forward_scratch = -1;
  return CNN_OK;
}

static cnn_status prepare(void *memory, const cnn_prepare_call *call) {
  const layer *self = memory;
  if (IS(PREPARED_DISAGREES)) {
    for (int64_t c = 0; c < self->channels; c++) {
      call->prepared[c] = 1.01F * call->parameters[0][c];
    }
  }
  return CNN_OK;
}

/* ---- Forward ------------------------------------------------------------------------------ */

/* Moves the running mean a tenth towards the mean of this batch. */
static void update_mean(const layer *self, int64_t rows, const float *x, float *mean) {
  for (int64_t c = 0; c < self->channels; c++) {
    double sum = 0;
    for (int64_t row = 0; row < rows; row++) sum += x[row * self->channels + c];
    mean[c] = 0.9F * mean[c] + 0.1F * (float)(sum / (double)rows);
  }
}

static void misbehave_before_forward(layer *self, const cnn_forward_call *call) {
  const float *x = call->inputs[0];
  if (IS(CRASHES_ON_ONE_SAMPLE) && call->batch == 1) crash();
  if (IS(CRASHES_ON_ODD_SIZES) && self->channels % 2 == 1) crash();
  if (IS(EXITS)) exit(0);
  if (IS(WRITES_INPUT)) ((float *)x)[0] = 0.25F;
  if (IS(WRITES_PARAMETER)) ((float *)call->parameters[0])[0] += 0.25F;
  if (IS(LEAKS_IN_FORWARD)) {
    self->lost = malloc(20000);
    if (self->lost != NULL) memset(self->lost, 1, 20000);
  }
  while (IS(LOOPS_FOR_EVER)) self->calls++;
}

static void misbehave_after_forward(layer *self, const cnn_forward_call *call, int64_t count) {
  float *y = call->outputs[0];
  if (IS(WRITES_PAST_SCRATCH)) call->scratch[count] = 1;
  if (IS(WRITES_PAST_CACHE) && call->training) call->cache[count] = 1;
  if (IS(WRITES_PAST_OUTPUT)) y[count] = 1;
  if (IS(WRITES_BEFORE_OUTPUT)) y[-1] = 1;
  if (IS(COUNTS_CALLS)) y[0] += 0.01F * (float)self->calls++;
  if (IS(USES_RAND)) y[0] += 0.01F * (float)rand() / (float)RAND_MAX;
  if (IS(NOT_FINITE)) y[0] /= (float)(call->batch - call->batch);
  if (IS(IGNORES_KEY) && call->training) {
    const cnn_random_key key = {1, 2, 3, 0};
    float number = 0;
    call->host->random_uniform(&key, 0, 1, &number);
    y[0] += number;
  }
}

static cnn_status forward(void *memory, const cnn_forward_call *call) {
  layer *self = memory;
  const int64_t rows = call->batch * self->rows, channels = self->channels;
  const int64_t count = rows * channels;
  const float *x = call->inputs[0];
  const float *weight =
      IS(PREPARED_DISAGREES) && call->prepared != NULL ? call->prepared : call->parameters[0];
  float *squares = call->scratch;
  float *y = call->outputs[0];
  float *slopes = IS(SHARES_GLOBAL) && count <= 1 << 20 ? global_cache : call->cache;
  if (IS(ALWAYS_FAILS)) return 12345;
  misbehave_before_forward(self, call);

  /* The cache is written first, and the mean too: the output may lie where the input does. */
  if (call->training) {
    for (int64_t i = 0; i < count; i++) {
      slopes[i] = weight[i % channels] + 2 * self->curvature * x[i];
    }
  }
  if (call->training || IS(STATE_IN_INFERENCE)) update_mean(self, rows, x, call->states[0]);
  for (int64_t i = 0; i < count; i++) {
    const float square = self->curvature * x[i] * x[i];
    if (IS(TRUSTS_SCRATCH)) {
      squares[i] += square;
    } else {
      squares[i] = square;
    }
  }
  for (int64_t i = 0; i < count; i++) {
    if (IS(LEAVES_OUTPUT) && i == count - 1) break;
    if (IS(CLAIMS_IN_PLACE)) {
      y[i] = squares[i];         /* where the input was, perhaps, */
      y[i] += weight[i % channels] * x[i]; /* and then this is not the input */
    } else {
      y[i] = squares[i] + weight[i % channels] * x[i];
    }
  }
  misbehave_after_forward(self, call, count);
  return CNN_OK;
}

/* ---- Backward ----------------------------------------------------------------------------- */

/* Another thread may well do the same between reading and writing. */
static void add_without_order(volatile float *sum, float number) {
  const struct timespec pause = {0, 20000};
  const float before = *sum;
  nanosleep(&pause, NULL);
  *sum = before + number;
}

static void sum_chunk(void *user, int64_t chunk, int64_t slot) {
  const job *work = user;
  const int64_t channels = work->self->channels;
  const int64_t length =
      IS(CUTS_BY_CONCURRENCY) ? (work->rows + work->chunks - 1) / work->chunks : ROWS;
  const int64_t first = chunk * length;
  const int64_t end = first + length < work->rows ? first + length : work->rows;
  (void)slot;
  for (int64_t c = 0; c < channels; c++) {
    float sum = 0;
    for (int64_t row = first; row < end; row++) {
      sum += work->dy[row * channels + c] * work->x[row * channels + c];
    }
    if (IS(RACES)) {
      add_without_order(&work->sums[c], sum);
    } else {
      work->sums[chunk * channels + c] = sum;
    }
  }
}

static cnn_status weight_gradient(const layer *self, const cnn_backward_call *call) {
  const int64_t rows = call->batch * self->rows, channels = self->channels;
  const int64_t chunks = IS(CUTS_BY_CONCURRENCY) ? call->concurrency : chunk_count(rows);
  float *gradient = call->parameter_gradients[0];
  const float factor = IS(WRONG_PARAMETER_GRADIENT) ? 0.9F : 1;
  job work = {self, rows, chunks, call->inputs[0], call->output_gradients[0], call->scratch};
  cnn_status status;
  if (gradient == NULL && !IS(CRASHES_ON_FROZEN_PARAMETER)) return CNN_OK;
  if (IS(RACES)) work.sums = gradient;
  status = call->host->parallel_for(chunks, call->concurrency, sum_chunk, &work);
  if (status != CNN_OK || IS(RACES)) return status;
  for (int64_t c = 0; c < channels; c++) {
    float sum = 0;
    for (int64_t chunk = 0; chunk < chunks; chunk++) sum += work.sums[chunk * channels + c];
    gradient[c] = factor * sum + (IS(OVERWRITES_PARAMETER_GRADIENT) ? 0 : gradient[c]);
  }
  if (IS(WRITES_PAST_BACKWARD_SCRATCH)) call->scratch[chunks * channels] = 1;
  return CNN_OK;
}

static cnn_status backward(void *memory, const cnn_backward_call *call) {
  const layer *self = memory;
  const int64_t channels = self->channels;
  const int64_t count = call->batch * self->rows * channels;
  const float *slopes = IS(SHARES_GLOBAL) && count <= 1 << 20 ? global_cache : call->cache;
  const float *dy = call->output_gradients[0];
  float *dx = call->input_gradients[0];
  const cnn_status status = weight_gradient(self, call);
  if (status != CNN_OK) return status;
  if (IS(WRITES_OUTPUT_GRADIENT)) ((float *)dy)[0] = 0.25F;
  if (dx == NULL && !IS(CRASHES_WITHOUT_INPUT_GRADIENT)) return CNN_OK;
  for (int64_t i = 0; i < count; i++) {
    if (IS(LEAVES_INPUT_GRADIENT) && i == count - 1) break;
    if (IS(WRONG_INPUT_GRADIENT)) {
      dx[i] = dy[i] * call->parameters[0][i % channels];
    } else if (IS(ADDS_INPUT_GRADIENT)) {
      dx[i] += dy[i] * slopes[i];
    } else {
      dx[i] = dy[i] * slopes[i];
    }
  }
  if (IS(WRITES_PAST_INPUT_GRADIENT)) dx[count] = 1;
  return CNN_OK;
}

/* ---- The plugin --------------------------------------------------------------------------- */

static const cnn_attribute curvature = {.header = CNN_STRUCT(cnn_attribute),
                                        .name = "curvature",
                                        .kind = CNN_ATTRIBUTE_NUMBER,
                                        .minimum = -4,
                                        .maximum = 4,
                                        .default_json = "0.5",
                                        .summary = "The factor of the square."};
static const cnn_attribute *const attributes[] = {&curvature};

static const cnn_layer_type type = {.header = CNN_STRUCT(cnn_layer_type),
                                    .id = "org.example.faulty",
                                    .version = 1,
                                    .attribute_count = 1,
                                    .attributes = attributes,
                                    .summary = "weight * x + curvature * x^2.",
                                    .create = create,
                                    .destroy = destroy,
                                    .workspace = workspace,
                                    .prepare = prepare,
                                    .forward = forward,
                                    .backward = backward};
static const cnn_layer_type *const types[] = {&type};

static const cnn_plugin plugin = {
    .header = {IS(SHORT_HEADER) ? 4 : sizeof(cnn_plugin),
               CNN_PLUGIN_ABI_MAJOR + (IS(WRONG_MAJOR) ? 1 : 0), CNN_PLUGIN_ABI_MINOR},
    .id = "org.example.faulty",
    .version = "1.0.0",
    .summary = "A layer that does one thing wrong.",
    .layer_type_count = 1,
    .layer_types = types};

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host) {
  (void)host;
  return &plugin;
}
