/*
 * training.c - a plugin with a loss and an optimizer: the focal loss (Lin et al. 2017), which looks
 * away from what is classified well already, and Lion (Chen et al. 2023), which follows the sign of
 * a running mean of the gradients.
 *
 *     cc -std=c99 -O2 -fPIC -shared -I ../../include training.c -o training.so -lm
 *
 *     "loss": { "type": "org.example.focal", "gamma": 2 }
 *     "optimizer": { "type": "org.example.lion" }, "learning_rate": 0.0003
 */
#include <math.h>

#include "cnn_plugin.h"

/* ---- The focal loss, -(1 - p)^gamma log p: p is the probability of the right class -------- */

typedef struct focal {
  const cnn_host *host;
  double gamma;
} focal;

static cnn_status focal_create(const cnn_creation *creation, void *user, void **out_loss) {
  focal *loss = creation->host->allocate(sizeof *loss);
  (void)user;
  if (loss == NULL) return creation->host->fail(CNN_OUT_OF_MEMORY, "no memory for the loss");
  loss->host = creation->host;
  loss->gamma = creation->attributes[0]->number;
  *out_loss = loss;
  return CNN_OK;
}

static void focal_destroy(void *loss) {
  const cnn_host *host = ((focal *)loss)->host;
  host->release(loss);
}

static cnn_status focal_check(void *loss, const cnn_host *host, const cnn_shape *shape) {
  (void)loss;
  if (shape->rank > 0 && shape->sizes[shape->rank - 1] > 1) return CNN_OK;
  return host->fail(CNN_SHAPE_MISMATCH, "the focal loss needs scores of at least two classes");
}

/* The loss of one position; writes scale times its gradient unless that is NULL. */
static double focal_position(double gamma, int64_t classes, const float *scores, int64_t label,
                             double scale, float *gradient) {
  double largest = scores[0], sum = 0, rest = 0, probability, logarithm, focus, slope;
  for (int64_t i = 1; i < classes; i++) largest = scores[i] > largest ? scores[i] : largest;
  for (int64_t i = 0; i < classes; i++) {
    const double power = exp(scores[i] - largest);
    sum += power;
    if (i != label) rest += power;
  }
  probability = exp(scores[label] - largest) / sum;
  logarithm = scores[label] - largest - log(sum);
  rest /= sum; /* 1 - p without its rounding error where p is almost 1 */
  focus = pow(rest, gamma);
  if (gradient != NULL) {
    /* p times the derivative by p. In the limit of rest = 0 it is 0. */
    slope = rest > 0 ? gamma * probability * focus / rest * logarithm - focus : 0;
    for (int64_t i = 0; i < classes; i++) {
      const double own = i == label ? rest : -exp(scores[i] - largest) / sum;
      gradient[i] = (float)(scale * slope * own);
    }
  }
  return -focus * logarithm;
}

static cnn_status focal_evaluate(void *loss, const cnn_loss_call *call, double *out_loss) {
  const focal *self = loss;
  const int64_t classes = call->shape.sizes[call->shape.rank - 1];
  const int64_t positions = call->batch * (cnn_shape_count(&call->shape) / classes);
  double total = 0;
  for (int64_t i = 0; i < positions; i++) {
    total += focal_position(self->gamma, classes, call->output + i * classes, call->labels[i],
                            call->weight / (double)positions,
                            call->gradient == NULL ? NULL : call->gradient + i * classes);
  }
  *out_loss = total / (double)positions;
  return CNN_OK;
}

static const cnn_attribute gamma_attribute = {
    .header = CNN_STRUCT(cnn_attribute),
    .name = "gamma",
    .kind = CNN_ATTRIBUTE_NUMBER,
    .minimum = 0,
    .maximum = 10,
    .default_json = "2",
    .summary = "How little counts what is right already; 0 is the cross entropy."};
static const cnn_attribute *const focal_attributes[] = {&gamma_attribute};

static const cnn_loss_type focal_type = {
    .header = CNN_STRUCT(cnn_loss_type),
    .id = "org.example.focal",
    .summary = "-(1 - p)^gamma log p of the right class's probability p, from logits.",
    .targets = CNN_TARGETS_LABELS,
    .attribute_count = 1,
    .attributes = focal_attributes,
    .create = focal_create,
    .destroy = focal_destroy,
    .check = focal_check,
    .evaluate = focal_evaluate};
static const cnn_loss_type *const loss_types[] = {&focal_type};

/* ---- Lion ---------------------------------------------------------------------------------- */

typedef struct lion {
  const cnn_host *host;
  double beta1, beta2;
} lion;

static cnn_status lion_create(const cnn_creation *creation, void *user, void **out_optimizer) {
  lion *optimizer = creation->host->allocate(sizeof *optimizer);
  (void)user;
  if (optimizer == NULL) return creation->host->fail(CNN_OUT_OF_MEMORY, "no memory for Lion");
  optimizer->host = creation->host;
  optimizer->beta1 = creation->attributes[0]->number;
  optimizer->beta2 = creation->attributes[1]->number;
  *out_optimizer = optimizer;
  return CNN_OK;
}

static void lion_destroy(void *optimizer) {
  const cnn_host *host = ((lion *)optimizer)->host;
  host->release(optimizer);
}

/* Numbers do not depend on each other, so ranges of any size give the same results. */
static cnn_status lion_update(void *optimizer, const cnn_optimizer_call *call) {
  const lion *self = optimizer;
  const float beta1 = (float)self->beta1, beta2 = (float)self->beta2;
  const float scale = (float)call->gradient_scale;
  const float rate = (float)call->learning_rate;
  const float shrink = (float)(1 - call->learning_rate * call->weight_decay);
  float *average = call->states[0];
  for (int64_t i = 0; i < call->count; i++) {
    const float gradient = scale * call->gradients[i];
    const float direction = beta1 * average[i] + (1 - beta1) * gradient;
    const float sign = (float)((direction > 0) - (direction < 0));
    call->parameters[i] = shrink * call->parameters[i] - rate * sign;
    average[i] = beta2 * average[i] + (1 - beta2) * gradient;
  }
  return CNN_OK;
}

static const cnn_attribute beta1_attribute = {
    .header = CNN_STRUCT(cnn_attribute),
    .name = "beta1",
    .kind = CNN_ATTRIBUTE_NUMBER,
    .minimum = 0,
    .maximum = 1,
    .default_json = "0.9",
    .summary = "The share of the running mean in the direction of a step."};
static const cnn_attribute beta2_attribute = {
    .header = CNN_STRUCT(cnn_attribute),
    .name = "beta2",
    .kind = CNN_ATTRIBUTE_NUMBER,
    .minimum = 0,
    .maximum = 1,
    .default_json = "0.99",
    .summary = "How much of the running mean remains after a step."};
static const cnn_attribute *const lion_attributes[] = {&beta1_attribute, &beta2_attribute};
static const char *const lion_states[] = {"exp_avg"};

static const cnn_optimizer_type lion_type = {
    .header = CNN_STRUCT(cnn_optimizer_type),
    .id = "org.example.lion",
    .summary = "Steps of one size along the sign of a running mean; weight decay is decoupled.",
    .attribute_count = 2,
    .state_count = 1,
    .attributes = lion_attributes,
    .state_names = lion_states,
    .default_learning_rate = 1e-4,
    .create = lion_create,
    .destroy = lion_destroy,
    .update = lion_update};
static const cnn_optimizer_type *const optimizer_types[] = {&lion_type};

/* ---- The plugin ---------------------------------------------------------------------------- */

static const cnn_plugin plugin = {
    .header = CNN_STRUCT(cnn_plugin),
    .id = "org.example.training",
    .version = "1.0.0",
    .summary = "The focal loss and the optimizer Lion.",
    .loss_type_count = 1,
    .loss_types = loss_types,
    .optimizer_type_count = 1,
    .optimizer_types = optimizer_types};

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host) {
  (void)host;
  return &plugin;
}
