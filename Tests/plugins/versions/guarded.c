/*
 * guarded.c - a plugin whose every description ends where a page ends, and the page behind it cannot
 * be read: whoever reads a member that the plugin does not have dies of it.
 *
 * The members that are not there yet are full of ones, too, where a description is not at such a place.
 * Compiled with a later header (-DLATER), it knows a member more in every struct, and checks whether
 * the host says that it has them.
 */
#define _DEFAULT_SOURCE

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cnn_plugin.h"

/* Copies a description to the end of a page; NULL if there is no memory. */
static void *at_the_end(const void *description, size_t size) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return NULL;
  if (mprotect(pages + page, page, PROT_NONE) != 0) return NULL;
  memset(pages, 0xFF, page);
  return memcpy(pages + page - size, description, size);
}
#define AT_THE_END(description) at_the_end(&(description), sizeof(description))

/* Whether the host's structs are as large as both sides know, and at least as large as in version
 * 1.0. */
#ifdef LATER
#define KNOWS(pointer) (CNN_HAS(pointer, later_member) == (pointer->header.abi_minor > 0))
#else
#define KNOWS(pointer) (pointer->header.size >= sizeof *(pointer))
#endif

static const cnn_host *host;
static cnn_parameter *weight;
static cnn_parameter *calls;
static cnn_matrix_product *product;

enum { UNITS = 3 };

/* ---- A linear layer ---------------------------------------------------------------------------- */

static cnn_status create(const cnn_layer_builder *builder, void *user, void **out_layer) {
  const int64_t inputs = cnn_shape_count(&builder->inputs[0]);
  const cnn_shape shape = {1, {UNITS}};
  int64_t *layer;
  cnn_status status;
  (void)user;
  if (!KNOWS(builder) || !KNOWS(builder->host) || !KNOWS(builder->attributes[0])) {
    return builder->host->fail(CNN_INTERNAL, "a struct has another size than it should");
  }
  weight->shape.rank = 2;
  weight->shape.sizes[0] = UNITS;
  weight->shape.sizes[1] = inputs;
  weight->fan_in = inputs;
  status = builder->add_output(builder, NULL, &shape, 0);
  if (status == CNN_OK) status = builder->add_parameter(builder, weight);
  if (status == CNN_OK) status = builder->add_state(builder, calls);
  if (status != CNN_OK) return status;
  layer = host->allocate(2 * sizeof *layer);
  if (layer == NULL) return CNN_OUT_OF_MEMORY;
  layer[0] = inputs;
  layer[1] = builder->attributes[0]->integer;
  *out_layer = layer;
  return CNN_OK;
}

static void destroy(void *layer) { host->release(layer); }

static cnn_status workspace(void *layer, const cnn_workspace_request *request,
                            cnn_workspace *out_workspace) {
  (void)layer;
  if (!KNOWS(request) || !KNOWS(out_workspace)) return CNN_INTERNAL;
  out_workspace->cache = 1;
  return CNN_OK;
}

static cnn_status forward(void *layer, const cnn_forward_call *call) {
  const int64_t *sizes = layer;
  if (!KNOWS(call)) return CNN_INTERNAL;
  if (call->training) {
    call->states[0][0] += 1;
    call->cache[0] = (float)sizes[1];
  }
  product->transpose_a = 0;
  product->transpose_b = 1;
  product->m = call->batch;
  product->n = UNITS;
  product->k = sizes[0];
  product->alpha = (float)sizes[1];
  product->beta = 0;
  product->a = call->inputs[0];
  product->a_stride = sizes[0];
  product->b = call->parameters[0];
  product->b_stride = sizes[0];
  product->c = call->outputs[0];
  product->c_stride = UNITS;
  return host->sgemm(product, call->concurrency);
}

static cnn_status backward(void *layer, const cnn_backward_call *call) {
  const int64_t *sizes = layer;
  cnn_status status = CNN_OK;
  if (!KNOWS(call)) return CNN_INTERNAL;
  product->alpha = call->cache[0];
  if (call->parameter_gradients[0] != NULL) {
    product->transpose_a = 1;
    product->transpose_b = 0;
    product->m = UNITS;
    product->n = sizes[0];
    product->k = call->batch;
    product->beta = 1;
    product->a = call->output_gradients[0];
    product->a_stride = UNITS;
    product->b = call->inputs[0];
    product->b_stride = sizes[0];
    product->c = call->parameter_gradients[0];
    product->c_stride = sizes[0];
    status = host->sgemm(product, call->concurrency);
  }
  if (status != CNN_OK || call->input_gradients[0] == NULL) return status;
  product->transpose_a = product->transpose_b = 0;
  product->m = call->batch;
  product->n = sizes[0];
  product->k = UNITS;
  product->beta = 0;
  product->a = call->output_gradients[0];
  product->a_stride = UNITS;
  product->b = call->parameters[0];
  product->b_stride = sizes[0];
  product->c = call->input_gradients[0];
  product->c_stride = sizes[0];
  return host->sgemm(product, call->concurrency);
}

/* ---- A loss and an optimizer ------------------------------------------------------------------- */

static cnn_status loss_create(const cnn_creation *creation, void *user, void **out_loss) {
  (void)user;
  (void)out_loss;
  return KNOWS(creation) ? CNN_OK : CNN_INTERNAL;
}

static cnn_status evaluate(void *loss, const cnn_loss_call *call, double *out_loss) {
  const int64_t count = call->batch * cnn_shape_count(&call->shape);
  double sum = 0;
  (void)loss;
  if (!KNOWS(call)) return CNN_INTERNAL;
  for (int64_t i = 0; i < count; i++) {
    const double difference = (double)call->output[i] - (double)call->values[i];
    sum += difference * difference;
    if (call->gradient != NULL) {
      call->gradient[i] = (float)(2 * call->weight * difference / (double)count);
    }
  }
  *out_loss = sum / (double)count;
  return CNN_OK;
}

static cnn_status update(void *optimizer, const cnn_optimizer_call *call) {
  (void)optimizer;
  if (!KNOWS(call)) return CNN_INTERNAL;
  for (int64_t i = 0; i < call->count; i++) {
    call->states[0][i] = 0.5F * call->states[0][i] + call->gradients[i];
    call->parameters[i] -= (float)call->learning_rate * call->states[0][i];
  }
  return CNN_OK;
}

/* ---- The plugin -------------------------------------------------------------------------------- */

static const char *const state_names[] = {"momentum_buffer"};
static const cnn_attribute *attributes[1];
static const cnn_layer_type *layer_types[1];
static const cnn_loss_type *loss_types[1];
static const cnn_optimizer_type *optimizer_types[1];

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *the_host) {
  const cnn_parameter first = {.header = CNN_STRUCT(cnn_parameter),
                               .name = "weight",
                               .initializer = CNN_INIT_HE,
                               .decays = 1};
  const cnn_parameter second = {
      .header = CNN_STRUCT(cnn_parameter), .name = "calls", .shape = {1, {1}}};
  const cnn_matrix_product empty = {.header = CNN_STRUCT(cnn_matrix_product)};
  const cnn_attribute factor = {.header = CNN_STRUCT(cnn_attribute),
                                .name = "factor",
                                .kind = CNN_ATTRIBUTE_INTEGER,
                                .minimum = 1,
                                .maximum = 9,
                                .default_json = "2",
                                .summary = "Multiplies the output."};
  const cnn_layer_type layer = {.header = CNN_STRUCT(cnn_layer_type),
                                .id = "org.example.guarded",
                                .version = 1,
                                .attribute_count = 1,
                                .attributes = attributes,
                                .summary = "A linear layer.",
                                .create = create,
                                .destroy = destroy,
                                .workspace = workspace,
                                .forward = forward,
                                .backward = backward};
  const cnn_loss_type loss = {.header = CNN_STRUCT(cnn_loss_type),
                              .id = "org.example.guarded_loss",
                              .summary = "The mean squared error.",
                              .targets = CNN_TARGETS_VALUES,
                              .attribute_count = 1,
                              .attributes = attributes,
                              .create = loss_create,
                              .evaluate = evaluate};
  const cnn_optimizer_type optimizer = {.header = CNN_STRUCT(cnn_optimizer_type),
                                        .id = "org.example.guarded_optimizer",
                                        .summary = "Momentum.",
                                        .state_count = 1,
                                        .state_names = state_names,
                                        .default_learning_rate = 0.01,
                                        .update = update};
  const cnn_plugin plugin = {.header = CNN_STRUCT(cnn_plugin),
                             .id = "org.example.guarded",
                             .version = "1.0.0",
                             .summary = "Descriptions at the end of a page.",
                             .layer_type_count = 1,
                             .layer_types = layer_types,
                             .loss_type_count = 1,
                             .loss_types = loss_types,
                             .optimizer_type_count = 1,
                             .optimizer_types = optimizer_types};
  char line[80];
  host = the_host;
  snprintf(line, sizeof line, "interface %d.%d", host->header.abi_major, host->header.abi_minor);
  host->log(CNN_LOG_INFO, line);
  weight = AT_THE_END(first);
  calls = AT_THE_END(second);
  product = AT_THE_END(empty);
  attributes[0] = AT_THE_END(factor);
  layer_types[0] = AT_THE_END(layer);
  loss_types[0] = AT_THE_END(loss);
  optimizer_types[0] = AT_THE_END(optimizer);
  return AT_THE_END(plugin);
}
