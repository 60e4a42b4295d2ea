/*
 * refused.c - plugins that must not be loaded, each for another reason.
 *
 *     cc -std=c99 -fPIC -shared -I include -DREASON=NULL_FORWARD refused.c -o refused.so
 *
 * Without -DREASON, or with REASON=NONE, the plugin is fine: two layer types, a loss and an optimizer
 * which do next to nothing. The library must say no with a status and a message, register nothing of
 * the plugin, and work as before.
 */
#include "cnn_plugin.h"

#ifndef REASON
#define REASON NONE
#endif
#ifndef PREFIX
/* What the names of types begin with, so that several copies can be loaded. */
#define PREFIX "org.example.refused"
#endif
#define IS(reason) (REASON == (reason))

/* Programs read this list: one reason a line, `NAME, / * status | part of the message * /`. */
enum {
  NONE,                /* CNN_OK | */
  NO_PLUGIN,           /* CNN_UNSUPPORTED | refused */
  SAYS_WHY,            /* CNN_UNSUPPORTED | only on Tuesdays */
  PLUGIN_MAJOR,        /* CNN_UNSUPPORTED | version */
  PLUGIN_TOO_SHORT,    /* CNN_INVALID_ARGUMENT | size */
  PLUGIN_SIZE_ZERO,    /* CNN_INVALID_ARGUMENT | size */
  PLUGIN_NO_ID,        /* CNN_INVALID_ARGUMENT | id */
  PLUGIN_BAD_ID,       /* CNN_INVALID_ARGUMENT | id */
  PLUGIN_ID_NOT_UTF8,  /* CNN_INVALID_ARGUMENT | id */
  PLUGIN_SUMMARY_NOT_UTF8, /* CNN_INVALID_ARGUMENT | summary */
  PLUGIN_VERSION_NOT_UTF8, /* CNN_INVALID_ARGUMENT | version */
  NEGATIVE_TYPES,      /* CNN_INVALID_ARGUMENT | -1 */
  HUGE_TYPES,          /* CNN_INVALID_ARGUMENT | 4611686018427387904 */
  NULL_TYPES,          /* CNN_INVALID_ARGUMENT | NULL */
  NULL_TYPE,           /* CNN_INVALID_ARGUMENT | NULL */
  TYPE_MAJOR,          /* CNN_UNSUPPORTED | layer_types[1] */
  TYPE_TOO_SHORT,      /* CNN_INVALID_ARGUMENT | size */
  TYPE_NO_ID,          /* CNN_INVALID_ARGUMENT | id */
  TYPE_NO_DOMAIN,      /* CNN_INVALID_ARGUMENT | reversed domain */
  TYPE_BAD_ID,         /* CNN_INVALID_ARGUMENT | letters */
  TYPE_LONG_ID,        /* CNN_INVALID_ARGUMENT | letters */
  TYPE_VERSION_ZERO,   /* CNN_INVALID_ARGUMENT | version */
  TYPE_SUMMARY_NOT_UTF8, /* CNN_INVALID_ARGUMENT | UTF-8 */
  TYPE_TWICE,          /* CNN_INVALID_ARGUMENT | first */
  TYPE_BUILT_IN,       /* CNN_INVALID_ARGUMENT | conv2d */
  NULL_CREATE,         /* CNN_INVALID_ARGUMENT | create */
  NULL_FORWARD,        /* CNN_INVALID_ARGUMENT | forward */
  NEGATIVE_INPUTS,     /* CNN_INVALID_ARGUMENT | inputs */
  INPUTS_TURNED_ROUND, /* CNN_INVALID_ARGUMENT | inputs */
  NEGATIVE_ATTRIBUTES, /* CNN_INVALID_ARGUMENT | attribute */
  HUGE_ATTRIBUTES,     /* CNN_INVALID_ARGUMENT | attribute */
  NULL_ATTRIBUTES,     /* CNN_INVALID_ARGUMENT | attribute */
  NULL_ATTRIBUTE,      /* CNN_INVALID_ARGUMENT | attribute */
  ATTRIBUTE_TOO_SHORT, /* CNN_INVALID_ARGUMENT | attribute */
  ATTRIBUTE_MAJOR,     /* CNN_UNSUPPORTED | attribute */
  ATTRIBUTE_NO_NAME,   /* CNN_INVALID_ARGUMENT | name */
  ATTRIBUTE_TAKEN_NAME, /* CNN_INVALID_ARGUMENT | inputs */
  ATTRIBUTE_TWICE,     /* CNN_INVALID_ARGUMENT | size */
  ATTRIBUTE_NO_KIND,   /* CNN_INVALID_ARGUMENT | kind */
  ATTRIBUTE_LIMITS,    /* CNN_INVALID_ARGUMENT | limits */
  ATTRIBUTE_NAN,       /* CNN_INVALID_ARGUMENT | limits */
  ATTRIBUTE_CHOICES,   /* CNN_INVALID_ARGUMENT | choice */
  ATTRIBUTE_NULL_CHOICE, /* CNN_INVALID_ARGUMENT | choice */
  DEFAULT_NOT_JSON,    /* CNN_INVALID_ARGUMENT | default */
  DEFAULT_OUT_OF_RANGE, /* CNN_INVALID_ARGUMENT | default */
  DEFAULT_OF_OTHER_KIND, /* CNN_INVALID_ARGUMENT | default */
  LOSS_NO_EVALUATE,    /* CNN_INVALID_ARGUMENT | evaluate */
  LOSS_NO_TARGETS,     /* CNN_INVALID_ARGUMENT | targets */
  LOSS_BUILT_IN,       /* CNN_INVALID_ARGUMENT | mean_squared_error */
  OPTIMIZER_NO_UPDATE, /* CNN_INVALID_ARGUMENT | update */
  OPTIMIZER_NEGATIVE_STATES, /* CNN_INVALID_ARGUMENT | state */
  OPTIMIZER_NULL_STATE, /* CNN_INVALID_ARGUMENT | state */
  OPTIMIZER_RATE,      /* CNN_INVALID_ARGUMENT | rate */
  OPTIMIZER_BUILT_IN   /* CNN_INVALID_ARGUMENT | adam */
};

/* ---- Functions that do next to nothing --------------------------------------------------------- */

static cnn_status create(const cnn_layer_builder *builder, void *user, void **out_layer) {
  (void)user;
  (void)out_layer;
  return builder->add_output(builder, NULL, &builder->inputs[0], 0);
}

static cnn_status forward(void *layer, const cnn_forward_call *call) {
  (void)layer;
  return call->host->fail(CNN_UNSUPPORTED, "this layer is only there to be loaded");
}

static cnn_status evaluate(void *loss, const cnn_loss_call *call, double *out_loss) {
  (void)loss;
  (void)call;
  *out_loss = 0;
  return CNN_OK;
}

static cnn_status update(void *optimizer, const cnn_optimizer_call *call) {
  (void)optimizer;
  (void)call;
  return CNN_OK;
}

/* ---- Descriptions, filled by the entry --------------------------------------------------------- */

static const char not_utf8[] = {'o', 'r', 'g', '.', (char)0xC3, (char)0x28, 0};
static char long_id[200];
static const char *choices[] = {"one", "two"};
static cnn_attribute size = {.header = CNN_STRUCT(cnn_attribute),
                             .name = "size",
                             .kind = CNN_ATTRIBUTE_INTEGER,
                             .minimum = 1,
                             .maximum = 9,
                             .default_json = "3",
                             .summary = "A number."};
static const cnn_attribute *attributes[] = {&size, &size};

static cnn_layer_type first = {.header = CNN_STRUCT(cnn_layer_type),
                               .id = PREFIX ".first",
                               .version = 1,
                               .summary = "A layer type without any fault.",
                               .create = create,
                               .forward = forward};
static cnn_layer_type second = {.header = CNN_STRUCT(cnn_layer_type),
                                .id = PREFIX ".second",
                                .version = 1,
                                .attribute_count = 1,
                                .attributes = attributes,
                                .summary = "The layer type that has faults.",
                                .create = create,
                                .forward = forward};
static const cnn_layer_type *types[] = {&first, &second};

static cnn_loss_type loss = {.header = CNN_STRUCT(cnn_loss_type),
                             .id = PREFIX ".loss",
                             .summary = "A loss that is always 0.",
                             .targets = CNN_TARGETS_VALUES,
                             .evaluate = evaluate};
static const cnn_loss_type *losses[] = {&loss};

static const char *state_names[] = {"exp_avg"};
static cnn_optimizer_type optimizer = {.header = CNN_STRUCT(cnn_optimizer_type),
                                       .id = PREFIX ".optimizer",
                                       .summary = "An optimizer that changes nothing.",
                                       .state_count = 1,
                                       .state_names = state_names,
                                       .update = update};
static const cnn_optimizer_type *optimizers[] = {&optimizer};

static cnn_plugin plugin = {.header = CNN_STRUCT(cnn_plugin),
                            .id = PREFIX,
                            .version = "1.0.0",
                            .summary = "Types that are fine, or not.",
                            .layer_type_count = 2,
                            .layer_types = types,
                            .loss_type_count = 1,
                            .loss_types = losses,
                            .optimizer_type_count = 1,
                            .optimizer_types = optimizers};

static void spoil_plugin(void) {
  if (IS(PLUGIN_MAJOR)) plugin.header.abi_major += 1;
  if (IS(PLUGIN_TOO_SHORT)) plugin.header.size = 16;
  if (IS(PLUGIN_SIZE_ZERO)) plugin.header.size = 0;
  if (IS(PLUGIN_NO_ID)) plugin.id = NULL;
  if (IS(PLUGIN_BAD_ID)) plugin.id = "../not a name";
  if (IS(PLUGIN_ID_NOT_UTF8)) plugin.id = not_utf8;
  if (IS(PLUGIN_SUMMARY_NOT_UTF8)) plugin.summary = not_utf8;
  if (IS(PLUGIN_VERSION_NOT_UTF8)) plugin.version = not_utf8;
  if (IS(NEGATIVE_TYPES)) plugin.layer_type_count = -1;
  if (IS(HUGE_TYPES)) plugin.layer_type_count = (int64_t)1 << 62;
  if (IS(NULL_TYPES)) plugin.layer_types = NULL;
  if (IS(NULL_TYPE)) types[1] = NULL;
}

static void spoil_type(void) {
  if (IS(TYPE_MAJOR)) second.header.abi_major += 1;
  if (IS(TYPE_TOO_SHORT)) second.header.size = 24;
  if (IS(TYPE_NO_ID)) second.id = NULL;
  if (IS(TYPE_NO_DOMAIN)) second.id = "second";
  if (IS(TYPE_BAD_ID)) second.id = "org.example.a name";
  if (IS(TYPE_LONG_ID)) {
    for (size_t i = 0; i + 1 < sizeof long_id; i++) long_id[i] = i % 9 == 3 ? '.' : 'a';
    second.id = long_id;
  }
  if (IS(TYPE_VERSION_ZERO)) second.version = 0;
  if (IS(TYPE_SUMMARY_NOT_UTF8)) second.summary = not_utf8;
  if (IS(TYPE_TWICE)) second.id = first.id;
  if (IS(TYPE_BUILT_IN)) second.id = "conv2d";
  if (IS(NULL_CREATE)) second.create = NULL;
  if (IS(NULL_FORWARD)) second.forward = NULL;
  if (IS(NEGATIVE_INPUTS)) second.minimum_inputs = -1;
  if (IS(INPUTS_TURNED_ROUND)) {
    second.minimum_inputs = 3;
    second.maximum_inputs = 2;
  }
}

static void spoil_attributes(void) {
  if (IS(NEGATIVE_ATTRIBUTES)) second.attribute_count = -5;
  if (IS(HUGE_ATTRIBUTES)) second.attribute_count = INT32_MAX;
  if (IS(NULL_ATTRIBUTES)) second.attributes = NULL;
  if (IS(NULL_ATTRIBUTE)) attributes[0] = NULL;
  if (IS(ATTRIBUTE_TOO_SHORT)) size.header.size = 12;
  if (IS(ATTRIBUTE_MAJOR)) size.header.abi_major += 1;
  if (IS(ATTRIBUTE_NO_NAME)) size.name = NULL;
  if (IS(ATTRIBUTE_TAKEN_NAME)) size.name = "inputs";
  if (IS(ATTRIBUTE_TWICE)) second.attribute_count = 2;
  if (IS(ATTRIBUTE_NO_KIND)) size.kind = 99;
  if (IS(ATTRIBUTE_LIMITS)) size.minimum = 10;
  if (IS(ATTRIBUTE_NAN)) size.minimum = size.maximum * 1e308 * 1e308 * 0;
  if (IS(ATTRIBUTE_CHOICES) || IS(ATTRIBUTE_NULL_CHOICE)) {
    size.kind = CNN_ATTRIBUTE_CHOICE;
    size.default_json = "\"one\"";
    size.choice_count = IS(ATTRIBUTE_CHOICES) ? -1 : 2;
    size.choices = choices;
    choices[1] = NULL;
  }
  if (IS(DEFAULT_NOT_JSON)) size.default_json = "[3";
  if (IS(DEFAULT_OUT_OF_RANGE)) size.default_json = "10";
  if (IS(DEFAULT_OF_OTHER_KIND)) size.default_json = "\"three\"";
}

static void spoil_training(void) {
  if (IS(LOSS_NO_EVALUATE)) loss.evaluate = NULL;
  if (IS(LOSS_NO_TARGETS)) loss.targets = 0;
  if (IS(LOSS_BUILT_IN)) loss.id = "mean_squared_error";
  if (IS(OPTIMIZER_NO_UPDATE)) optimizer.update = NULL;
  if (IS(OPTIMIZER_NEGATIVE_STATES)) optimizer.state_count = -1;
  if (IS(OPTIMIZER_NULL_STATE)) state_names[0] = NULL;
  if (IS(OPTIMIZER_RATE)) optimizer.default_learning_rate = -1;
  if (IS(OPTIMIZER_BUILT_IN)) optimizer.id = "adam";
}

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host) {
  if (IS(NO_PLUGIN)) return NULL;
  if (IS(SAYS_WHY)) {
    host->fail(CNN_UNSUPPORTED, "this plugin works only on Tuesdays");
    return NULL;
  }
  spoil_plugin();
  spoil_type();
  spoil_attributes();
  spoil_training();
  return &plugin;
}
