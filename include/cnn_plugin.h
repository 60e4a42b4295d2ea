/*
 * cnn_plugin.h - layer types, losses and optimizers of your own, in C or anything that speaks C.
 *
 * What is written against this header becomes a first-class citizen: graphs name it, it trains, its
 * gradients are checked, models that use it are saved and loaded, and it gets the library's threads,
 * memory limit and random numbers. The library's own layers can do nothing that yours cannot.
 *
 * There are two ways in:
 *
 *   In process   Fill a cnn_layer_type and call cnn_layer_register: for layers that belong to your
 *                program. (cnn_loss_register and cnn_optimizer_register likewise.)
 *   A plugin     A shared object with the one function cnn_plugin_entry, which hands over a
 *                cnn_plugin. Programs load it with cnn_plugin_load (in cnn.h), the command with
 *                --plugin. A plugin needs this header to compile and links to nothing of the library:
 *                all that the library does for it comes as a table of functions, cnn_host.
 *
 * A whole plugin is examples/plugins/swish.c; docs/adding-a-layer.md goes through it step by step.
 * `cnn plugin-check FILE.so` tells you whether yours keeps its promises.
 *
 *
 * THE LIFE OF A LAYER
 *
 *   create      Called while a model is made or loaded, with checked attributes and the shapes of the
 *               inputs. Declares outputs, parameters and states to the builder, and may return memory
 *               of its own (the layer), which never changes from then on.
 *   workspace   Says how much temporary memory calls need. The host owns all memory for tensors.
 *   prepare     Computes what depends on parameters alone, once before many predictions.
 *   forward     Computes outputs from inputs.
 *   backward    Computes gradients from gradients of outputs.
 *   destroy     Releases what create made.
 *
 * Only create and forward must be there. Without backward, a layer predicts, and training through it
 * is an error that names it.
 *
 *
 * CONVENTIONS
 *
 * Numbers      Tensors are contiguous arrays of 32-bit floats, batch first, image-shaped ones NHWC.
 *              Shapes are those of one sample, without the batch. Counts are numbers, not bytes.
 *              Cache, scratch and prepared memory begin at multiples of 64 bytes, other arrays at
 *              multiples of 4.
 * Structs      Every struct that may grow begins with a cnn_struct_header: its size as the side that
 *              filled it knows it, and the version of the interface. New members come at the end; a
 *              side reads no member that lies beyond the other's size (CNN_HAS tells). So plugins and
 *              libraries of different ages work together: both use what both know. Missing members
 *              count as 0 or NULL. Arrays hold pointers to such structs, because their size may
 *              differ. cnn_shape and cnn_random_key never grow.
 * Version      Host and plugin must have the same CNN_PLUGIN_ABI_MAJOR. Where their minor numbers
 *              differ, the lower one is spoken; a newer plugin is welcome in an older host.
 * Lifetime     Descriptions (cnn_plugin, cnn_layer_type, cnn_attribute, ...) are read during the call
 *              that hands them over, texts are copied; only functions and `user` pointers are kept,
 *              for as long as the process lives. What a callback receives is good during the call,
 *              except for the cnn_host, which stays.
 * Errors       Callbacks return CNN_OK or another status of cnn.h, best through
 *              `return host->fail(CNN_..., "what is wrong and what to do")`. The host adds the name of
 *              the layer and passes code and text on to whoever called it. A number that is no status
 *              counts as CNN_LAYER_FAILED. Callbacks must not exit, throw or longjmp into the host.
 * Threads      Each function says from where it is called:
 *                [setup]     While a model is made: from any thread, and for different layers at once.
 *                [any call]  From any thread, for the same layer by several threads at once, each with
 *                            memory of its own. So a layer must not change what create made.
 * Results      Depend on the arguments only: not on time, on other calls, on addresses or on the number
 *              of threads. Cut work by its size, add up in a fixed order, and take random numbers from
 *              the host.
 * Names        Of types and plugins: a reversed domain in front, such as "org.example.swish"; letters,
 *              digits, '_', '-' and '.', at most 128. They stand in model files, so they are for ever.
 *
 * Plain C99, also C++.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CNN_PLUGIN_H
#define CNN_PLUGIN_H

#include "cnn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Versions and growing structs -------------------------------------------------------------- */

/** The version of this interface; a different major number means that nothing is understood. */
#define CNN_PLUGIN_ABI_MAJOR 1
/** Grows with every addition. */
#define CNN_PLUGIN_ABI_MINOR 0

/** How every struct begins that may grow. */
typedef struct cnn_struct_header {
  /** The size of the whole struct in bytes, as the side that filled it knows it. */
  uint32_t size;
  /** CNN_PLUGIN_ABI_MAJOR of the side that filled it. */
  uint16_t abi_major;
  /** CNN_PLUGIN_ABI_MINOR of the side that filled it. */
  uint16_t abi_minor;
} cnn_struct_header;

/** The header of a struct that you fill: `cnn_parameter weight = {.header = CNN_STRUCT(cnn_parameter)};`
 *  in C, `cnn_parameter weight{}; weight.header = CNN_STRUCT(cnn_parameter);` in C++. */
#define CNN_STRUCT(type) \
  { (uint32_t)sizeof(type), CNN_PLUGIN_ABI_MAJOR, CNN_PLUGIN_ABI_MINOR }

/** Whether the side that filled the struct behind `pointer` knows `member`. */
#define CNN_HAS(pointer, member)                                                   \
  ((size_t)((const char *)(&(pointer)->member + 1) - (const char *)(pointer)) <= \
   (pointer)->header.size)

/* ---- Small types that never grow --------------------------------------------------------------- */

/** The most axes of a sample. */
#define CNN_SHAPE_MAX_RANK 8

/** The shape of one sample: an image is {3, {height, width, channels}}, a vector {1, {features}}. */
typedef struct cnn_shape {
  /** The number of axes, from 0 to CNN_SHAPE_MAX_RANK. */
  int64_t rank;
  /** The size along each axis, at least 1, outermost first; what lies beyond rank means nothing. */
  int64_t sizes[CNN_SHAPE_MAX_RANK];
} cnn_shape;

/** Names a sequence of random numbers: the same key always gives the same numbers. */
typedef struct cnn_random_key {
  /** The seed that the user chose. */
  uint64_t seed;
  /** The step of training. */
  uint64_t step;
  /** Which layer of the network. */
  uint32_t node;
  /** 0, or a number of your own up to 65535 for another sequence. */
  uint32_t stream;
} cnn_random_key;

/** Returns the number of elements of a shape. */
static inline int64_t cnn_shape_count(const cnn_shape *shape) {
  int64_t count = 1;
  for (int64_t axis = 0; axis < shape->rank; axis++) count *= shape->sizes[axis];
  return count;
}

/* ---- What the host does for you ---------------------------------------------------------------- */

/** A product of row-major matrices, c = alpha * op(a) * op(b) + beta * c. */
typedef struct cnn_matrix_product {
  cnn_struct_header header;
  /** Not 0 if a is stored k x m. */
  int32_t transpose_a;
  /** Not 0 if b is stored n x k. */
  int32_t transpose_b;
  /** Rows of c, columns of c, and the length of the sums; from 0. */
  int64_t m, n, k;
  /** The factor of the product. */
  float alpha;
  /** The factor of what c held before; with 0 it is not read. */
  float beta;
  const float *a;
  /** The distance between rows of a in memory, at least their length. */
  int64_t a_stride;
  const float *b;
  /** The distance between rows of b in memory, at least their length. */
  int64_t b_stride;
  float *c;
  /** The distance between rows of c in memory, at least n. */
  int64_t c_stride;
} cnn_matrix_product;

/**
 * A part of a job.
 *
 * @param user   What was given to parallel_for.
 * @param chunk  The number of the part.
 * @param slot   From 0 and below the concurrency; no two chunks run at once with the same slot, so it
 *               can choose a part of the scratch memory.
 */
typedef void (*cnn_parallel_body)(void *user, int64_t chunk, int64_t slot);

/** The host's services. One table for the process; it stays for ever. All are [any call]. */
typedef struct cnn_host {
  cnn_struct_header header;
  /** The version of the library, such as "0.1.0". */
  const char *version;

  /**
   * Remembers the message of an error, and returns `status` for you to return in turn.
   *
   * On the thread that the callback was called on, not in a parallel body.
   */
  cnn_status (*fail)(cnn_status status, const char *message);

  /** Says something to the program's log: CNN_LOG_DEBUG, CNN_LOG_INFO or CNN_LOG_WARNING. */
  void (*log)(int32_t level, const char *message);

  /**
   * Takes memory that counts against the library's memory limit: aligned to 64 bytes, set to zero.
   * For what create keeps; tensors and temporary memory are declared, not allocated.
   *
   * @return NULL if there is none, or bytes is negative; then fail with CNN_OUT_OF_MEMORY.
   */
  void *(*allocate)(int64_t bytes);
  /** Gives memory of allocate back; NULL is left alone. */
  void (*release)(void *memory);

  /**
   * Runs `body` once for each chunk from 0 to `chunks`, on the library's threads, and returns when
   * all are done. May be called from within a body.
   *
   * @param concurrency  What the call says; slots stay below it.
   * @return CNN_INVALID_ARGUMENT for negative numbers or no body.
   */
  cnn_status (*parallel_for)(int64_t chunks, int64_t concurrency, cnn_parallel_body body,
                             void *user);

  /** Writes elements offset to offset + count of a sequence, uniformly distributed in [0, 1). */
  cnn_status (*random_uniform)(const cnn_random_key *key, int64_t offset, int64_t count,
                               float *out_numbers);
  /** Writes elements of a sequence that is normally distributed with mean 0 and deviation 1. */
  cnn_status (*random_normal)(const cnn_random_key *key, int64_t offset, int64_t count,
                              float *out_numbers);

  /** Multiplies matrices, with the same bits for any concurrency. */
  cnn_status (*sgemm)(const cnn_matrix_product *product, int64_t concurrency);

  /** Returns an optional table of functions by name, or NULL if this host has none of that name. */
  const void *(*extension)(const char *name);
} cnn_host;

/* ---- Attributes -------------------------------------------------------------------------------- */

/** What values an attribute takes. */
enum {
  /** A whole number from minimum to maximum. */
  CNN_ATTRIBUTE_INTEGER = 1,
  /** A finite number from minimum to maximum. */
  CNN_ATTRIBUTE_NUMBER = 2,
  /** True or false. */
  CNN_ATTRIBUTE_BOOLEAN = 3,
  /** Any text. */
  CNN_ATTRIBUTE_STRING = 4,
  /** One of the words in choices. */
  CNN_ATTRIBUTE_CHOICE = 5,
  /** One whole number for both directions, or [vertical, horizontal], from minimum to maximum. */
  CNN_ATTRIBUTE_PAIR = 6,
  /** "valid", "same", a number, [vertical, horizontal], or [[top, bottom], [left, right]]. */
  CNN_ATTRIBUTE_PADDING = 7,
  /** A list of whole numbers, each from minimum to maximum. */
  CNN_ATTRIBUTE_INTEGERS = 8
};

/** One attribute of a type: the host checks every graph against it. */
typedef struct cnn_attribute {
  cnn_struct_header header;
  /** In snake_case; "name", "type" and "inputs" are taken. */
  const char *name;
  /** CNN_ATTRIBUTE_... */
  int32_t kind;
  /** The number of choices, for CNN_ATTRIBUTE_CHOICE. */
  int32_t choice_count;
  /** The words, for CNN_ATTRIBUTE_CHOICE. */
  const char *const *choices;
  /** The smallest and largest value; both 0 for no limits. */
  double minimum, maximum;
  /** The value where a graph gives none, as JSON: "1", "0.5", "true", "\"same\"", "[1, 2]"; NULL
   *  makes the attribute required. */
  const char *default_json;
  /** What it does, in a sentence. */
  const char *summary;
} cnn_attribute;

/** The value of an attribute: checked, and the default where the graph gave none. */
typedef struct cnn_attribute_value {
  cnn_struct_header header;
  /** Which attribute. */
  const char *name;
  /** CNN_ATTRIBUTE_... as declared. */
  int32_t kind;
  /** Not 0 if the value is null, which only a default of "null" allows. */
  int32_t is_null;
  /** INTEGER: the number. BOOLEAN: 0 or 1. CHOICE: the number of the word. */
  int64_t integer;
  /** INTEGER and NUMBER: the number. */
  double number;
  /** STRING and CHOICE: the text. PADDING: "same" if it was that. Else NULL. */
  const char *text;
  /** The length of integers. */
  int64_t integer_count;
  /** INTEGERS: the list. PAIR: vertical, horizontal. PADDING: top, bottom, left, right (zeros for
   *  "valid" and "same"). */
  const int64_t *integers;
} cnn_attribute_value;

/* ---- Making a layer ---------------------------------------------------------------------------- */

/** How the first values of a parameter or state are chosen. */
enum {
  /** Every element 0. */
  CNN_INIT_ZEROS = 0,
  /** Every element `initializer_value`. */
  CNN_INIT_CONSTANT = 1,
  /** Normal with mean 0 and standard deviation `initializer_value`. */
  CNN_INIT_NORMAL = 2,
  /** Uniform from -`initializer_value` to `initializer_value`. */
  CNN_INIT_UNIFORM = 3,
  /** Normal with variance 2 / fan_in (He et al. 2015). */
  CNN_INIT_HE = 4,
  /** Uniform with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010). */
  CNN_INIT_XAVIER = 5
};

/** An array of numbers that a layer owns and the host keeps: a parameter or a state. */
typedef struct cnn_parameter {
  cnn_struct_header header;
  /** The name within the layer, as PyTorch has it: "weight", "bias", "running_mean"; letters, digits,
   *  '_', '-' and '.'. */
  const char *name;
  /** The shape in memory. */
  cnn_shape shape;
  /** CNN_INIT_... */
  int32_t initializer;
  /** Not 0 if weight decay applies: by convention to weights, not to biases and normalisation. */
  int32_t decays;
  /** For CNN_INIT_CONSTANT, NORMAL and UNIFORM. */
  double initializer_value;
  /** For CNN_INIT_HE and XAVIER: how many inputs an output sums over; 0 counts as 1. */
  int64_t fan_in;
  /** For CNN_INIT_XAVIER: how many outputs an input reaches; 0 counts as 1. */
  int64_t fan_out;
  /** For each axis in a file, which axis in memory it is, shape.rank of them; NULL if they are the
   *  same. Convolution weights are [out, height, width, in] in memory and [out, in, height, width]
   *  in files: {0, 3, 1, 2}. */
  const int32_t *file_axes;
} cnn_parameter;

/** What add_output says of an output. */
enum {
  /** No gradient flows back into it: remembered positions, say. */
  CNN_OUTPUT_NOT_DIFFERENTIABLE = 1
};

/** What `set` of the builder sets. */
enum {
  /** What backward reads beside gradients: 0, or CNN_READS_INPUTS and CNN_READS_OUTPUTS added up,
   *  which is the default. The host reuses the memory of what is not read. */
  CNN_LAYER_BACKWARD_READS = 1,
  /** 1: forward may be called with the first output in the memory of the first input, and backward
   *  with the first input's gradient in that of the first output's. (The host never overwrites what
   *  backward reads.) Default 0. */
  CNN_LAYER_IN_PLACE = 2,
  /** 1: when predicting, the first output has the numbers of the first input, so that the host leaves
   *  the layer out. Default 0. */
  CNN_LAYER_IDENTITY_IN_INFERENCE = 3,
  /** How many numbers prepare writes. Default 0. */
  CNN_LAYER_PREPARED_COUNT = 4,
  /** An estimate of the additions and multiplications for a sample, for summaries. Default 0. */
  CNN_LAYER_OPERATION_COUNT = 5,
  /** The number of an input into which no gradient flows, such as remembered positions; once for each
   *  of them. */
  CNN_LAYER_INPUT_NOT_DIFFERENTIABLE = 6,
  /** 1: backward exists but cannot be used with these attributes. Default 0. */
  CNN_LAYER_NOT_DIFFERENTIABLE = 7,
  /** CNN_FUNCTION_...: forward computes just that of its one input. The host may then compute it
   *  inside the layer in front or behind, without calling this one. Default CNN_FUNCTION_OTHER. */
  CNN_LAYER_FUNCTION = 8
};

/** Functions that everybody knows, for CNN_LAYER_FUNCTION. */
enum {
  /** None of these. */
  CNN_FUNCTION_OTHER = 0,
  /** max(x, 0). */
  CNN_FUNCTION_RECTIFIER = 1,
  /** 1 / (1 + exp(-x)). */
  CNN_FUNCTION_SIGMOID = 2,
  /** exp(x) divided by the sum of these along the last axis. */
  CNN_FUNCTION_SOFTMAX = 3
};

/** For CNN_LAYER_BACKWARD_READS. */
enum {
  CNN_READS_INPUTS = 1,
  CNN_READS_OUTPUTS = 2
};

/** What create is given: attributes and shapes to read, and functions to declare what the layer is. */
typedef struct cnn_layer_builder cnn_layer_builder;

struct cnn_layer_builder {
  cnn_struct_header header;
  /** The host's services. */
  const cnn_host *host;
  /** The host's own. */
  void *context;
  /** How many inputs there are: within the type's limits. */
  int64_t input_count;
  /** Their shapes. */
  const cnn_shape *inputs;
  /** How many attributes the type declares. */
  int64_t attribute_count;
  /** Their values, in the order of the declarations. */
  const cnn_attribute_value *const *attributes;

  /**
   * Declares the next output; at least one is needed.
   *
   * @param name   How graphs refer to it behind the layer's name and a dot, made of letters, digits,
   *               '_' and '-'; may be NULL: "output".
   * @param shape  The shape of one sample.
   * @param flags  0, or CNN_OUTPUT_NOT_DIFFERENTIABLE.
   */
  cnn_status (*add_output)(const cnn_layer_builder *builder, const char *name,
                           const cnn_shape *shape, int32_t flags);
  /** Declares the next trained parameter. */
  cnn_status (*add_parameter)(const cnn_layer_builder *builder, const cnn_parameter *parameter);
  /** Declares the next state: numbers that are kept with the model and not trained. */
  cnn_status (*add_state)(const cnn_layer_builder *builder, const cnn_parameter *state);
  /** Sets a property, CNN_LAYER_...; CNN_UNSUPPORTED for one that this host does not know. */
  cnn_status (*set)(const cnn_layer_builder *builder, int32_t property, int64_t value);
};

/* ---- Calls of a layer -------------------------------------------------------------------------- */

/** What memory is asked about. */
typedef struct cnn_workspace_request {
  cnn_struct_header header;
  const cnn_host *host;
  /** The most samples of a call. */
  int64_t batch;
  /** Not 0 if the calls train. */
  int64_t training;
  /** The concurrency that calls will have. */
  int64_t concurrency;
} cnn_workspace_request;

/** Memory that calls need beside tensors, in floats. The host sets all to 0 before asking. */
typedef struct cnn_workspace {
  cnn_struct_header header;
  /** What forward writes and backward reads; in training only. */
  int64_t cache;
  /** Temporary memory of forward; it holds anything at the start. */
  int64_t forward_scratch;
  /** Temporary memory of backward; it holds anything at the start. */
  int64_t backward_scratch;
} cnn_workspace;

/** What prepare reads and writes. */
typedef struct cnn_prepare_call {
  cnn_struct_header header;
  const cnn_host *host;
  /** How many slots parallel_for may use. */
  int64_t concurrency;
  /** The parameters, to read. */
  const float *const *parameters;
  /** The states, to read. */
  const float *const *states;
  /** Room for CNN_LAYER_PREPARED_COUNT numbers, to write. */
  float *prepared;
} cnn_prepare_call;

/** What forward reads and writes. */
typedef struct cnn_forward_call {
  cnn_struct_header header;
  const cnn_host *host;
  /** The number of samples, at least 1. */
  int64_t batch;
  /** Not 0 when training. */
  int64_t training;
  /** How many slots parallel_for may use. */
  int64_t concurrency;
  /** The inputs, to read. */
  const float *const *inputs;
  /** The outputs: every number is to be written. NULL for those after the first that nobody uses. */
  float *const *outputs;
  /** The parameters, to read. */
  const float *const *parameters;
  /** The states: to read, and when training to write. */
  float *const *states;
  /** What prepare wrote; NULL when training. */
  const float *prepared;
  /** To write for backward; NULL when predicting. */
  float *cache;
  /** Temporary memory. */
  float *scratch;
  /** The key of every random number that this call may use. */
  cnn_random_key random;
} cnn_forward_call;

/** What backward reads and writes. */
typedef struct cnn_backward_call {
  cnn_struct_header header;
  const cnn_host *host;
  /** The number of samples, at least 1. */
  int64_t batch;
  /** How many slots parallel_for may use. */
  int64_t concurrency;
  /** The inputs of forward; NULL each unless CNN_LAYER_BACKWARD_READS has them. */
  const float *const *inputs;
  /** The outputs of forward; NULL each unless CNN_LAYER_BACKWARD_READS has them. */
  const float *const *outputs;
  /** The gradients of the outputs, to read; NULL for outputs that nobody uses. */
  const float *const *output_gradients;
  /** The gradients of the inputs, to overwrite entirely; NULL where nobody wants them. */
  float *const *input_gradients;
  /** The parameters, to read. */
  const float *const *parameters;
  /** The gradients of the parameters, to ADD to; NULL for those that are frozen. */
  float *const *parameter_gradients;
  /** The states, to read. */
  const float *const *states;
  /** What forward wrote. */
  const float *cache;
  /** Temporary memory. */
  float *scratch;
  /** The key that forward had. */
  cnn_random_key random;
} cnn_backward_call;

/* ---- A layer type ------------------------------------------------------------------------------ */

/** A kind of layer: how it is called, what attributes it takes, and its functions. */
typedef struct cnn_layer_type {
  cnn_struct_header header;
  /** The name that graphs and model files use, such as "org.example.swish". */
  const char *id;
  /** The version of what the type means, at least 1: it grows when attributes or results change.
   *  Model files remember it, and older libraries refuse newer ones. */
  int32_t version;
  /** How many inputs a layer takes at least and at most; both 0 for one. */
  int32_t minimum_inputs, maximum_inputs;
  /** The number of attributes. */
  int32_t attribute_count;
  /** The attributes. */
  const cnn_attribute *const *attributes;
  /** What a layer computes, in a sentence. */
  const char *summary;
  /** Handed to create. */
  void *user;

  /**
   * Makes a layer: declares what it is, and may return memory of its own.
   *
   * @param builder    What to read and declare.
   * @param user       The type's user pointer.
   * @param out_layer  Handed to all other functions; may be left NULL. Not released on failure.
   * @return CNN_SHAPE_MISMATCH for shapes that make no sense, CNN_INVALID_ARGUMENT for attributes.
   *
   * [setup]
   */
  cnn_status (*create)(const cnn_layer_builder *builder, void *user, void **out_layer);
  /** Releases a layer that is not NULL; may be NULL. [any call], the last one for the layer. */
  void (*destroy)(void *layer);
  /** Says how much memory calls need; may be NULL for none. The larger of two batches must not need
   *  less. [any call] */
  cnn_status (*workspace)(void *layer, const cnn_workspace_request *request,
                          cnn_workspace *out_workspace);
  /** Computes what depends on parameters and states alone; may be NULL. [any call] */
  cnn_status (*prepare)(void *layer, const cnn_prepare_call *call);
  /** Computes the outputs. [any call] */
  cnn_status (*forward)(void *layer, const cnn_forward_call *call);
  /** Computes gradients; may be NULL. [any call] */
  cnn_status (*backward)(void *layer, const cnn_backward_call *call);
  /** Returns an optional table of functions by name, or NULL; may be NULL. [any call] */
  const void *(*extension)(void *user, const char *name);
} cnn_layer_type;

/* ---- Losses and optimizers --------------------------------------------------------------------- */

/** What create of a loss or an optimizer is given. */
typedef struct cnn_creation {
  cnn_struct_header header;
  const cnn_host *host;
  /** How many attributes the type declares. */
  int64_t attribute_count;
  /** Their values, in the order of the declarations. */
  const cnn_attribute_value *const *attributes;
} cnn_creation;

/** What a loss compares outputs with. */
enum {
  /** Class numbers: one for each position; the output's last axis holds a score per class. */
  CNN_TARGETS_LABELS = 1,
  /** Numbers: as many as the output has. */
  CNN_TARGETS_VALUES = 2
};

/** What a loss reads and writes. */
typedef struct cnn_loss_call {
  cnn_struct_header header;
  const cnn_host *host;
  /** The number of samples, at least 1. */
  int64_t batch;
  /** The shape of one sample of the output. */
  cnn_shape shape;
  /** How many slots parallel_for may use. */
  int64_t concurrency;
  /** The output: batch samples. */
  const float *output;
  /** Class numbers, checked, one for each position of each sample; NULL if values are given. */
  const int32_t *labels;
  /** Numbers, laid out like the output; NULL if labels are given. */
  const float *values;
  /** The factor of the gradient (the returned loss is not multiplied by it). */
  double weight;
  /** Where the gradient of weight * loss is to be written; NULL if nobody wants it. */
  float *gradient;
} cnn_loss_call;

/** A kind of loss: how far an output is from what it should be. */
typedef struct cnn_loss_type {
  cnn_struct_header header;
  /** The name that options use, such as "org.example.huber". */
  const char *id;
  /** What it computes, in a sentence. */
  const char *summary;
  /** CNN_TARGETS_LABELS, CNN_TARGETS_VALUES, or both added up. */
  int32_t targets;
  /** The number of attributes; "type", "weight" and "target" are taken. */
  int32_t attribute_count;
  /** The attributes. */
  const cnn_attribute *const *attributes;
  /** Handed to create. */
  void *user;

  /** Makes a loss; may be NULL if there is nothing to make. [setup] */
  cnn_status (*create)(const cnn_creation *creation, void *user, void **out_loss);
  /** Releases a loss that is not NULL; may be NULL. [any call] */
  void (*destroy)(void *loss);
  /** Checks that outputs of a shape can be judged; may be NULL if all can. [setup] */
  cnn_status (*check)(void *loss, const cnn_host *host, const cnn_shape *shape);
  /** Computes the mean loss of the samples, and the gradient if it is wanted. [any call] */
  cnn_status (*evaluate)(void *loss, const cnn_loss_call *call, double *out_loss);
} cnn_loss_type;

/** A range of parameters for an optimizer to change. */
typedef struct cnn_optimizer_call {
  cnn_struct_header header;
  const cnn_host *host;
  /** How many numbers. */
  int64_t count;
  /** The parameters, to change. */
  float *parameters;
  /** Their gradients, to read. The gradient to use is gradient_scale times these. */
  const float *gradients;
  /** What is remembered of these parameters, one array for each of the type's state names. */
  float *const *states;
  /** The number of this step, from 1. */
  int64_t step;
  double learning_rate;
  /** The factor of weight decay; 0 for parameters that are exempt. */
  double weight_decay;
  double gradient_scale;
  /** How many slots parallel_for may use. */
  int64_t concurrency;
} cnn_optimizer_call;

/** A kind of optimizer: a rule that changes parameters by their gradients. */
typedef struct cnn_optimizer_type {
  cnn_struct_header header;
  /** The name that options use, such as "org.example.lion". */
  const char *id;
  /** What it does, in a sentence. */
  const char *summary;
  /** The number of attributes; "type" is taken. */
  int32_t attribute_count;
  /** How many numbers are remembered for each parameter. */
  int32_t state_count;
  /** The attributes. */
  const cnn_attribute *const *attributes;
  /** Their names, as PyTorch has them: "momentum_buffer", "exp_avg". They start as zeros, and
   *  checkpoints keep them. */
  const char *const *state_names;
  /** The learning rate where options give none; 0 for 0.01. */
  double default_learning_rate;
  /** Not 0 if the rule needs each parameter as a whole, such as its norm. Otherwise parameters come
   *  in any pieces, several at a time, as soon as their gradients are there. */
  int64_t needs_whole_parameters;
  /** Handed to create. */
  void *user;

  /** Makes an optimizer; may be NULL if there is nothing to make. [setup] */
  cnn_status (*create)(const cnn_creation *creation, void *user, void **out_optimizer);
  /** Releases an optimizer that is not NULL; may be NULL. [any call] */
  void (*destroy)(void *optimizer);
  /** Changes a range of parameters and what is remembered of them; allocates nothing. [any call],
   *  also for ranges of the same parameter that do not overlap. */
  cnn_status (*update)(void *optimizer, const cnn_optimizer_call *call);
} cnn_optimizer_type;

/* ---- Registering in process -------------------------------------------------------------------- */

/**
 * Adds a layer type of the program itself. It stays for the life of the process.
 *
 * @param type  [in] The type; texts are copied, functions and user are kept.
 * @return CNN_INVALID_ARGUMENT, with a message, for a missing function, a name that is taken or none,
 *         or attributes that make no sense; CNN_UNSUPPORTED for a struct of another major version.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_layer_register(const cnn_layer_type *type);

/**
 * Adds a kind of loss of the program itself; see cnn_layer_register.
 *
 * @param type  [in] The type.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_loss_register(const cnn_loss_type *type);

/**
 * Adds a kind of optimizer of the program itself; see cnn_layer_register.
 *
 * @param type  [in] The type.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_optimizer_register(const cnn_optimizer_type *type);

/* ---- Plugins ----------------------------------------------------------------------------------- */

/** What a plugin consists of. */
typedef struct cnn_plugin {
  cnn_struct_header header;
  /** The plugin's name, such as "org.example.activations". */
  const char *id;
  /** Its version, such as "1.2.0". */
  const char *version;
  /** What it holds, in a sentence. */
  const char *summary;
  /** Layer types. */
  int64_t layer_type_count;
  const cnn_layer_type *const *layer_types;
  /** Kinds of loss. */
  int64_t loss_type_count;
  const cnn_loss_type *const *loss_types;
  /** Kinds of optimizer. */
  int64_t optimizer_type_count;
  const cnn_optimizer_type *const *optimizer_types;
  /** Returns an optional table of functions by name, or NULL; may be NULL. [any call] */
  const void *(*extension)(const char *name);
} cnn_plugin;

/** Makes a function visible to whoever loads the shared object, whatever the compiler's flags. */
#if defined(_WIN32)
#define CNN_PLUGIN_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define CNN_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define CNN_PLUGIN_EXPORT
#endif

/** The name of the one function that a plugin exports. */
#define CNN_PLUGIN_ENTRY_NAME "cnn_plugin_entry"

/**
 * The one function of a shared object that is a plugin; the plugin defines it.
 *
 * Called once by each library that loads the plugin (a process may hold two), on the thread that loads
 * it, while no other plugin can be loaded: it must not load one.
 *
 * @param host  The host's services; look at host->header for its version.
 * @return The plugin, valid for ever; NULL to refuse, after host->fail with the reason.
 */
CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host);

#ifdef __cplusplus
}
#endif

#endif
