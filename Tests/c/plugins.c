/*
 * Layer types, losses and optimizers that the program registers itself: what their functions are
 * given, and that they work as the library's own do.
 */
#define _POSIX_C_SOURCE 200809L

#include "support/plugin_test.h"

#include <math.h>
#include <pthread.h>

static const cnn_host *host;

/* ---- Attributes -------------------------------------------------------------------------------- */

static const char *const words[] = {"left", "right"};
#define ATTRIBUTE(the_name, the_kind, the_default) \
  {.header = CNN_STRUCT(cnn_attribute), .name = the_name, .kind = the_kind, \
   .default_json = the_default, .summary = "An attribute."}
static const cnn_attribute every_kind[] = {
    {.header = CNN_STRUCT(cnn_attribute), .name = "count", .kind = CNN_ATTRIBUTE_INTEGER,
     .minimum = 2, .maximum = 9, .summary = "Required."},
    ATTRIBUTE("factor", CNN_ATTRIBUTE_NUMBER, "0.5"),
    ATTRIBUTE("flag", CNN_ATTRIBUTE_BOOLEAN, "true"),
    ATTRIBUTE("label", CNN_ATTRIBUTE_STRING, "\"none\""),
    {.header = CNN_STRUCT(cnn_attribute), .name = "side", .kind = CNN_ATTRIBUTE_CHOICE,
     .choice_count = 2, .choices = words, .default_json = "\"right\"", .summary = "A side."},
    ATTRIBUTE("kernel_size", CNN_ATTRIBUTE_PAIR, "3"),
    ATTRIBUTE("padding", CNN_ATTRIBUTE_PADDING, "\"same\""),
    ATTRIBUTE("axes", CNN_ATTRIBUTE_INTEGERS, "[2, 1, 0]"),
    ATTRIBUTE("limit", CNN_ATTRIBUTE_NUMBER, "null")};
enum { KINDS = sizeof every_kind / sizeof every_kind[0] };
static const cnn_attribute *every_kind_list[KINDS];

/* What create saw. */
static struct {
  int64_t count, flag, side, axes_count;
  double factor, limit;
  int32_t limit_is_null;
  char label[40], padding[40];
  int64_t kernel[2], pads[4], axes[8];
} seen;

static cnn_status look_at_attributes(const cnn_layer_builder *builder, void *user, void **out) {
  const cnn_attribute_value *const *values = builder->attributes;
  (void)out;
  EXPECT(user == &seen && builder->attribute_count == KINDS && builder->input_count == 1);
  EXPECT(builder->header.size >= sizeof *builder && CNN_HAS(builder, set));
  EXPECT(builder->inputs[0].rank == 3 && builder->inputs[0].sizes[2] == 4);
  for (int i = 0; i < KINDS; i++) {
    EXPECT(strcmp(values[i]->name, every_kind[i].name) == 0);
    EXPECT(values[i]->kind == every_kind[i].kind);
  }
  host = builder->host;
  seen.count = values[0]->integer;
  EXPECT(values[0]->number == (double)seen.count);
  seen.factor = values[1]->number;
  seen.flag = values[2]->integer;
  snprintf(seen.label, sizeof seen.label, "%s", values[3]->text);
  seen.side = values[4]->integer;
  EXPECT(strcmp(values[4]->text, words[seen.side]) == 0);
  EXPECT(values[5]->integer_count == 2 && values[6]->integer_count == 4);
  memcpy(seen.kernel, values[5]->integers, sizeof seen.kernel);
  memcpy(seen.pads, values[6]->integers, sizeof seen.pads);
  snprintf(seen.padding, sizeof seen.padding, "%s", values[6]->text ? values[6]->text : "NULL");
  seen.axes_count = values[7]->integer_count;
  if (seen.axes_count <= 8) {
    memcpy(seen.axes, values[7]->integers, (size_t)seen.axes_count * sizeof *seen.axes);
  }
  seen.limit_is_null = values[8]->is_null;
  seen.limit = values[8]->number;
  return builder->add_output(builder, NULL, &builder->inputs[0], 0);
}

static cnn_status copy_forward(void *layer, const cnn_forward_call *call) {
  EXPECT(layer == NULL);
  memcpy(call->outputs[0], call->inputs[0],
         (size_t)(call->batch * HEIGHT * WIDTH * 4) * sizeof(float));
  return CNN_OK;
}

static void test_attributes(void) {
  cnn_layer_type type = {.header = CNN_STRUCT(cnn_layer_type),
                         .id = "org.example.every_kind",
                         .version = 3,
                         .attribute_count = KINDS,
                         .attributes = every_kind_list,
                         .summary = "Looks at its attributes.",
                         .user = &seen,
                         .create = look_at_attributes,
                         .forward = copy_forward};
  cnn_model *model;
  char *json;
  float output[BATCH * CLASSES];
  for (int i = 0; i < KINDS; i++) every_kind_list[i] = &every_kind[i];
  OK(cnn_layer_register(&type));
  memset(&type, 0x55, sizeof type); /* nobody looks at it any more */

  OK(make("\"type\": \"org.example.every_kind\", \"count\": 7", &model));
  EXPECT(seen.count == 7 && seen.factor == 0.5 && seen.flag == 1 && seen.side == 1);
  EXPECT(strcmp(seen.label, "none") == 0 && strcmp(seen.padding, "same") == 0);
  EXPECT(seen.kernel[0] == 3 && seen.kernel[1] == 3 && seen.pads[0] == 0 && seen.pads[3] == 0);
  EXPECT(seen.axes_count == 3 && seen.axes[0] == 2 && seen.axes[2] == 0);
  EXPECT(seen.limit_is_null != 0);
  OK(predict(model, output));
  FAILS(CNN_UNSUPPORTED, "custom", train(model, NULL, 1)); /* it has no backward */
  cnn_model_free(model);

  OK(make("\"type\": \"org.example.every_kind\", \"count\": 2, \"factor\": -1e-3, \"flag\": false,"
          "\"label\": \"h\\u00e4\", \"side\": \"left\", \"kernel_size\": [1, 2],"
          "\"padding\": [[1, 2], [3, 4]], \"axes\": [], \"limit\": 8", &model));
  EXPECT(seen.count == 2 && seen.factor == -1e-3 && seen.flag == 0 && seen.side == 0);
  EXPECT(strcmp(seen.label, "h\xC3\xA4") == 0 && strcmp(seen.padding, "NULL") == 0);
  EXPECT(seen.kernel[0] == 1 && seen.kernel[1] == 2 && seen.axes_count == 0);
  EXPECT(seen.pads[0] == 1 && seen.pads[1] == 2 && seen.pads[2] == 3 && seen.pads[3] == 4);
  EXPECT(seen.limit_is_null == 0 && seen.limit == 8);
  cnn_model_free(model);

#define WITH(attributes) make("\"type\": \"org.example.every_kind\"" attributes, &model)
  FAILS(CNN_INVALID_ARGUMENT, "count", WITH(""));
  FAILS(CNN_INVALID_ARGUMENT, "count", WITH(", \"count\": 1"));
  FAILS(CNN_INVALID_ARGUMENT, "count", WITH(", \"count\": 2.5"));
  FAILS(CNN_INVALID_ARGUMENT, "factor", WITH(", \"count\": 2, \"factor\": \"big\""));
  FAILS(CNN_UNKNOWN_NAME, "side", WITH(", \"count\": 2, \"side\": \"up\""));
  FAILS(CNN_INVALID_ARGUMENT, "kernel_size", WITH(", \"count\": 2, \"kernel_size\": [1, 2, 3]"));
  FAILS(CNN_INVALID_ARGUMENT, "axes", WITH(", \"count\": 2, \"axes\": [0.5]"));
  FAILS(CNN_INVALID_ARGUMENT, "label", WITH(", \"count\": 2, \"label\": null"));
  /* As for the library's own types, the nearest name is suggested. */
  FAILS(CNN_UNKNOWN_NAME, "factor", WITH(", \"count\": 2, \"faktor\": 1"));
  FAILS(CNN_UNKNOWN_NAME, "org.example.every_kind", make("\"type\": \"org.example.every_kin\"", &model));

  OK(cnn_layer_types(&json));
  EXPECT(strstr(json, "org.example.every_kind") && strstr(json, "this program"));
  EXPECT(strstr(json, "Looks at its attributes."));
  cnn_free(json);
}

/* ---- Several inputs and outputs, parameters, states, cache, prepared numbers -------------------- */

/* first = scale * a * b, second = a + scale^2 * b, elementwise with one scale. */
typedef struct mixer {
  int64_t count;
  int live;
} mixer;
static mixer the_mixer;
static int frozen_seen, input_unwanted_seen, prepared_seen;

static cnn_status mixer_create(const cnn_layer_builder *builder, void *user, void **out_layer) {
  const cnn_parameter scale = {.header = CNN_STRUCT(cnn_parameter), .name = "scale",
                               .shape = {1, {1}}, .initializer = CNN_INIT_CONSTANT,
                               .initializer_value = 1.5};
  const cnn_parameter calls = {
      .header = CNN_STRUCT(cnn_parameter), .name = "calls", .shape = {1, {1}}};
  (void)user;
  if (cnn_shape_count(&builder->inputs[0]) != cnn_shape_count(&builder->inputs[1])) {
    return builder->host->fail(CNN_SHAPE_MISMATCH, "both inputs must have as many numbers");
  }
  OK(builder->add_output(builder, "product", &builder->inputs[0], 0));
  OK(builder->add_output(builder, "sum", &builder->inputs[0], 0));
  OK(builder->add_parameter(builder, &scale));
  OK(builder->add_state(builder, &calls));
  OK(builder->set(builder, CNN_LAYER_PREPARED_COUNT, 2));
  OK(builder->set(builder, CNN_LAYER_BACKWARD_READS, CNN_READS_INPUTS));
  FAILS(CNN_UNSUPPORTED, "", builder->set(builder, 4711, 1));
  the_mixer.count = cnn_shape_count(&builder->inputs[0]);
  the_mixer.live++;
  *out_layer = &the_mixer;
  return CNN_OK;
}

static void mixer_destroy(void *layer) { ((mixer *)layer)->live--; }

static cnn_status mixer_workspace(void *layer, const cnn_workspace_request *request,
                                  cnn_workspace *out_workspace) {
  EXPECT(layer == &the_mixer && request->batch >= 1 && request->concurrency >= 1);
  EXPECT(out_workspace->cache == 0 && out_workspace->forward_scratch == 0);
  if (request->training) out_workspace->cache = 1;
  return CNN_OK;
}

static cnn_status mixer_prepare(void *layer, const cnn_prepare_call *call) {
  EXPECT(layer == &the_mixer);
  __atomic_fetch_add(&prepared_seen, 1, __ATOMIC_RELAXED);
  call->prepared[0] = call->parameters[0][0];
  call->prepared[1] = call->parameters[0][0] * call->parameters[0][0];
  return CNN_OK;
}

static cnn_status mixer_forward(void *layer, const cnn_forward_call *call) {
  const int64_t count = call->batch * the_mixer.count;
  const float scale = call->parameters[0][0];
  EXPECT(layer == &the_mixer && call->concurrency >= 1);
  EXPECT((call->prepared == NULL) == (call->training != 0));
  EXPECT((call->cache != NULL) == (call->training != 0));
  if (call->prepared != NULL) EXPECT(call->prepared[1] == scale * scale);
  if (call->training) {
    call->states[0][0] += 1;
    call->cache[0] = scale;
  }
  for (int64_t i = 0; i < count; i++) {
    const float a = call->inputs[0][i], b = call->inputs[1][i];
    call->outputs[0][i] = scale * a * b;
    if (call->outputs[1] != NULL) call->outputs[1][i] = a + scale * scale * b;
  }
  return CNN_OK;
}

static cnn_status mixer_backward(void *layer, const cnn_backward_call *call) {
  const int64_t count = call->batch * the_mixer.count;
  const float scale = call->parameters[0][0];
  const float *first = call->output_gradients[0], *second = call->output_gradients[1];
  double sum = 0;
  EXPECT(layer == &the_mixer && call->cache[0] == scale && call->outputs[0] == NULL);
  for (int64_t i = 0; i < count; i++) {
    const float a = call->inputs[0][i], b = call->inputs[1][i];
    const float p = first == NULL ? 0 : first[i], s = second == NULL ? 0 : second[i];
    sum += p * a * b + 2 * s * scale * b;
    if (call->input_gradients[0] != NULL) call->input_gradients[0][i] = p * scale * b + s;
    if (call->input_gradients[1] != NULL) {
      call->input_gradients[1][i] = p * scale * a + s * scale * scale;
    }
  }
  if (call->input_gradients[0] == NULL) input_unwanted_seen = 1;
  if (call->parameter_gradients[0] == NULL) {
    frozen_seen = 1;
  } else {
    call->parameter_gradients[0][0] += (float)sum;
  }
  return CNN_OK;
}

static const char mixer_graph[] =
    "{\"inputs\": [{\"name\": \"image\", \"shape\": [5, 6, 2]}], \"layers\": ["
    "{\"name\": \"conv\", \"type\": \"conv2d\", \"out_channels\": 2, \"kernel_size\": 3,"
    " \"padding\": \"same\"},"
    "{\"name\": \"mix\", \"type\": \"org.example.mixer\", \"inputs\": [\"image\", \"conv\"]},"
    "{\"name\": \"join\", \"type\": \"add\", \"inputs\": [\"mix.product\", \"mix.sum\"]},"
    "{\"name\": \"flat\", \"type\": \"flatten\"},"
    "{\"name\": \"logits\", \"type\": \"linear\", \"out_features\": 3}]}";

static void test_inputs_outputs_and_memory(void) {
  const cnn_layer_type type = {.header = CNN_STRUCT(cnn_layer_type),
                               .id = "org.example.mixer",
                               .version = 1,
                               .minimum_inputs = 2,
                               .maximum_inputs = 2,
                               .summary = "Two mixtures of two inputs.",
                               .create = mixer_create,
                               .destroy = mixer_destroy,
                               .workspace = mixer_workspace,
                               .prepare = mixer_prepare,
                               .forward = mixer_forward,
                               .backward = mixer_backward};
  cnn_model *model, *again;
  float scale[1], calls[1], before[BATCH * CLASSES], after[BATCH * CLASSES];
  double error;
  char *json;
  void *bytes;
  int64_t size;
  OK(cnn_layer_register(&type));
  FAILS(CNN_SHAPE_MISMATCH, "org.example.mixer", make("\"type\": \"org.example.mixer\"", &model));
  OK(cnn_model_create(mixer_graph, NULL, &model));
  OK(cnn_model_get_parameter(model, "mix.scale", CNN_NCHW, 1, scale));
  EXPECT(scale[0] == 1.5F);
  OK(cnn_gradient_check(model, "{\"batch_size\": 3}", &error, &json));
  EXPECT(strstr(json, "mix.scale") != NULL && error < 2e-2);
  cnn_free(json);

  OK(train(model, "{\"frozen\": [\"mix.scale\"], \"freeze_statistics\": false}", 2));
  EXPECT(frozen_seen && input_unwanted_seen);
  OK(cnn_model_get_parameter(model, "mix.scale", CNN_NCHW, 1, scale));
  OK(cnn_model_get_parameter(model, "mix.calls", CNN_NCHW, 1, calls));
  EXPECT(scale[0] == 1.5F && calls[0] == 2);
  OK(train(model, NULL, 2));
  OK(cnn_model_get_parameter(model, "mix.scale", CNN_NCHW, 1, scale));
  OK(cnn_model_get_parameter(model, "mix.calls", CNN_NCHW, 1, calls));
  EXPECT(scale[0] != 1.5F && calls[0] == 4);

  OK(predict(model, before));
  EXPECT(prepared_seen > 0);
  OK(cnn_model_get_parameter(model, "mix.calls", CNN_NCHW, 1, calls));
  EXPECT(calls[0] == 4);
  OK(cnn_model_save_memory(model, &bytes, &size));
  OK(cnn_model_load_memory(bytes, size, &again));
  OK(predict(again, after));
  EXPECT(memcmp(before, after, sizeof before) == 0);
  cnn_free(bytes);
  cnn_model_free(model);
  cnn_model_free(again);
  EXPECT(the_mixer.live == 0);
}

/* ---- The host's services ----------------------------------------------------------------------- */

static void count_chunk(void *user, int64_t chunk, int64_t slot) {
  int64_t *counts = user;
  counts[chunk] += 1 + 1000 * slot;
}

static void nested_chunk(void *user, int64_t chunk, int64_t slot) {
  (void)slot;
  host->parallel_for(10, 1, count_chunk, (int64_t *)user + 10 * chunk);
}

static void test_services(void) {
  int64_t counts[100] = {0};
  const cnn_random_key key = {1, 2, 3, 0}, other = {1, 2, 3, 1};
  float numbers[64], parts[64], a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 2, -1, 1, 1}, c[4];
  const int64_t bytes = cnn_memory_in_use();
  cnn_matrix_product product = {.header = CNN_STRUCT(cnn_matrix_product), .m = 2, .n = 2, .k = 3,
                                .alpha = 1, .a = a, .a_stride = 3, .b = b, .b_stride = 2,
                                .c = c, .c_stride = 2};
  char *memory;
  EXPECT(CNN_HAS(host, extension) && strcmp(host->version, cnn_version()) == 0);

  OK(host->parallel_for(100, 4, count_chunk, counts));
  for (int i = 0; i < 100; i++) EXPECT(counts[i] % 1000 == 1 && counts[i] / 1000 < 4);
  memset(counts, 0, sizeof counts);
  OK(host->parallel_for(10, 4, nested_chunk, counts));
  for (int i = 0; i < 100; i++) EXPECT(counts[i] == 1);
  OK(host->parallel_for(0, 1, count_chunk, NULL));
  EXPECT(host->parallel_for(-1, 1, count_chunk, counts) == CNN_INVALID_ARGUMENT);
  EXPECT(host->parallel_for(1, -1, count_chunk, counts) == CNN_INVALID_ARGUMENT);
  EXPECT(host->parallel_for(1, 1, NULL, NULL) == CNN_INVALID_ARGUMENT);

  EXPECT(host->allocate(-1) == NULL && host->allocate(INT64_MAX) == NULL);
  memory = host->allocate(1000);
  EXPECT(memory != NULL && (uintptr_t)memory % 64 == 0 && memory[0] == 0 && memory[999] == 0);
  EXPECT(cnn_memory_in_use() >= bytes + 1000);
  OK(cnn_set_memory_limit(cnn_memory_in_use() + 4096));
  EXPECT(host->allocate(1 << 20) == NULL);
  OK(cnn_set_memory_limit(-1));
  host->release(memory);
  host->release(NULL);
  EXPECT(cnn_memory_in_use() == bytes);
  memory = host->allocate(0);
  host->release(memory);

  OK(host->random_uniform(&key, 0, 64, numbers));
  OK(host->random_uniform(&key, 0, 20, parts));
  OK(host->random_uniform(&key, 20, 44, parts + 20));
  EXPECT(memcmp(numbers, parts, sizeof numbers) == 0);
  for (int i = 0; i < 64; i++) EXPECT(numbers[i] >= 0 && numbers[i] < 1);
  OK(host->random_uniform(&other, 0, 64, parts));
  EXPECT(memcmp(numbers, parts, sizeof numbers) != 0);
  OK(host->random_normal(&key, 0, 64, numbers));
  OK(host->random_normal(&key, 7, 10, parts));
  EXPECT(memcmp(numbers + 7, parts, 10 * sizeof(float)) == 0);
  EXPECT(host->random_uniform(NULL, 0, 1, parts) == CNN_INVALID_ARGUMENT);
  EXPECT(host->random_uniform(&key, -1, 1, parts) == CNN_INVALID_ARGUMENT);
  EXPECT(host->random_normal(&key, 0, -1, parts) == CNN_INVALID_ARGUMENT);
  EXPECT(host->random_normal(&key, 0, 1, NULL) == CNN_INVALID_ARGUMENT);

  OK(host->sgemm(&product, 2));
  EXPECT(c[0] == 1 + 4 + 3 && c[1] == -2 + 3 && c[2] == 4 + 10 + 6 && c[3] == -5 + 6);
  product.alpha = 2;
  product.beta = 1;
  OK(host->sgemm(&product, 1));
  EXPECT(c[0] == 24 && c[3] == 3);
  EXPECT(host->sgemm(NULL, 1) == CNN_INVALID_ARGUMENT);
  product.m = -1;
  EXPECT(host->sgemm(&product, 1) == CNN_INVALID_ARGUMENT);
  product.m = 2;
  product.c_stride = 1;
  EXPECT(host->sgemm(&product, 1) == CNN_INVALID_ARGUMENT);
  product.c_stride = 2;
  product.a = NULL;
  EXPECT(host->sgemm(&product, 1) == CNN_INVALID_ARGUMENT);
  product.a = a;
  product.k = 0;
  product.beta = 0;
  OK(host->sgemm(&product, 1));
  EXPECT(c[0] == 0 && c[3] == 0);

  EXPECT(host->extension("org.example.nothing") == NULL && host->extension(NULL) == NULL);
  EXPECT(host->fail(CNN_BUSY, "a text") == CNN_BUSY && host->fail(CNN_BUSY, NULL) == CNN_BUSY);
  host->log(CNN_LOG_INFO, "a line");
  host->log(-7, NULL);
}

/* ---- Losses and optimizers --------------------------------------------------------------------- */

static cnn_status absolute_evaluate(void *loss, const cnn_loss_call *call, double *out_loss) {
  const int64_t count = call->batch * cnn_shape_count(&call->shape);
  double sum = 0;
  EXPECT(loss == NULL && call->labels == NULL && call->values != NULL && call->weight == 0.5);
  for (int64_t i = 0; i < count; i++) {
    const float difference = call->output[i] - call->values[i];
    sum += fabs(difference);
    if (call->gradient != NULL) {
      call->gradient[i] = (float)(call->weight * (difference > 0 ? 1 : -1) / (double)count);
    }
  }
  *out_loss = sum / (double)count;
  return CNN_OK;
}

static cnn_status signs_update(void *optimizer, const cnn_optimizer_call *call) {
  EXPECT(optimizer == NULL && call->step >= 1 && call->learning_rate == 0.25);
  for (int64_t i = 0; i < call->count; i++) {
    call->states[0][i] += 1;
    EXPECT(call->states[0][i] == (float)call->step);
    call->parameters[i] -= (float)call->learning_rate * (call->gradients[i] > 0 ? 1.0F : -1.0F);
  }
  return CNN_OK;
}

static void test_losses_and_optimizers(void) {
  static const char *const state_names[] = {"count"};
  const cnn_loss_type loss_type = {.header = CNN_STRUCT(cnn_loss_type),
                                   .id = "org.example.absolute",
                                   .summary = "The mean absolute difference.",
                                   .targets = CNN_TARGETS_VALUES,
                                   .evaluate = absolute_evaluate};
  const cnn_optimizer_type optimizer_type = {.header = CNN_STRUCT(cnn_optimizer_type),
                                             .id = "org.example.signs",
                                             .summary = "Steps of one size.",
                                             .state_count = 1,
                                             .state_names = state_names,
                                             .default_learning_rate = 0.25,
                                             .update = signs_update};
  const char options[] =
      "{\"loss\": {\"type\": \"org.example.absolute\", \"weight\": 0.5},"
      " \"optimizer\": \"org.example.signs\", \"batch_size\": 3}";
  const int64_t shape[] = {BATCH, 2}, target_shape[] = {BATCH, 1};
  const float x[] = {1, 2, 3, 4, 5, 6}, y[] = {10, 20, 30};
  cnn_model *model;
  cnn_training *training;
  float before[2], after[2];
  double first, second;
  char *json;
  OK(cnn_loss_register(&loss_type));
  OK(cnn_optimizer_register(&optimizer_type));
  FAILS(CNN_INVALID_ARGUMENT, "org.example.absolute", cnn_loss_register(&loss_type));
  FAILS(CNN_INVALID_ARGUMENT, "org.example.signs", cnn_optimizer_register(&optimizer_type));
  OK(cnn_model_create("{\"inputs\": [{\"name\": \"x\", \"shape\": [2]}], \"layers\": [{\"name\": "
                      "\"y\", \"type\": \"linear\", \"out_features\": 1}]}", NULL, &model));
  OK(cnn_model_get_parameter(model, "y.weight", CNN_NCHW, 2, before));
  OK(cnn_training_create(model, options, &training));
  OK(cnn_training_set_input(training, NULL, CNN_NHWC, shape, 2, x));
  OK(cnn_training_set_targets(training, NULL, CNN_NHWC, target_shape, 2, y));
  OK(cnn_training_step(training, &first));
  OK(cnn_model_get_parameter(model, "y.weight", CNN_NCHW, 2, after));
  EXPECT(after[0] == before[0] + 0.25F && after[1] == before[1] + 0.25F);
  OK(cnn_training_step(training, &second));
  EXPECT(second < first);
  cnn_training_free(training);
  FAILS(CNN_UNKNOWN_NAME, "org.example.absolute",
        cnn_training_create(model, "{\"loss\": \"org.example.absolut\"}", &training));
  FAILS(CNN_UNKNOWN_NAME, "org.example.signs",
        cnn_training_create(model, "{\"optimizer\": \"org.example.sign\"}", &training));
  cnn_model_free(model);
  OK(cnn_loss_types(&json));
  EXPECT(strstr(json, "org.example.absolute") && strstr(json, "softmax_cross_entropy"));
  cnn_free(json);
  OK(cnn_optimizer_types(&json));
  EXPECT(strstr(json, "org.example.signs") && strstr(json, "adamw"));
  cnn_free(json);
  OK(cnn_plugins(&json));
  EXPECT(strcmp(json, "[]") == 0);
  cnn_free(json);
}

/* ---- Threads ----------------------------------------------------------------------------------- */

typedef struct worker {
  const cnn_model *model;
  float expected[BATCH * CLASSES];
  int differences;
} worker;

static void *work(void *argument) {
  worker *self = argument;
  float output[BATCH * CLASSES];
  for (int i = 0; i < 50; i++) {
    if (predict(self->model, output) != CNN_OK ||
        memcmp(output, self->expected, sizeof output) != 0) {
      self->differences++;
    }
  }
  return NULL;
}

/** One model with a foreign layer, used by several threads at once. */
static void test_threads(void) {
  cnn_model *model;
  worker workers[4];
  pthread_t threads[4];
  OK(cnn_model_create(mixer_graph, NULL, &model));
  for (int i = 0; i < 4; i++) {
    workers[i].model = model;
    workers[i].differences = 0;
    OK(predict(model, workers[i].expected));
  }
  for (int i = 0; i < 4; i++) EXPECT(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < 4; i++) EXPECT(workers[i].differences == 0);
  cnn_model_free(model);
}

int main(void) {
  fill_input();
  test_attributes();
  test_services();
  test_inputs_outputs_and_memory();
  test_losses_and_optimizers();
  test_threads();
  printf("%d passed\n", checks);
  return 0;
}
