/*
 * relu.c - a plugin with the rectifier, max(x, 0): a layer that works in place, needs no memory of
 * its own, and may tell the host which function it is.
 *
 *     cc -std=c99 -O3 -fPIC -shared -I ../../include relu.c -o relu.so
 *
 * The library has a rectifier of its own, "relu". This one is there to be compared with it: with
 * "declare": false it costs what a layer of a plugin costs, and with "declare": true the host may
 * compute it inside a convolution in front of it, as it does with its own.
 */
#include "cnn_plugin.h"

/* Work is cut into pieces of this many numbers, whatever the number of threads. */
enum { CHUNK = 16384 };

/* What the pieces of a call share. A layer needs nothing but the size of its samples. */
typedef struct job {
  const float *source; /* inputs, or gradients of outputs */
  const float *output; /* of forward; NULL in forward */
  float *result;
  int64_t count;
} job;

typedef struct relu {
  const cnn_host *host;
  int64_t count; /* numbers in a sample */
} relu;

static cnn_status create(const cnn_layer_builder *builder, void *user, void **out_layer) {
  const int64_t function =
      builder->attributes[0]->integer ? CNN_FUNCTION_RECTIFIER : CNN_FUNCTION_OTHER;
  cnn_status status = builder->add_output(builder, NULL, &builder->inputs[0], 0);
  relu *layer;
  (void)user;
  if (status == CNN_OK) status = builder->set(builder, CNN_LAYER_IN_PLACE, 1);
  /* Where the output is positive, so was the input: the input's memory can be used again. */
  if (status == CNN_OK) status = builder->set(builder, CNN_LAYER_BACKWARD_READS, CNN_READS_OUTPUTS);
  if (status == CNN_OK) status = builder->set(builder, CNN_LAYER_FUNCTION, function);
  if (status != CNN_OK) return status;

  layer = builder->host->allocate(sizeof *layer);
  if (layer == NULL) return builder->host->fail(CNN_OUT_OF_MEMORY, "no memory for the layer");
  layer->host = builder->host;
  layer->count = cnn_shape_count(&builder->inputs[0]);
  *out_layer = layer;
  return CNN_OK;
}

static void destroy(void *layer) {
  const cnn_host *host = ((relu *)layer)->host;
  host->release(layer);
}

static void forward_chunk(void *user, int64_t chunk, int64_t slot) {
  const job *work = user;
  const int64_t start = chunk * CHUNK;
  const int64_t left = work->count - start;
  const int64_t count = left < CHUNK ? left : CHUNK;
  const float *x = work->source + start;
  float *y = work->result + start;
  (void)slot;
  for (int64_t i = 0; i < count; i++) y[i] = x[i] > 0 ? x[i] : 0;
}

static cnn_status forward(void *layer, const cnn_forward_call *call) {
  const relu *self = layer;
  job work = {call->inputs[0], NULL, call->outputs[0], call->batch * self->count};
  return call->host->parallel_for((work.count + CHUNK - 1) / CHUNK, call->concurrency,
                                  forward_chunk, &work);
}

static void backward_chunk(void *user, int64_t chunk, int64_t slot) {
  const job *work = user;
  const int64_t start = chunk * CHUNK;
  const int64_t left = work->count - start;
  const int64_t count = left < CHUNK ? left : CHUNK;
  const float *dy = work->source + start;
  const float *y = work->output + start;
  float *dx = work->result + start;
  (void)slot;
  for (int64_t i = 0; i < count; i++) {
    const float gradient = dy[i];
    dx[i] = y[i] > 0 ? gradient : 0;
  }
}

static cnn_status backward(void *layer, const cnn_backward_call *call) {
  const relu *self = layer;
  job work = {call->output_gradients[0], call->outputs[0], call->input_gradients[0],
              call->batch * self->count};
  if (work.result == NULL) return CNN_OK;
  return call->host->parallel_for((work.count + CHUNK - 1) / CHUNK, call->concurrency,
                                  backward_chunk, &work);
}

static const cnn_attribute declare = {
    .header = CNN_STRUCT(cnn_attribute),
    .name = "declare",
    .kind = CNN_ATTRIBUTE_BOOLEAN,
    .default_json = "true",
    .summary = "Whether to tell the host that this is a rectifier."};
static const cnn_attribute *const attributes[] = {&declare};

static const cnn_layer_type type = {
    .header = CNN_STRUCT(cnn_layer_type),
    .id = "org.example.relu",
    .version = 1,
    .attribute_count = 1,
    .attributes = attributes,
    .summary = "max(x, 0) for each number x.",
    .create = create,
    .destroy = destroy,
    .forward = forward,
    .backward = backward};
static const cnn_layer_type *const types[] = {&type};

static const cnn_plugin plugin = {
    .header = CNN_STRUCT(cnn_plugin),
    .id = "org.example.relu",
    .version = "1.0.0",
    .summary = "The rectifier, for comparison with the built-in one.",
    .layer_type_count = 1,
    .layer_types = types};

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host) {
  (void)host;
  return &plugin;
}
