/*
 * more_faults.c - a plugin that does one thing wrong, beyond what ../faults/faults.c can do: a layer with
 * two inputs and two outputs, a loss, an optimizer, and the plugin's entry.
 *
 *     cc -std=c99 -O1 -fPIC -shared -I include -DFAULT=GRADIENT_OF_SECOND_INPUT more_faults.c -o f.so
 *
 * Without -DFAULT, or with FAULT=NONE, everything is right:
 *
 *     layer      blend = a + scale * b, with a parameter for each channel, and product = a * b
 *     loss       the mean of the squared differences
 *     optimizer  steps along a running sum of the gradients
 */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cnn_plugin.h"

#ifndef FAULT
#define FAULT NONE
#endif
#define IS(fault) (FAULT == (fault))

/* What can be wrong, and the check that has to find it. Programs read this list: one fault a line,
 * `NAME, / * what is wrong | check * /`. */
enum {
  NONE,                      /* nothing is wrong | none */
  NO_SUMMARY,                /* the layer type has no summary | texts */
  ENTRY_ONLY_ONCE,           /* the entry returns NULL when it is called again | entry-again */
  EXACT_HOST,                /* the entry refuses hosts of another size than its own | newer-host */
  FOLLOWS_UNKNOWN,           /* crashes if the host knows fewer members | smaller-host */
  REFUSES_SILENTLY,          /* create fails for a shape without a message | create */
  CRASHES_AT_LIMIT,          /* create follows a null pointer for the largest size | attributes */
  KEEPS_ON_FAILURE,          /* the first block is kept when there is none for a second | memory-limit */
  WRONG_STATUS,              /* another status when there is no memory | memory-limit */
  NOT_THE_SAME_WORKSPACE,    /* workspace grows from call to call | workspace */
  GRADIENT_OF_SECOND_INPUT,  /* the gradient of the second input lacks a term | gradients */
  GRADIENT_OF_ZERO,          /* gradients of zeros are not quite zeros | zero-gradients */
  NEEDS_SECOND_OUTPUT,       /* writes the second output if it is NULL | optional */
  NEEDS_SECOND_GRADIENT,     /* reads the second output's gradient if it is NULL | optional */
  READS_PAST_INPUT,          /* reads the number behind the first input | bounds */
  RACES_PLAINLY,             /* chunks add to one number, as fast as they can | threads */
  STATIC_SCRATCH,            /* forward keeps numbers in a static array for a while | concurrent-calls */
  STATIC_IN_CREATE,          /* create keeps a size in a static variable | concurrent-creation */
  EXPECTS_ALIGNMENT,         /* follows a null pointer if the input is not at a multiple of 16 | bounds */
  DEPENDS_ON_ADDRESS,        /* the output depends on where the input is | repeat */
  DEPENDS_ON_PROCESS,        /* the output depends on the number of the process | process */
  COUNTS_BATCHES,            /* the second output depends on the batch planned for | smaller-batch */
  LOSS_GRADIENT,             /* the gradient of the loss is half as large as it should be | gradients */
  LOSS_IGNORES_WEIGHT,       /* the weight does not scale the gradient | weight */
  LOSS_WEIGHTS_VALUE,        /* the weight scales the returned loss, too | weight */
  LOSS_NEEDS_GRADIENT,       /* writes the gradient if it is NULL | weight */
  LOSS_PAST_GRADIENT,        /* writes a number behind the gradient | bounds */
  LOSS_STATIC,               /* evaluate adds up in a static variable | concurrent-calls */
  LOSS_LEAKS,                /* evaluate loses memory | leaks */
  LOSS_COUNTS,               /* the loss depends on how many calls there were | repeat */
  LOSS_NOT_FINITE,           /* the loss is not a number | evaluate */
  OPTIMIZER_BY_POSITION,     /* the step depends on the place within the range | pieces */
  OPTIMIZER_IGNORES_SCALE,   /* gradient_scale is not used | gradient-scale */
  OPTIMIZER_PAST_STATE,      /* writes a number behind its state | bounds */
  OPTIMIZER_WRITES_GRADIENT, /* changes the gradients | bounds */
  OPTIMIZER_STATIC,          /* update keeps steps in a static array | concurrent-calls */
  OPTIMIZER_COUNTS,          /* the step depends on how many updates there were | repeat */
  OPTIMIZER_CLIMBS,          /* steps go the wrong way | training */
  OPTIMIZER_STANDS,          /* parameters do not change | update */
  OPTIMIZER_DESTROY          /* destroy follows a null pointer | create */
};

static int *volatile nowhere;
static volatile int64_t counter;
static volatile int64_t kept_channels;
static volatile float shared[64];

static void crash(void) { *nowhere = 1; }

/* ---- The layer ------------------------------------------------------------------------------ */

enum { ROWS = 16 };

typedef struct blend {
  const cnn_host *host;
  void *extra;
  int64_t rows, channels;
  volatile int64_t planned;
} blend;

static cnn_status no_memory(const cnn_host *host) {
  return host->fail(IS(WRONG_STATUS) ? CNN_INVALID_ARGUMENT : CNN_OUT_OF_MEMORY, "no memory");
}

static cnn_status blend_create(const cnn_layer_builder *builder, void *user, void **out_layer) {
  const cnn_host *host = builder->host;
  const cnn_shape *a = &builder->inputs[0], *b = &builder->inputs[1];
  cnn_parameter scale = {.header = CNN_STRUCT(cnn_parameter), .name = "scale",
                         .initializer = CNN_INIT_CONSTANT, .initializer_value = 1};
  blend *self;
  cnn_status status;
  (void)user;
  if (a->rank < 1 || a->rank != b->rank || memcmp(a->sizes, b->sizes, a->rank * sizeof *a->sizes)) {
    return IS(REFUSES_SILENTLY) ? CNN_SHAPE_MISMATCH
                                : host->fail(CNN_SHAPE_MISMATCH, "two inputs of one shape, please");
  }
  if (IS(CRASHES_AT_LIMIT) && builder->attributes[0]->integer == 64) crash();
  scale.shape.rank = 1;
  scale.shape.sizes[0] = a->sizes[a->rank - 1];
  status = builder->add_output(builder, "blend", a, 0);
  if (status == CNN_OK) status = builder->add_output(builder, "product", a, 0);
  if (status == CNN_OK) status = builder->add_parameter(builder, &scale);
  if (status == CNN_OK) status = builder->set(builder, CNN_LAYER_BACKWARD_READS, CNN_READS_INPUTS);
  if (status != CNN_OK) return status;
  self = host->allocate(sizeof *self);
  if (self == NULL) return no_memory(host);
  kept_channels = a->sizes[a->rank - 1];
  self->extra = host->allocate(100);
  if (self->extra == NULL) {
    if (!IS(KEEPS_ON_FAILURE)) host->release(self);
    return no_memory(host);
  }
  self->host = host;
  self->channels = IS(STATIC_IN_CREATE) ? kept_channels : scale.shape.sizes[0];
  self->rows = cnn_shape_count(a) / self->channels;
  *out_layer = self;
  return CNN_OK;
}

static void blend_destroy(void *layer) {
  blend *self = layer;
  const cnn_host *host = self->host;
  host->release(self->extra);
  host->release(self);
}

static cnn_status blend_workspace(void *layer, const cnn_workspace_request *request,
                                  cnn_workspace *out_workspace) {
  blend *self = layer;
  const int64_t rows = request->batch * self->rows;
  if (request->training) out_workspace->backward_scratch = (rows + ROWS - 1) / ROWS * self->channels;
  if (IS(NOT_THE_SAME_WORKSPACE)) out_workspace->forward_scratch = ++counter;
  if (IS(COUNTS_BATCHES)) self->planned = request->batch;
  return CNN_OK;
}

static cnn_status blend_forward(void *layer, const cnn_forward_call *call) {
  static float kept[1 << 16];
  const blend *self = layer;
  const int64_t count = call->batch * self->rows * self->channels;
  const float *a = call->inputs[0], *b = call->inputs[1];
  float *y = call->outputs[0], *product = call->outputs[1];
  const int64_t some = count < 1 << 16 ? count : 1 << 16;
  if (IS(STATIC_SCRATCH)) {
    for (int64_t i = 0; i < some; i++) kept[i] = a[i];
    for (int64_t i = 0; i < some; i++) y[i] = kept[i];
  }
  for (int64_t i = 0; i < count; i++) {
    const float first = IS(STATIC_SCRATCH) && i < some ? y[i] : a[i];
    y[i] = first + call->parameters[0][i % self->channels] * b[i];
  }
  if (IS(STATIC_SCRATCH)) {
    for (int64_t i = 0; i < some; i++) kept[i] = b[i];
  }
  if (product != NULL || IS(NEEDS_SECOND_OUTPUT)) {
    for (int64_t i = 0; i < count; i++) product[i] = a[i] * b[i];
    if (IS(COUNTS_BATCHES)) product[0] += (float)self->planned;
  }
  if (IS(EXPECTS_ALIGNMENT) && (uintptr_t)a % 16 != 0) crash();
  if (IS(READS_PAST_INPUT)) shared[0] = a[count];
  if (IS(DEPENDS_ON_ADDRESS)) y[0] += (float)((uintptr_t)a / 64 % 7);
  if (IS(DEPENDS_ON_PROCESS)) y[0] += (float)(getpid() % 1024);
  return CNN_OK;
}

typedef struct job {
  const blend *self;
  const float *b, *dy;
  float *sums;
  int64_t rows;
} job;

static void sum_chunk(void *user, int64_t chunk, int64_t slot) {
  const job *work = user;
  const int64_t channels = work->self->channels;
  const int64_t end = (chunk + 1) * ROWS < work->rows ? (chunk + 1) * ROWS : work->rows;
  (void)slot;
  for (int64_t c = 0; c < channels; c++) {
    float sum = 0;
    for (int64_t row = chunk * ROWS; row < end; row++) {
      const float part = work->dy[row * channels + c] * work->b[row * channels + c];
      if (IS(RACES_PLAINLY)) {
        *(volatile float *)&work->sums[c] += part;
      } else {
        sum += part;
      }
    }
    if (!IS(RACES_PLAINLY)) work->sums[chunk * channels + c] = sum;
  }
}

static cnn_status blend_backward(void *layer, const cnn_backward_call *call) {
  const blend *self = layer;
  const int64_t rows = call->batch * self->rows, channels = self->channels, count = rows * channels;
  const int64_t chunks = (rows + ROWS - 1) / ROWS;
  const float *a = call->inputs[0], *b = call->inputs[1], *scale = call->parameters[0];
  const float *dy = call->output_gradients[0], *dp = call->output_gradients[1];
  float *da = call->input_gradients[0], *db = call->input_gradients[1];
  float *ds = call->parameter_gradients[0];
  const float offset = IS(GRADIENT_OF_ZERO) ? 1e-5F : 0;
  for (int64_t i = 0; i < count; i++) {
    const float y = dy == NULL ? 0 : dy[i];
    const float p = dp == NULL && !IS(NEEDS_SECOND_GRADIENT) ? 0 : dp[i];
    if (da != NULL) da[i] = y + p * b[i] + offset;
    if (db != NULL) db[i] = scale[i % channels] * y + (IS(GRADIENT_OF_SECOND_INPUT) ? 0 : p * a[i]);
  }
  if (ds != NULL && dy != NULL) {
    job work = {self, b, dy, IS(RACES_PLAINLY) ? ds : call->scratch, rows};
    const cnn_status status =
        call->host->parallel_for(chunks, call->concurrency, sum_chunk, &work);
    if (status != CNN_OK || IS(RACES_PLAINLY)) return status;
    for (int64_t i = 0; i < chunks * channels; i++) ds[i % channels] += call->scratch[i];
  }
  return CNN_OK;
}

static const cnn_attribute size = {.header = CNN_STRUCT(cnn_attribute), .name = "size",
                                   .kind = CNN_ATTRIBUTE_INTEGER, .minimum = 1, .maximum = 64,
                                   .summary = "A number that has to be given."};
static const cnn_attribute *const attributes[] = {&size};

static const cnn_layer_type type = {
    .header = CNN_STRUCT(cnn_layer_type), .id = "org.example.blend", .version = 1,
    .minimum_inputs = 2, .maximum_inputs = 2, .attribute_count = 1, .attributes = attributes,
    .summary = IS(NO_SUMMARY) ? NULL : "a + scale * b, and a * b.", .create = blend_create,
    .destroy = blend_destroy, .workspace = blend_workspace, .forward = blend_forward,
    .backward = blend_backward};
static const cnn_layer_type *const types[] = {&type};

/* ---- The loss -------------------------------------------------------------------------------- */

static cnn_status loss_evaluate(void *loss, const cnn_loss_call *call, double *out_loss) {
  const int64_t count = call->batch * cnn_shape_count(&call->shape);
  const double weight = IS(LOSS_IGNORES_WEIGHT) ? 1 : call->weight;
  static volatile double static_sum;
  double sum = 0;
  (void)loss;
  static_sum = 0;
  for (int64_t i = 0; i < count; i++) {
    const double difference = (double)call->output[i] - call->values[i];
    sum += difference * difference;
    if (IS(LOSS_STATIC)) static_sum += difference * difference;
    if (call->gradient != NULL || IS(LOSS_NEEDS_GRADIENT)) {
      const double factor = IS(LOSS_GRADIENT) ? 1 : 2;
      call->gradient[i] = (float)(weight * factor * difference / (double)count);
    }
  }
  if (IS(LOSS_STATIC)) sum = static_sum;
  if (IS(LOSS_PAST_GRADIENT) && call->gradient != NULL) call->gradient[count] = 0;
  if (IS(LOSS_LEAKS)) nowhere = malloc(1000);
  if (IS(LOSS_COUNTS)) sum += 1e-9 * (double)++counter;
  if (IS(LOSS_NOT_FINITE)) sum /= 0 * sum;
  *out_loss = sum / (double)count * (IS(LOSS_WEIGHTS_VALUE) ? call->weight : 1);
  return CNN_OK;
}

static const cnn_loss_type loss_type = {
    .header = CNN_STRUCT(cnn_loss_type), .id = "org.example.squares",
    .summary = "The mean of the squared differences.", .targets = CNN_TARGETS_VALUES,
    .evaluate = loss_evaluate};
static const cnn_loss_type *const loss_types[] = {&loss_type};

/* ---- The optimizer --------------------------------------------------------------------------- */

static cnn_status optimizer_create(const cnn_creation *creation, void *user, void **out_optimizer) {
  (void)user;
  *out_optimizer = creation->host->allocate(8);
  if (*out_optimizer == NULL) return creation->host->fail(CNN_OUT_OF_MEMORY, "no memory");
  *(const cnn_host **)*out_optimizer = creation->host;
  return CNN_OK;
}

static void optimizer_destroy(void *optimizer) {
  const cnn_host *host = *(const cnn_host **)optimizer;
  if (IS(OPTIMIZER_DESTROY)) crash();
  host->release(optimizer);
}

static cnn_status optimizer_update(void *optimizer, const cnn_optimizer_call *call) {
  const float scale = IS(OPTIMIZER_IGNORES_SCALE) ? 1 : (float)call->gradient_scale;
  const float rate = (float)call->learning_rate * (IS(OPTIMIZER_CLIMBS) ? -1 : 1);
  static volatile float steps[1 << 13];
  float *sum = call->states[0];
  (void)optimizer;
  for (int64_t i = 0; IS(OPTIMIZER_STATIC) && i < call->count; i++) {
    steps[i % (1 << 13)] = 0.1F * scale * call->gradients[i];
  }
  for (int64_t i = 0; i < call->count; i++) {
    float step;
    sum[i] = 0.5F * sum[i] + scale * call->gradients[i];
    step = sum[i] + (float)call->weight_decay * call->parameters[i];
    if (IS(OPTIMIZER_BY_POSITION) && i % 2 == 1) step *= 0.5F;
    if (IS(OPTIMIZER_COUNTS) && i == 0) step += 1e-3F * (float)++counter;
    if (IS(OPTIMIZER_STATIC)) step += steps[i % (1 << 13)];
    if (!IS(OPTIMIZER_STANDS)) call->parameters[i] -= rate * step;
    if (IS(OPTIMIZER_WRITES_GRADIENT)) ((float *)call->gradients)[i] = 0;
  }
  if (IS(OPTIMIZER_PAST_STATE)) sum[call->count] = 1;
  return CNN_OK;
}

static const char *const state_names[] = {"momentum_buffer"};
static const cnn_optimizer_type optimizer_type = {
    .header = CNN_STRUCT(cnn_optimizer_type), .id = "org.example.momentum",
    .summary = "Steps along a running sum of the gradients.", .state_count = 1,
    .state_names = state_names, .default_learning_rate = 0.05, .create = optimizer_create,
    .destroy = optimizer_destroy, .update = optimizer_update};
static const cnn_optimizer_type *const optimizer_types[] = {&optimizer_type};

/* ---- The plugin ------------------------------------------------------------------------------ */

static const cnn_plugin plugin = {
    .header = CNN_STRUCT(cnn_plugin), .id = "org.example.more-faults", .version = "1.0.0",
    .summary = "Types that do one thing wrong.", .layer_type_count = 1, .layer_types = types,
    .loss_type_count = 1, .loss_types = loss_types, .optimizer_type_count = 1,
    .optimizer_types = optimizer_types};

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host) {
  if (IS(ENTRY_ONLY_ONCE) && ++counter > 1) return NULL;
  if (IS(EXACT_HOST) && host->header.size > sizeof *host) return NULL;
  if (IS(FOLLOWS_UNKNOWN) && !CNN_HAS(host, sgemm)) crash();
  return &plugin;
}
