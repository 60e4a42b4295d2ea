/*
 * training_faults.c - a plugin with a loss and an optimizer, one of which does one thing wrong; see
 * faults.c.
 *
 *     cc -std=c99 -fPIC -shared -I include -DFAULT=LOSS_LEAKS training_faults.c -o fault.so
 *
 * Without -DFAULT, or with FAULT=NONE, both are right: the loss is the mean of
 * factor * (output - value)^2 over all numbers, the optimizer SGD with momentum and weight decay.
 */
#include "cnn_plugin.h"

#ifndef FAULT
#define FAULT NONE
#endif
#define IS(fault) (FAULT == (fault))

/* Programs read this list, as that of faults.c. */
enum {
  NONE,                         /* nothing is wrong | none */
  LOSS_WRONG_GRADIENT,          /* the gradient is a tenth too small | gradients */
  LOSS_IGNORES_WEIGHT,          /* the gradient is not multiplied by the weight | gradients */
  LOSS_WEIGHTS_VALUE,           /* the value is multiplied by the weight | gradients */
  LOSS_ADDS_GRADIENT,           /* adds to the gradient instead of storing | gradients */
  LOSS_LEAVES_GRADIENT,         /* does not write the last number of the gradient | outputs */
  LOSS_SUMS_SAMPLES,            /* the sum over the samples instead of the mean | mean */
  LOSS_CRASHES_WITHOUT_GRADIENT, /* writes the gradient if it is NULL | frozen */
  LOSS_WRITES_PAST_GRADIENT,    /* writes a number behind the gradient | bounds */
  LOSS_WRITES_OUTPUT,           /* changes the output that it judges | read-only */
  LOSS_COUNTS_CALLS,            /* the value depends on how many calls there were | repeat */
  LOSS_LEAKS,                   /* destroy does not release what create took | leaks */
  OPTIMIZER_IGNORES_SCALE,      /* does not multiply gradients by gradient_scale | scale */
  OPTIMIZER_IGNORES_DECAY,      /* decays parameters that are exempt | decay */
  OPTIMIZER_DEPENDS_ON_PIECES,  /* the first number of a range is treated otherwise | pieces */
  OPTIMIZER_COUNTS_CALLS,       /* counts calls instead of looking at the step | pieces */
  OPTIMIZER_KEEPS_STATE,        /* remembers in memory of its own, not in the states | pieces */
  OPTIMIZER_WRITES_PAST,        /* writes a number behind the parameters | bounds */
  OPTIMIZER_WRITES_GRADIENT,    /* changes the gradients | read-only */
  OPTIMIZER_LEAKS,              /* destroy does not release what create took | leaks */
  OPTIMIZER_CRASHES_ON_ONE      /* follows a null pointer for a range of one number | crash */
};

typedef struct maker {
  const cnn_host *host;
  double factor;
  void *lost;
} maker;

static int *volatile nowhere;
static volatile int calls;
static float own_state[1 << 16];

static void crash(void) { *nowhere = 1; }

static cnn_status create(const cnn_creation *creation, int leaks, void **out_made) {
  maker *made = creation->host->allocate(sizeof *made);
  if (made == NULL) return creation->host->fail(CNN_OUT_OF_MEMORY, "no memory");
  made->host = creation->host;
  made->factor = creation->attributes[0]->number;
  if (leaks) made->lost = creation->host->allocate(20000);
  *out_made = made;
  return CNN_OK;
}

static void destroy(void *made) {
  const cnn_host *host = ((maker *)made)->host;
  host->release(made);
}

/* ---- The loss ------------------------------------------------------------------------------ */

static cnn_status loss_create(const cnn_creation *creation, void *user, void **out_loss) {
  (void)user;
  return create(creation, IS(LOSS_LEAKS), out_loss);
}

static void write_gradient(const maker *self, const cnn_loss_call *call, int64_t count) {
  const double weight = IS(LOSS_IGNORES_WEIGHT) ? 1 : call->weight;
  const double wrong = IS(LOSS_WRONG_GRADIENT) ? 0.9 : 1;
  const double scale = wrong * 2 * weight * self->factor / (double)count;
  for (int64_t i = 0; i < count; i++) {
    const float gradient = (float)(scale * ((double)call->output[i] - (double)call->values[i]));
    if (IS(LOSS_LEAVES_GRADIENT) && i == count - 1) break;
    if (IS(LOSS_ADDS_GRADIENT)) {
      call->gradient[i] += gradient;
    } else {
      call->gradient[i] = gradient;
    }
  }
  if (IS(LOSS_WRITES_PAST_GRADIENT)) call->gradient[count] = 1;
}

static cnn_status evaluate(void *loss, const cnn_loss_call *call, double *out_loss) {
  const maker *self = loss;
  const int64_t count = call->batch * cnn_shape_count(&call->shape);
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    const double difference = (double)call->output[i] - (double)call->values[i];
    sum += self->factor * difference * difference;
  }
  *out_loss = sum / (double)count;
  if (IS(LOSS_SUMS_SAMPLES)) *out_loss *= (double)call->batch;
  if (IS(LOSS_WEIGHTS_VALUE)) *out_loss *= call->weight;
  if (IS(LOSS_COUNTS_CALLS)) *out_loss += 0.01 * calls++;
  if (call->gradient != NULL || IS(LOSS_CRASHES_WITHOUT_GRADIENT)) {
    write_gradient(self, call, count);
  }
  if (IS(LOSS_WRITES_OUTPUT)) ((float *)call->output)[0] = 0.25F;
  return CNN_OK;
}

/* ---- The optimizer ------------------------------------------------------------------------- */

static cnn_status optimizer_create(const cnn_creation *creation, void *user, void **out_optimizer) {
  (void)user;
  return create(creation, IS(OPTIMIZER_LEAKS), out_optimizer);
}

static cnn_status update(void *optimizer, const cnn_optimizer_call *call) {
  const maker *self = optimizer;
  const float momentum = (float)self->factor;
  const float scale = IS(OPTIMIZER_IGNORES_SCALE) ? 1 : (float)call->gradient_scale;
  const float decay = IS(OPTIMIZER_IGNORES_DECAY) ? 0.01F : (float)call->weight_decay;
  const float rate = (float)call->learning_rate;
  const int is_own = IS(OPTIMIZER_KEEPS_STATE) && call->count <= 1 << 16;
  float *velocity = is_own ? own_state : call->states[0];
  const int64_t step = IS(OPTIMIZER_COUNTS_CALLS) ? ++calls : call->step;
  if (IS(OPTIMIZER_CRASHES_ON_ONE) && call->count == 1) crash();
  for (int64_t i = 0; i < call->count; i++) {
    const float gradient = scale * call->gradients[i] + decay * call->parameters[i];
    const float kept = IS(OPTIMIZER_DEPENDS_ON_PIECES) && i == 0 ? 0 : momentum;
    /* The first step has nothing to keep. */
    velocity[i] = step == 1 ? gradient : kept * velocity[i] + gradient;
    call->parameters[i] -= rate * velocity[i];
  }
  if (IS(OPTIMIZER_WRITES_PAST)) call->parameters[call->count] += 1;
  if (IS(OPTIMIZER_WRITES_GRADIENT)) ((float *)call->gradients)[0] = 0.25F;
  return CNN_OK;
}

/* ---- The plugin ---------------------------------------------------------------------------- */

static const cnn_attribute factor = {.header = CNN_STRUCT(cnn_attribute),
                                     .name = "factor",
                                     .kind = CNN_ATTRIBUTE_NUMBER,
                                     .minimum = 0,
                                     .maximum = 1,
                                     .default_json = "0.5",
                                     .summary = "The factor of the loss, or the momentum."};
static const cnn_attribute *const attributes[] = {&factor};

static const cnn_loss_type loss_type = {.header = CNN_STRUCT(cnn_loss_type),
                                        .id = "org.example.faulty_loss",
                                        .summary = "factor * (output - value)^2.",
                                        .targets = CNN_TARGETS_VALUES,
                                        .attribute_count = 1,
                                        .attributes = attributes,
                                        .create = loss_create,
                                        .destroy = destroy,
                                        .evaluate = evaluate};
static const cnn_loss_type *const loss_types[] = {&loss_type};

static const char *const state_names[] = {"momentum_buffer"};
static const cnn_optimizer_type optimizer_type = {.header = CNN_STRUCT(cnn_optimizer_type),
                                                  .id = "org.example.faulty_optimizer",
                                                  .summary = "SGD with momentum.",
                                                  .attribute_count = 1,
                                                  .state_count = 1,
                                                  .attributes = attributes,
                                                  .state_names = state_names,
                                                  .create = optimizer_create,
                                                  .destroy = destroy,
                                                  .update = update};
static const cnn_optimizer_type *const optimizer_types[] = {&optimizer_type};

static const cnn_plugin plugin = {.header = CNN_STRUCT(cnn_plugin),
                                  .id = "org.example.faulty_training",
                                  .version = "1.0.0",
                                  .summary = "A loss and an optimizer, one of them wrong.",
                                  .loss_type_count = 1,
                                  .loss_types = loss_types,
                                  .optimizer_type_count = 1,
                                  .optimizer_types = optimizer_types};

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host) {
  (void)host;
  return &plugin;
}
