/*
 * squeeze_excitation.c - a plugin with a block that has parameters: squeeze and excitation
 * (Hu et al. 2018), which learns how much each channel of an image matters.
 *
 *     cc -std=c99 -O2 -fPIC -shared -I ../../include squeeze_excitation.c \
 *        -o squeeze_excitation.so -lm
 *
 *     pooled = the mean of each channel                         batch x channels
 *     hidden = max(pooled * reduce_weight' + reduce_bias, 0)    batch x units
 *     gate   = sigmoid(hidden * expand_weight' + expand_bias)   batch x channels
 *     output = input, each channel times its gate
 *
 * It shows parameters, cache and scratch memory, products of matrices by the host, and how to stay
 * independent of the number of threads: a piece of work is a sample, and all that is added up over
 * samples is added up by one thread, or by the host.
 */
#include <math.h>

#include "cnn_plugin.h"

/* The order in which create declares the parameters. */
enum { REDUCE_WEIGHT, REDUCE_BIAS, EXPAND_WEIGHT, EXPAND_BIAS };

typedef struct block {
  const cnn_host *host;
  int64_t pixels;   /* height times width */
  int64_t channels; /* of input and output */
  int64_t units;    /* numbers that the channels are squeezed into */
} block;

/* Where the numbers between the steps are, a row for each sample. */
typedef struct activations {
  float *pooled;
  float *hidden;
  float *gate;
} activations;

/* What the pieces of a call share. */
typedef struct job {
  const block *self;
  const float *x;               /* the inputs */
  const float *output_gradient; /* the gradients of the outputs */
  const float *gate;
  const float *source; /* what is multiplied by the gate */
  const float *addend; /* what is added to each pixel then; may be NULL */
  float *result;
} job;

/* ---- Making a layer ------------------------------------------------------------------------ */

/* Declares a matrix of weights and the biases of its rows. */
static cnn_status add_linear(const cnn_layer_builder *builder, const char *weight_name,
                             const char *bias_name, int64_t rows, int64_t columns,
                             int32_t initializer) {
  const cnn_parameter weight = {.header = CNN_STRUCT(cnn_parameter),
                                .name = weight_name,
                                .shape = {2, {rows, columns}},
                                .initializer = initializer,
                                .decays = 1,
                                .fan_in = columns,
                                .fan_out = rows};
  const cnn_parameter bias = {.header = CNN_STRUCT(cnn_parameter),
                              .name = bias_name,
                              .shape = {1, {rows}},
                              .initializer = CNN_INIT_ZEROS};
  const cnn_status status = builder->add_parameter(builder, &weight);
  return status != CNN_OK ? status : builder->add_parameter(builder, &bias);
}

static cnn_status create(const cnn_layer_builder *builder, void *user, void **out_layer) {
  const cnn_host *host = builder->host;
  const cnn_shape *shape = &builder->inputs[0];
  const int64_t reduction = builder->attributes[0]->integer;
  int64_t channels, units;
  cnn_status status;
  block *self;
  (void)user;
  if (shape->rank != 3) {
    return host->fail(CNN_SHAPE_MISMATCH,
                      "squeeze and excitation needs an image: height, width, channels");
  }
  channels = shape->sizes[2];
  units = channels / reduction > 1 ? channels / reduction : 1;

  status = builder->add_output(builder, NULL, shape, 0);
  if (status == CNN_OK) {
    status = add_linear(builder, "reduce_weight", "reduce_bias", units, channels, CNN_INIT_HE);
  }
  if (status == CNN_OK) {
    status = add_linear(builder, "expand_weight", "expand_bias", channels, units, CNN_INIT_XAVIER);
  }
  if (status == CNN_OK) status = builder->set(builder, CNN_LAYER_BACKWARD_READS, CNN_READS_INPUTS);
  if (status == CNN_OK) status = builder->set(builder, CNN_LAYER_IN_PLACE, 1);
  if (status == CNN_OK) {
    status = builder->set(builder, CNN_LAYER_OPERATION_COUNT,
                          2 * cnn_shape_count(shape) + 4 * channels * units);
  }
  if (status != CNN_OK) return status;

  self = host->allocate(sizeof *self);
  if (self == NULL) return host->fail(CNN_OUT_OF_MEMORY, "no memory for the layer");
  self->host = host;
  self->pixels = shape->sizes[0] * shape->sizes[1];
  self->channels = channels;
  self->units = units;
  *out_layer = self;
  return CNN_OK;
}

static void destroy(void *layer) {
  const cnn_host *host = ((block *)layer)->host;
  host->release(layer);
}

static cnn_status workspace(void *layer, const cnn_workspace_request *request,
                            cnn_workspace *out_workspace) {
  const block *self = layer;
  const int64_t numbers = request->batch * (2 * self->channels + self->units);
  if (request->training) {
    out_workspace->cache = numbers;
    out_workspace->backward_scratch = numbers;
  } else {
    out_workspace->forward_scratch = numbers;
  }
  return CNN_OK;
}

/* Divides memory of workspace's size. */
static activations divide(const block *self, int64_t batch, float *memory) {
  activations result;
  result.pooled = memory;
  result.gate = memory + batch * self->channels;
  result.hidden = result.gate + batch * self->channels;
  return result;
}

/* ---- Products of matrices ------------------------------------------------------------------ */

/* c = a * b' + c: what a linear layer does to the rows of a, with weights b. */
static cnn_status multiply_transposed(const cnn_host *host, int64_t concurrency, int64_t m,
                                      int64_t n, int64_t k, const float *a, const float *b,
                                      float *c) {
  const cnn_matrix_product product = {
      .header = CNN_STRUCT(cnn_matrix_product), .transpose_b = 1, .m = m, .n = n, .k = k,
      .alpha = 1, .beta = 1, .a = a, .a_stride = k, .b = b, .b_stride = k, .c = c, .c_stride = n};
  return host->sgemm(&product, concurrency);
}

/* c = a * b: from gradients of outputs to gradients of inputs. */
static cnn_status multiply(const cnn_host *host, int64_t concurrency, int64_t m, int64_t n,
                           int64_t k, const float *a, const float *b, float *c) {
  const cnn_matrix_product product = {
      .header = CNN_STRUCT(cnn_matrix_product), .m = m, .n = n, .k = k, .alpha = 1, .beta = 0,
      .a = a, .a_stride = k, .b = b, .b_stride = n, .c = c, .c_stride = n};
  return host->sgemm(&product, concurrency);
}

/* Adds the gradients of a linear layer's weights, a' * b, and biases; NULL for frozen ones. */
static cnn_status add_gradients(const cnn_host *host, int64_t concurrency, int64_t batch,
                                int64_t rows, int64_t columns, const float *a, const float *b,
                                float *weight, float *bias) {
  const cnn_matrix_product product = {
      .header = CNN_STRUCT(cnn_matrix_product), .transpose_a = 1, .m = rows, .n = columns,
      .k = batch, .alpha = 1, .beta = 1, .a = a, .a_stride = rows, .b = b, .b_stride = columns,
      .c = weight, .c_stride = columns};
  if (bias != NULL) {
    for (int64_t sample = 0; sample < batch; sample++) {
      for (int64_t row = 0; row < rows; row++) bias[row] += a[sample * rows + row];
    }
  }
  return weight == NULL ? CNN_OK : host->sgemm(&product, concurrency);
}

/* ---- Forward ------------------------------------------------------------------------------- */

static void pool_sample(void *user, int64_t sample, int64_t slot) {
  const job *work = user;
  const block *self = work->self;
  const float *x = work->x + sample * self->pixels * self->channels;
  float *mean = work->result + sample * self->channels;
  (void)slot;
  for (int64_t c = 0; c < self->channels; c++) mean[c] = 0;
  for (int64_t pixel = 0; pixel < self->pixels; pixel++, x += self->channels) {
    for (int64_t c = 0; c < self->channels; c++) mean[c] += x[c];
  }
  for (int64_t c = 0; c < self->channels; c++) mean[c] /= (float)self->pixels;
}

static void scale_sample(void *user, int64_t sample, int64_t slot) {
  const job *work = user;
  const block *self = work->self;
  const int64_t first = sample * self->pixels * self->channels;
  const float *source = work->source + first;
  const float *gate = work->gate + sample * self->channels;
  float *result = work->result + first;
  (void)slot;
  for (int64_t pixel = 0; pixel < self->pixels; pixel++) {
    for (int64_t c = 0; c < self->channels; c++) result[c] = source[c] * gate[c];
    if (work->addend != NULL) {
      const float *addend = work->addend + sample * self->channels;
      for (int64_t c = 0; c < self->channels; c++) result[c] += addend[c];
    }
    source += self->channels;
    result += self->channels;
  }
}

static cnn_status forward(void *layer, const cnn_forward_call *call) {
  const block *self = layer;
  const cnn_host *host = call->host;
  const int64_t batch = call->batch, channels = self->channels, units = self->units;
  const float *const *parameters = call->parameters;
  const activations act = divide(self, batch, call->training ? call->cache : call->scratch);
  job pooling = {.self = self, .x = call->inputs[0], .result = act.pooled};
  job scaling = {
      .self = self, .source = call->inputs[0], .gate = act.gate, .result = call->outputs[0]};

  cnn_status status = host->parallel_for(batch, call->concurrency, pool_sample, &pooling);
  if (status != CNN_OK) return status;

  for (int64_t i = 0; i < batch * units; i++) act.hidden[i] = parameters[REDUCE_BIAS][i % units];
  status = multiply_transposed(host, call->concurrency, batch, units, channels, act.pooled,
                               parameters[REDUCE_WEIGHT], act.hidden);
  if (status != CNN_OK) return status;
  for (int64_t i = 0; i < batch * units; i++) act.hidden[i] = act.hidden[i] > 0 ? act.hidden[i] : 0;

  for (int64_t i = 0; i < batch * channels; i++) {
    act.gate[i] = parameters[EXPAND_BIAS][i % channels];
  }
  status = multiply_transposed(host, call->concurrency, batch, channels, units, act.hidden,
                               parameters[EXPAND_WEIGHT], act.gate);
  if (status != CNN_OK) return status;
  for (int64_t i = 0; i < batch * channels; i++) act.gate[i] = 1 / (1 + expf(-act.gate[i]));

  return host->parallel_for(batch, call->concurrency, scale_sample, &scaling);
}

/* ---- Backward ------------------------------------------------------------------------------ */

/* The gradient of what goes into the sigmoid. */
static void gate_gradient_sample(void *user, int64_t sample, int64_t slot) {
  const job *work = user;
  const block *self = work->self;
  const int64_t first = sample * self->pixels * self->channels;
  const float *x = work->x + first;
  const float *dy = work->output_gradient + first;
  const float *gate = work->gate + sample * self->channels;
  float *gradient = work->result + sample * self->channels;
  (void)slot;
  for (int64_t c = 0; c < self->channels; c++) gradient[c] = 0;
  for (int64_t pixel = 0; pixel < self->pixels; pixel++) {
    for (int64_t c = 0; c < self->channels; c++) gradient[c] += x[c] * dy[c];
    x += self->channels;
    dy += self->channels;
  }
  for (int64_t c = 0; c < self->channels; c++) gradient[c] *= gate[c] * (1 - gate[c]);
}

static cnn_status backward(void *layer, const cnn_backward_call *call) {
  const block *self = layer;
  const cnn_host *host = call->host;
  const int64_t batch = call->batch, channels = self->channels, units = self->units;
  float *const *gradients = call->parameter_gradients;
  /* The cache is only read. */
  const activations act = divide(self, batch, (float *)call->cache);
  const activations gradient = divide(self, batch, call->scratch);
  job gating = {.self = self,
                .x = call->inputs[0],
                .output_gradient = call->output_gradients[0],
                .gate = act.gate,
                .result = gradient.gate};
  job scaling = {.self = self,
                 .source = call->output_gradients[0],
                 .gate = act.gate,
                 .addend = gradient.pooled,
                 .result = call->input_gradients[0]};

  cnn_status status = host->parallel_for(batch, call->concurrency, gate_gradient_sample, &gating);
  if (status != CNN_OK) return status;

  status = add_gradients(host, call->concurrency, batch, channels, units, gradient.gate, act.hidden,
                         gradients[EXPAND_WEIGHT], gradients[EXPAND_BIAS]);
  if (status != CNN_OK) return status;
  status = multiply(host, call->concurrency, batch, units, channels, gradient.gate,
                    call->parameters[EXPAND_WEIGHT], gradient.hidden);
  if (status != CNN_OK) return status;
  for (int64_t i = 0; i < batch * units; i++) {
    if (!(act.hidden[i] > 0)) gradient.hidden[i] = 0;
  }

  status = add_gradients(host, call->concurrency, batch, units, channels, gradient.hidden,
                         act.pooled, gradients[REDUCE_WEIGHT], gradients[REDUCE_BIAS]);
  if (status != CNN_OK || scaling.result == NULL) return status;
  status = multiply(host, call->concurrency, batch, channels, units, gradient.hidden,
                    call->parameters[REDUCE_WEIGHT], gradient.pooled);
  if (status != CNN_OK) return status;
  /* Every pixel has the same share in the mean. */
  for (int64_t i = 0; i < batch * channels; i++) gradient.pooled[i] /= (float)self->pixels;
  return host->parallel_for(batch, call->concurrency, scale_sample, &scaling);
}

/* ---- The plugin ---------------------------------------------------------------------------- */

static const cnn_attribute reduction = {
    .header = CNN_STRUCT(cnn_attribute),
    .name = "reduction",
    .kind = CNN_ATTRIBUTE_INTEGER,
    .minimum = 1,
    .maximum = 4096,
    .default_json = "16",
    .summary = "How many channels are squeezed into one number; at least one number remains."};
static const cnn_attribute *const attributes[] = {&reduction};

static const cnn_layer_type type = {
    .header = CNN_STRUCT(cnn_layer_type),
    .id = "org.example.squeeze_excitation",
    .version = 1,
    .attribute_count = 1,
    .attributes = attributes,
    .summary = "Multiplies each channel by a factor computed from the means of all channels.",
    .create = create,
    .destroy = destroy,
    .workspace = workspace,
    .forward = forward,
    .backward = backward};
static const cnn_layer_type *const types[] = {&type};

static const cnn_plugin plugin = {
    .header = CNN_STRUCT(cnn_plugin),
    .id = "org.example.squeeze_excitation",
    .version = "1.0.0",
    .summary = "The squeeze-and-excitation block.",
    .layer_type_count = 1,
    .layer_types = types};

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host) {
  (void)host;
  return &plugin;
}
