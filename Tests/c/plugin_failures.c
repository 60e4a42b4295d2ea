/*
 * Layer types that are described wrongly, declare nonsense, or fail: each time a status and a message
 * that says what is wrong, and everything else goes on as before.
 */
#define _POSIX_C_SOURCE 200809L

#include "support/plugin_test.h"

#include <math.h>

static cnn_model *bystander;
static float bystander_output[BATCH * CLASSES];

/** Another model works as it did. */
static void expect_calm(void) {
  float output[BATCH * CLASSES];
  OK(predict(bystander, output));
  EXPECT(memcmp(output, bystander_output, sizeof output) == 0);
}

/* ---- A layer that fails at the n-th call of a function ------------------------------------------ */

enum { CREATE, DECLARE, WORKSPACE, PREPARE, FORWARD, BACKWARD, FUNCTIONS };
static const char *const function_names[] = {"create",  "declare", "workspace",
                                             "prepare", "forward", "backward"};
static int calls[FUNCTIONS];
static int failing_function, failing_call, made, destroyed;
static cnn_status failing_status;

/** Counts a call; fails if it is the one that is to fail. */
static cnn_status visit(const cnn_host *host, int function) {
  char message[80];
  if (++calls[function] != failing_call || function != failing_function) return CNN_OK;
  if (failing_status == 12345) return 12345; /* no status, and not a word */
  snprintf(message, sizeof message, "%s does not like call %d", function_names[function],
           failing_call);
  return host->fail(failing_status, message);
}

static cnn_status create(const cnn_layer_builder *builder, void *user, void **out_layer) {
  const cnn_parameter weight = {.header = CNN_STRUCT(cnn_parameter), .name = "weight",
                                .shape = {1, {1}}, .initializer = CNN_INIT_CONSTANT,
                                .initializer_value = 2};
  cnn_status status = visit(builder->host, CREATE);
  (void)user;
  if (status != CNN_OK) return status;
  OK(builder->add_output(builder, NULL, &builder->inputs[0], 0));
  OK(builder->add_parameter(builder, &weight));
  OK(builder->set(builder, CNN_LAYER_PREPARED_COUNT, 1));
  status = visit(builder->host, DECLARE);
  if (status != CNN_OK) return status;
  made++;
  *out_layer = malloc(sizeof(int64_t));
  *(int64_t *)*out_layer = cnn_shape_count(&builder->inputs[0]);
  return CNN_OK;
}

static void destroy(void *layer) {
  destroyed++;
  free(layer);
}

static cnn_status workspace(void *layer, const cnn_workspace_request *request,
                            cnn_workspace *out_workspace) {
  (void)layer;
  out_workspace->forward_scratch = 10;
  return visit(request->host, WORKSPACE);
}

static cnn_status prepare(void *layer, const cnn_prepare_call *call) {
  (void)layer;
  call->prepared[0] = call->parameters[0][0];
  return visit(call->host, PREPARE);
}

static cnn_status forward(void *layer, const cnn_forward_call *call) {
  const int64_t count = call->batch * *(int64_t *)layer;
  for (int64_t i = 0; i < count; i++) {
    call->outputs[0][i] = call->parameters[0][0] * call->inputs[0][i];
  }
  return visit(call->host, FORWARD);
}

static cnn_status backward(void *layer, const cnn_backward_call *call) {
  const int64_t count = call->batch * *(int64_t *)layer;
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += call->output_gradients[0][i] * call->inputs[0][i];
    if (call->input_gradients[0] != NULL) {
      call->input_gradients[0][i] = call->parameters[0][0] * call->output_gradients[0][i];
    }
  }
  if (call->parameter_gradients[0] != NULL) call->parameter_gradients[0][0] += (float)sum;
  return visit(call->host, BACKWARD);
}

static const cnn_layer_type stubborn = {.header = CNN_STRUCT(cnn_layer_type),
                                        .id = "org.example.stubborn",
                                        .version = 1,
                                        .summary = "Fails when told to.",
                                        .create = create,
                                        .destroy = destroy,
                                        .workspace = workspace,
                                        .prepare = prepare,
                                        .forward = forward,
                                        .backward = backward};

/** All that one does with a model, until something fails. */
static cnn_status scenario(void) {
  cnn_model *model = NULL, *again = NULL;
  float output[BATCH * CLASSES];
  void *bytes = NULL;
  int64_t size;
  double error;
  cnn_status status = make("\"type\": \"org.example.stubborn\"", &model);
  EXPECT((status == CNN_OK) == (model != NULL));
  if (status == CNN_OK) status = predict(model, output);
  if (status == CNN_OK) status = train(model, "{\"batch_size\": 3}", 2);
  if (status == CNN_OK) status = cnn_gradient_check(model, "{\"samples\": 2}", &error, NULL);
  if (status == CNN_OK) status = cnn_model_save_memory(model, &bytes, &size);
  if (status == CNN_OK) status = cnn_model_load_memory(bytes, size, &again);
  if (status == CNN_OK) status = predict(again, output);
  cnn_free(bytes);
  cnn_model_free(again);
  cnn_model_free(model);
  return status;
}

static void test_failing_calls(void) {
  static const cnn_status statuses[] = {CNN_CANCELLED, CNN_SHAPE_MISMATCH, 12345};
  int64_t memory;
  OK(cnn_layer_register(&stubborn));
  OK(scenario());
  memory = cnn_memory_in_use();
  for (failing_function = 0; failing_function < FUNCTIONS; failing_function++) {
    for (failing_call = 1; failing_call <= 200; failing_call++) {
      cnn_status status;
      char text[80];
      failing_status = statuses[failing_call % 3];
      memset(calls, 0, sizeof calls);
      status = scenario();
      expect_calm();
      EXPECT(made == destroyed && cnn_memory_in_use() <= memory);
      if (calls[failing_function] < failing_call) {
        EXPECT(status == CNN_OK);
        break;
      }
      snprintf(text, sizeof text, "%s does not like call %d", function_names[failing_function],
               failing_call);
      EXPECT(status == (failing_status == 12345 ? CNN_LAYER_FAILED : failing_status));
      EXPECT(strstr(cnn_last_error_message(), "custom") != NULL);
      EXPECT(failing_status == 12345 || strstr(cnn_last_error_message(), text) != NULL);
      EXPECT(strstr(cnn_last_error_message(), "org.example.stubborn") != NULL);
    }
    EXPECT(failing_call > 1 && failing_call <= 200);
  }
  failing_function = -1;
}

/* ---- A layer that declares nonsense ------------------------------------------------------------ */

static int nonsense;

/** Which nonsense there is, and what the message has to mention. */
static const char *const mentions[] = {
    "output",  /* 0: no output */
    "axes",    /* 1: negative rank */
    "axes",    /* 2: too many axes */
    "size",    /* 3: a size of 0 */
    "size",    /* 4: a negative size */
    "",        /* 5: sizes whose product overflows */
    "NULL",    /* 6: no shape */
    "\"same\"", /* 7: two outputs of the same name */
    "UTF-8",   /* 8: an output's name that is no text */
    "name",    /* 9: a parameter without name */
    "\"weight\"", /* 10: two parameters of the same name */
    "",        /* 11: a parameter whose size overflows */
    "initiali", /* 12: an initialiser that there is not */
    "initiali", /* 13: a standard deviation that is not a number */
    "fan",     /* 14: a negative fan-in */
    "axes",    /* 15: axes that are no permutation */
    "axes",    /* 16: axes far outside */
    "NULL",    /* 17: no parameter at all */
    "size",    /* 18: a parameter struct of 4 bytes */
    "version", /* 19: a parameter of another major version */
    "",        /* 20: prepares a negative amount */
    "",        /* 21: the gradient reads what there is not */
    "",        /* 22: an input that there is not is not differentiable */
    "",        /* 23: a function that there is not */
    "",        /* 24: prepares more than there is */
    "in place", /* 25: in place with another shape */
    "",        /* 26: an operation count below 0 */
    "elements", /* 27: an output with a size beyond everything */
};
enum { NONSENSE = sizeof mentions / sizeof mentions[0] };

static cnn_status declare_output(const cnn_layer_builder *builder) {
  cnn_shape shape = builder->inputs[0];
  const char not_utf8[] = {(char)0xC3, (char)0x28, 0};
  const char *name = NULL;
  if (nonsense == 0) return CNN_OK;
  if (nonsense == 1) shape.rank = -1;
  if (nonsense == 2) shape.rank = CNN_SHAPE_MAX_RANK + 1;
  if (nonsense == 3) shape.sizes[1] = 0;
  if (nonsense == 4) shape.sizes[0] = INT64_MIN;
  if (nonsense == 5) shape.sizes[0] = shape.sizes[1] = (int64_t)1 << 40;
  if (nonsense == 8) name = not_utf8;
  if (nonsense == 25) shape.sizes[0] += 1;
  if (nonsense == 27) shape.sizes[2] = INT64_MAX;
  if (nonsense == 7) builder->add_output(builder, "same", &shape, 0);
  if (nonsense == 7) name = "same";
  /* The host remembers what was wrong, whatever create returns. */
  return builder->add_output(builder, name, nonsense == 6 ? NULL : &shape, 0);
}

static cnn_status declare_parameter(const cnn_layer_builder *builder) {
  static const int32_t twice[] = {0, 0}, outside[] = {0, 1 << 30};
  cnn_parameter weight = {.header = CNN_STRUCT(cnn_parameter), .name = "weight",
                          .shape = {2, {4, 4}}};
  if (nonsense == 9) weight.name = NULL;
  if (nonsense == 10) builder->add_parameter(builder, &weight);
  if (nonsense == 11) weight.shape.sizes[0] = weight.shape.sizes[1] = (int64_t)1 << 40;
  if (nonsense == 12) weight.initializer = 77;
  if (nonsense == 13) {
    weight.initializer = CNN_INIT_NORMAL;
    weight.initializer_value = NAN;
  }
  if (nonsense == 14) {
    weight.initializer = CNN_INIT_HE;
    weight.fan_in = -3;
  }
  if (nonsense == 15) weight.file_axes = twice;
  if (nonsense == 16) weight.file_axes = outside;
  if (nonsense == 18) weight.header.size = 4;
  if (nonsense == 19) weight.header.abi_major += 1;
  return builder->add_parameter(builder, nonsense == 17 ? NULL : &weight);
}

static cnn_status declare_properties(const cnn_layer_builder *builder) {
  switch (nonsense) {
    case 20: return builder->set(builder, CNN_LAYER_PREPARED_COUNT, -1);
    case 21: return builder->set(builder, CNN_LAYER_BACKWARD_READS, 4);
    case 22: return builder->set(builder, CNN_LAYER_INPUT_NOT_DIFFERENTIABLE, 1);
    case 23: return builder->set(builder, CNN_LAYER_FUNCTION, 99);
    case 24: return builder->set(builder, CNN_LAYER_PREPARED_COUNT, INT64_MAX);
    case 25: return builder->set(builder, CNN_LAYER_IN_PLACE, 1);
    case 26: return builder->set(builder, CNN_LAYER_OPERATION_COUNT, -1);
    default: return CNN_OK;
  }
}

static cnn_status create_nonsense(const cnn_layer_builder *builder, void *user, void **out_layer) {
  cnn_status status = declare_output(builder);
  (void)out_layer;
  if (status == CNN_OK) status = declare_parameter(builder);
  if (status == CNN_OK) status = declare_properties(builder);
  /* Half of the authors forget to look. */
  return user == NULL ? status : CNN_OK;
}

static cnn_status forward_nothing(void *layer, const cnn_forward_call *call) {
  (void)layer;
  (void)call;
  return CNN_OK;
}

static void test_nonsense(void) {
  static const char *const layers[] = {"\"type\": \"org.example.nonsense\"",
                                       "\"type\": \"org.example.careless\""};
  cnn_layer_type type = {.header = CNN_STRUCT(cnn_layer_type),
                         .id = "org.example.nonsense",
                         .version = 1,
                         .summary = "Declares nonsense.",
                         .create = create_nonsense,
                         .forward = forward_nothing};
  cnn_model *model;
  OK(cnn_layer_register(&type));
  type.id = "org.example.careless";
  type.user = &nonsense;
  OK(cnn_layer_register(&type));
  for (nonsense = 0; nonsense < NONSENSE; nonsense++) {
    for (int careless = 0; careless < 2; careless++) {
      float output[BATCH * CLASSES];
      cnn_status status = make(layers[careless], &model);
      const char *message = cnn_last_error_message();
      if (status == CNN_OK) {
        /* What cannot be seen when the model is made is seen when it runs. */
        status = predict(model, output);
        cnn_model_free(model);
      }
      if (status == CNN_OK || status == CNN_INTERNAL || strstr(message, "custom") == NULL ||
          strstr(message, mentions[nonsense]) == NULL) {
        printf("nonsense %d (%s): expected an error with \"%s\", got %s: %s\n", nonsense,
               careless ? "careless" : "careful", mentions[nonsense], cnn_status_name(status),
               message);
        exit(1);
      }
      checks++;
      expect_calm();
    }
  }
}

/* ---- Workspaces -------------------------------------------------------------------------------- */

static int64_t demand[3];

static cnn_status create_plain(const cnn_layer_builder *builder, void *user, void **out_layer) {
  (void)user;
  (void)out_layer;
  return builder->add_output(builder, NULL, &builder->inputs[0], 0);
}

static cnn_status workspace_demand(void *layer, const cnn_workspace_request *request,
                                   cnn_workspace *out_workspace) {
  (void)layer;
  (void)request;
  out_workspace->forward_scratch = demand[0];
  out_workspace->cache = demand[1];
  out_workspace->backward_scratch = demand[2];
  return CNN_OK;
}

static cnn_status forward_copy(void *layer, const cnn_forward_call *call) {
  (void)layer;
  memcpy(call->outputs[0], call->inputs[0],
         (size_t)(call->batch * HEIGHT * WIDTH * 4) * sizeof(float));
  return CNN_OK;
}

static cnn_status backward_copy(void *layer, const cnn_backward_call *call) {
  (void)layer;
  memcpy(call->input_gradients[0], call->output_gradients[0],
         (size_t)(call->batch * HEIGHT * WIDTH * 4) * sizeof(float));
  return CNN_OK;
}

static void test_workspaces(void) {
  static const int64_t amounts[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX / 4, (int64_t)1 << 45};
  const cnn_layer_type type = {.header = CNN_STRUCT(cnn_layer_type),
                               .id = "org.example.demanding",
                               .version = 1,
                               .summary = "Wants much memory.",
                               .create = create_plain,
                               .workspace = workspace_demand,
                               .forward = forward_copy,
                               .backward = backward_copy};
  cnn_model *model;
  float output[BATCH * CLASSES];
  OK(cnn_layer_register(&type));
  for (int which = 0; which < 3; which++) {
    for (int i = 0; i < 5; i++) {
      cnn_status status;
      memset(demand, 0, sizeof demand);
      OK(make("\"type\": \"org.example.demanding\"", &model));
      OK(predict(model, output));
      cnn_model_free(model);
      demand[which] = amounts[i];
      status = make("\"type\": \"org.example.demanding\"", &model);
      if (status == CNN_OK) status = which == 0 ? predict(model, output) : train(model, NULL, 1);
      cnn_model_free(model);
      EXPECT(status != CNN_OK && status != CNN_INTERNAL);
      EXPECT(amounts[i] >= 0 || strstr(cnn_last_error_message(), "custom") != NULL);
      expect_calm();
    }
  }
}

/* ---- Types that are described wrongly: the same as in plugins, see Tests/plugins/faults/refused.c */

static void test_registering(void) {
  cnn_layer_type type = {.header = CNN_STRUCT(cnn_layer_type),
                         .id = "org.example.wrong",
                         .version = 1,
                         .summary = "Is described wrongly.",
                         .create = create_plain,
                         .forward = forward_copy};
  const cnn_layer_type good = type;
  cnn_model *model;
  float output[BATCH * CLASSES];
  EXPECT(cnn_layer_register(NULL) == CNN_INVALID_ARGUMENT);
  EXPECT(cnn_loss_register(NULL) == CNN_INVALID_ARGUMENT);
  EXPECT(cnn_optimizer_register(NULL) == CNN_INVALID_ARGUMENT);
  type.header.abi_major = 0;
  FAILS(CNN_UNSUPPORTED, "version", cnn_layer_register(&type));
  type.header.abi_major = 65535;
  FAILS(CNN_UNSUPPORTED, "version", cnn_layer_register(&type));
#define WRONG(text, ...)                                          \
  do {                                                            \
    type = good;                                                  \
    __VA_ARGS__;                                                  \
    FAILS(CNN_INVALID_ARGUMENT, text, cnn_layer_register(&type)); \
  } while (0)
  WRONG("size", type.header.size = 0);
  WRONG("size", type.header.size = 8);
  WRONG("id", type.id = NULL);
  WRONG("reversed domain", type.id = "");
  WRONG("org.exa/mple", type.id = "org.exa/mple");
  WRONG("create", type.create = NULL);
  WRONG("forward", type.forward = NULL);
  WRONG("version", type.version = -1);
  WRONG("inputs", type.maximum_inputs = -1);
  WRONG("attribute", type.attribute_count = -1);
  WRONG("attribute", type.attribute_count = 1);
  WRONG("relu", type.id = "relu");
  /* None of this took the name. */
  OK(cnn_layer_register(&good));
  FAILS(CNN_INVALID_ARGUMENT, "org.example.wrong", cnn_layer_register(&good));
  OK(make("\"type\": \"org.example.wrong\"", &model));
  OK(predict(model, output));
  cnn_model_free(model);
  expect_calm();
}

int main(void) {
  fill_input();
  OK(make("\"type\": \"relu\"", &bystander));
  OK(predict(bystander, bystander_output));
  test_registering();
  test_failing_calls();
  test_nonsense();
  test_workspaces();
  cnn_model_free(bystander);
  printf("%d passed\n", checks);
  return 0;
}
