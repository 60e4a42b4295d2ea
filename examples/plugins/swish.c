/*
 * swish.c - a plugin with one layer type: swish, x * sigmoid(beta * x) (Ramachandran et al. 2017).
 *
 *     cc -std=c99 -O2 -fPIC -shared -I ../../include swish.c -o swish.so -lm
 *     cnn plugin-check ./swish.so
 */
#include <math.h>

#include "cnn_plugin.h"

/* Work is cut into pieces of this many numbers, whatever the number of threads. */
enum { CHUNK = 4096 };

/* What create makes, and nobody changes. */
typedef struct swish {
  const cnn_host *host;
  int64_t count; /* numbers in a sample */
  float beta;
} swish;

/* What the pieces of a call share. */
typedef struct job {
  const float *x;
  const float *output_gradient; /* NULL in forward */
  float *result;
  int64_t count;
  float beta;
} job;

static cnn_status create(const cnn_layer_builder *builder, void *user, void **out_layer) {
  cnn_status status = builder->add_output(builder, NULL, &builder->inputs[0], 0);
  swish *layer;
  (void)user;
  if (status == CNN_OK) status = builder->set(builder, CNN_LAYER_IN_PLACE, 1);
  if (status == CNN_OK) status = builder->set(builder, CNN_LAYER_BACKWARD_READS, CNN_READS_INPUTS);
  if (status != CNN_OK) return status;

  layer = builder->host->allocate(sizeof *layer);
  if (layer == NULL) return builder->host->fail(CNN_OUT_OF_MEMORY, "no memory for the layer");
  layer->host = builder->host;
  layer->count = cnn_shape_count(&builder->inputs[0]);
  layer->beta = (float)builder->attributes[0]->number;
  *out_layer = layer;
  return CNN_OK;
}

static void destroy(void *layer) {
  const cnn_host *host = ((swish *)layer)->host;
  host->release(layer);
}

static void forward_chunk(void *user, int64_t chunk, int64_t slot) {
  const job *work = user;
  const int64_t start = chunk * CHUNK;
  const int64_t end = start + CHUNK < work->count ? start + CHUNK : work->count;
  (void)slot;
  for (int64_t i = start; i < end; i++) {
    work->result[i] = work->x[i] / (1 + expf(-work->beta * work->x[i]));
  }
}

static cnn_status forward(void *layer, const cnn_forward_call *call) {
  const swish *self = layer;
  job work = {call->inputs[0], NULL, call->outputs[0], call->batch * self->count, self->beta};
  const int64_t chunks = (work.count + CHUNK - 1) / CHUNK;
  return call->host->parallel_for(chunks, call->concurrency, forward_chunk, &work);
}

static void backward_chunk(void *user, int64_t chunk, int64_t slot) {
  const job *work = user;
  const int64_t start = chunk * CHUNK;
  const int64_t end = start + CHUNK < work->count ? start + CHUNK : work->count;
  (void)slot;
  for (int64_t i = start; i < end; i++) {
    const float scaled = work->beta * work->x[i];
    const float sigmoid = 1 / (1 + expf(-scaled));
    const float slope = sigmoid * (1 + scaled * (1 - sigmoid));
    work->result[i] = slope * work->output_gradient[i];
  }
}

static cnn_status backward(void *layer, const cnn_backward_call *call) {
  const swish *self = layer;
  job work = {call->inputs[0], call->output_gradients[0], call->input_gradients[0],
              call->batch * self->count, self->beta};
  const int64_t chunks = (work.count + CHUNK - 1) / CHUNK;
  if (work.result == NULL) return CNN_OK; /* nobody wants it */
  return call->host->parallel_for(chunks, call->concurrency, backward_chunk, &work);
}

static const cnn_attribute beta = {
    .header = CNN_STRUCT(cnn_attribute), .name = "beta", .kind = CNN_ATTRIBUTE_NUMBER,
    .minimum = 0, .maximum = 100, .default_json = "1",
    .summary = "How steep the sigmoid is; with 0 the layer halves its input."};
static const cnn_attribute *const attributes[] = {&beta};

static const cnn_layer_type type = {
    .header = CNN_STRUCT(cnn_layer_type), .id = "org.example.swish", .version = 1,
    .attribute_count = 1, .attributes = attributes,
    .summary = "x * sigmoid(beta * x) for each number x.",
    .create = create, .destroy = destroy, .forward = forward, .backward = backward};
static const cnn_layer_type *const types[] = {&type};

static const cnn_plugin plugin = {
    .header = CNN_STRUCT(cnn_plugin), .id = "org.example.swish", .version = "1.0.0",
    .summary = "The activation function swish.", .layer_type_count = 1, .layer_types = types};

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host) {
  (void)host;
  return &plugin;
}
