/*
 * cnn.h - convolutional neural networks: train them, use them, put them into your program.
 *
 * One shared library, this header, and nothing to install beside them. This file is the manual.
 * Read the conventions below (one screen), then the tier you need:
 *
 *   0. Basics        version, status codes, error messages, releasing memory
 *   1. Recognising   a picture file in three calls
 *   2. Models        creating, loading, saving, describing, parameters; running them with sessions
 *   3. Training      a step at a time by hand, or a whole run with a dataset and a callback
 *   4. Datasets      folders of pictures, CIFAR-10, MNIST, arrays; batches to feed a loop
 *   5. Images        reading, writing, resizing, turning into tensors
 *   6. Process       threads, memory limit, log, processor
 *   7. Plugins       layer types, losses and optimizers that come from elsewhere
 *   8. Explanations  which places of a picture made a model decide as it did
 *
 * A first program, complete (error handling left out; see examples/c/recognise.c):
 *
 *     #include <cnn.h>
 *     #include <stdio.h>
 *
 *     int main(void) {
 *       cnn_model *model;
 *       cnn_prediction best;
 *       int64_t count;
 *       cnn_model_load_pretrained("pets", &model);
 *       cnn_recognise_file(model, "photo.jpg", 1, &best, &count);
 *       printf("%s (%.0f %%)\n", best.label, 100 * best.probability);
 *       cnn_model_free(model);
 *     }
 *
 *     cc first.c -lcnn && ./a.out
 *
 * Plain C99, also C++. Every function was added in the version that its comment names.
 *
 *
 * CONVENTIONS
 *
 * Numbers      Tensors hold 32-bit floats. Sizes, counts and labels are int64_t; texts are UTF-8
 *              and end with a zero byte; pictures are 8 bits per channel: grey, RGB or RGBA.
 * Shapes       The batch comes first. Images are NHWC: batch, height, width, channels, contiguous,
 *              channels fastest. Where a function takes a cnn_layout, CNN_NCHW hands over or
 *              returns NCHW instead, and the library converts. Shapes of models, inputs, outputs
 *              and datasets are those of one sample, without the batch, always in NHWC order.
 * Arithmetic   Convolution is cross-correlation. Dilation 1 means none. Output sizes round down.
 *              Padding "same" is TensorFlow's: the odd pixel goes right and bottom. The momentum of
 *              batch normalisation is the share of the OLD running value. Results have the same
 *              bits for any number of threads.
 * Status       Functions that can fail return a cnn_status: CNN_OK, or a code to act on, and
 *              cnn_last_error_message() has the whole story for a person. Functions that cannot
 *              fail return their value. No argument ends the process: NULL, negative, huge or freed
 *              values give a status. What cannot be told is whether a buffer is as long as you say.
 *              Each comment lists the errors to expect; besides those, every function that returns
 *              a status may return CNN_INVALID_ARGUMENT, CNN_OUT_OF_MEMORY and CNN_INTERNAL.
 * Outputs      Come last and are named out_...; after an error they hold NULL or 0 unless said
 *              otherwise, and large buffers hold nothing useful.
 * Pointers     Must not be NULL unless the comment says "may be NULL". What you pass in is read
 *              during the call and copied if it is kept; it stays yours.
 * Ownership    Objects (cnn_model, cnn_session, ...) come from a ..._create, ..._load or ..._open
 *              function and are yours until you give them to the matching ..._free, which accepts
 *              NULL. The order of frees is free: a session keeps alive what it needs of its model.
 *              Texts and byte arrays that a function allocates for you (char **out_..., void
 *              **out_...) go to cnn_free. A const char * inside a struct, and anything called
 *              "borrowed", belongs to the library: don't free it, and don't use it longer than the
 *              comment says.
 * Capacity     Arrays of numbers are always yours: you pass their length, the library fills as much
 *              as the result needs and never more. A capacity that is too small is
 *              CNN_INVALID_ARGUMENT, with a message that says how many elements are needed. The
 *              lengths and capacities of float arrays count floats, not bytes.
 * Options      Are JSON objects in a text; NULL and "{}" mean the defaults, which the comment lists
 *              for each key. Unknown keys are errors that suggest the nearest valid one.
 * Threads      Each function carries a tag:
 *                [any thread]     At any time from any thread.
 *                [reads model]    From any number of threads at once on the same model; CNN_BUSY
 *                                 while another call changes the model.
 *                [changes model]  Needs the model alone: waits for calls under way that read it,
 *                                 which are short; CNN_BUSY while another call changes it.
 *                [one at a time]  Calls with the same session, training or batches must not
 *                                 overlap: the second one gets CNN_BUSY. Different objects are
 *                                 independent.
 *              Freeing an object while another thread uses it is safe: it ends with that use.
 * Structs      Start with struct_size, which you set to sizeof; CNN_..._INIT does. So a program
 *              that was compiled with an older header works with a newer library. (cnn_prediction
 *              is an exception: it never grows.)
 * Process      The library prints nothing, installs no signal handlers, never exits, reads no
 *              environment variables but CNN_NUM_THREADS and CNN_CPU (see section 6) and
 *              CNN_MODEL_PATH (see cnn_model_load_pretrained), changes no locale, and writes only
 *              the files you name, first under a temporary name, so that a crash leaves the old
 *              file or the new one.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CNN_H
#define CNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ============================================================================================== *
 * 0. BASICS
 * ============================================================================================== */

/* ---- Version --------------------------------------------------------------------------------- */

/** The version of this header: major, minor and patch number. */
#define CNN_VERSION_MAJOR 0
#define CNN_VERSION_MINOR 1
#define CNN_VERSION_PATCH 0

/** The version of this header as a text. */
#define CNN_VERSION_STRING "0.1.0"

/** The version of this header as one number that can be compared: 0.1.0 is 100. */
#define CNN_VERSION_NUMBER \
  (CNN_VERSION_MAJOR * 10000 + CNN_VERSION_MINOR * 100 + CNN_VERSION_PATCH)

/** The number of the binary interface that this header describes. */
#define CNN_ABI_VERSION 1

/**
 * Returns the version of the library that is running, such as "0.1.0".
 *
 * The header's version is CNN_VERSION_STRING; careful programs compare the two. The result is
 * borrowed and valid for ever.
 *
 * [any thread] Since 0.1.
 */
const char *cnn_version(void);

/**
 * Returns the number of the binary interface of the library that is running.
 *
 * Interfaces only grow: a program works with every library whose number is at least the
 * CNN_ABI_VERSION it was compiled with.
 *
 * [any thread] Since 0.1.
 */
int32_t cnn_abi_version(void);

/* ---- Status codes and messages --------------------------------------------------------------- */

/** What became of a call: CNN_OK or one of the codes below. The numbers never change meaning. */
typedef int32_t cnn_status;

enum {
  /** All went well. */
  CNN_OK = 0,
  /** An argument has a value outside of what the function documents, or a handle is not one. */
  CNN_INVALID_ARGUMENT = 10,
  /** A name (of a layer type, attribute, option, parameter, output, ...) is not known. */
  CNN_UNKNOWN_NAME = 11,
  /** Shapes do not fit each other. */
  CNN_SHAPE_MISMATCH = 12,
  /** Memory could not be had, or the memory limit would be passed. */
  CNN_OUT_OF_MEMORY = 20,
  /** A file could not be opened, read or written. */
  CNN_INPUT_OUTPUT = 30,
  /** A file or buffer does not hold what its format promises. */
  CNN_MALFORMED_DATA = 31,
  /** The request is understood, and this build, layer or model cannot do it. */
  CNN_UNSUPPORTED = 40,
  /** The model or object is in use by another thread. */
  CNN_BUSY = 50,
  /** A callback asked to stop. */
  CNN_CANCELLED = 60,
  /** A loss, gradient or output became infinite or not a number. */
  CNN_NON_FINITE = 61,
  /** A layer that a plugin provides reported a failure. */
  CNN_LAYER_FAILED = 70,
  /** The library contradicts itself: please report it. */
  CNN_INTERNAL = 90
};

/**
 * Returns the message of the last call on this thread that did not return CNN_OK.
 *
 * The message names what was wrong, what was expected, what was there, and often what to do. Calls
 * that succeed leave it as it is. Before any error it is the empty text.
 *
 * @return Borrowed, never NULL; valid until the next failing call on the same thread.
 *
 * [any thread] Since 0.1.
 */
const char *cnn_last_error_message(void);

/**
 * Returns the name of a status code, such as "CNN_SHAPE_MISMATCH".
 *
 * @param status  [in] Any number; "CNN_UNKNOWN_STATUS" for one that is no status.
 * @return Borrowed, never NULL, valid for ever.
 *
 * [any thread] Since 0.1.
 */
const char *cnn_status_name(cnn_status status);

/* ---- Memory that the library allocated for you ----------------------------------------------- */

/**
 * Releases a text or byte array that a function of this library allocated.
 *
 * @param memory  [in] What came from a `char **out_...` or `void **out_...`; may be NULL. Other
 *                pointers, and those already released, are left alone.
 *
 * [any thread] Since 0.1.
 */
void cnn_free(void *memory);

/* ---- Objects --------------------------------------------------------------------------------- */

/** A graph of layers with its parameters, class names and preprocessing. */
typedef struct cnn_model cnn_model;
/** Memory and plan for running a model. */
typedef struct cnn_session cnn_session;
/** Memory, optimizer and schedule for training a model. */
typedef struct cnn_training cnn_training;
/** Samples with labels, such as the pictures in a folder. */
typedef struct cnn_dataset cnn_dataset;
/** A pass over a dataset in shuffled batches, read ahead in the background. */
typedef struct cnn_batches cnn_batches;
/** A picture: 8 bits per channel; grey, RGB or RGBA. */
typedef struct cnn_image cnn_image;
/** Which places of a picture made a model decide as it did. */
typedef struct cnn_explanation cnn_explanation;

/** The order of a tensor's axes in a buffer that you pass or receive. */
typedef int32_t cnn_layout;

enum {
  /** Channels last: batch, height, width, channels. Weights: out, height, width, in. */
  CNN_NHWC = 0,
  /** Channels first, as PyTorch has it: batch, channels, height, width. Weights: out, in, height,
   *  width, which is also the order in model files. */
  CNN_NCHW = 1
};

/** The most axes that a shape has, the batch included. */
#define CNN_MAX_RANK 9

/* ============================================================================================== *
 * 1. RECOGNISING A PICTURE
 * ============================================================================================== */

/** One of the classes that a picture may show. This struct never grows. */
typedef struct cnn_prediction {
  /** The number of the class, from 0. */
  int64_t index;
  /** How likely the class is, from 0 to 1; over all classes they add up to 1. */
  float probability;
  /** The name of the class, or "" if the model has none; borrowed from the model until it is
   *  freed. */
  const char *label;
} cnn_prediction;

/**
 * Loads a model from a file that cnn_model_save wrote.
 *
 * The file is in safetensors format; graph, preprocessing and class names are in its metadata.
 *
 * @param path       [in] The file.
 * @param out_model  [out] The model; free it with cnn_model_free.
 * @return CNN_INPUT_OUTPUT if the file cannot be read, CNN_MALFORMED_DATA if it is not a model,
 *         CNN_UNKNOWN_NAME if it needs a layer type that is not there.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_model_load(const char *path, cnn_model **out_model);

/**
 * Loads one of the models that come with the library. "pets" says whether a photo shows a cat, a
 * dog, or neither.
 *
 * A model NAME is the file NAME.cnn. It is looked for, in this order, in
 *   1. the folders that the environment variable CNN_MODEL_PATH names, separated by colons;
 *   2. with D for the folder of the file that holds this library (the shared library, or the
 *      program it is linked into; behind symbolic links): D/models, D/../share/cnn/models, where
 *      `make install` puts them, and D/../../share/cnn/models;
 *   3. the folder models of the project's sources, if the library was built there and not moved.
 * The current folder is not searched. To ship a model with a program, put it beside the library as
 * models/NAME.cnn, or load it by its path.
 *
 * @param name       [in] The model's name: letters, digits, "-", "_", "."; NULL means "pets".
 * @param out_model  [out] The model; free it with cnn_model_free.
 * @return CNN_INPUT_OUTPUT if there is no such file, with all places that were looked at; else as
 *         cnn_model_load.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_model_load_pretrained(const char *name, cnn_model **out_model);

/**
 * Says what a picture file shows: the likeliest classes, likeliest first.
 *
 * Reads the PNG or JPEG file, applies the model's preprocessing (resize, crop, scale), and runs the
 * model. Its first output is taken as probabilities if the last layer is a softmax, otherwise as
 * logits, of which the softmax is taken; cnn_model_set_recognition says what happens before.
 *
 * A JPEG file that is much larger than the model's input is decoded at an eighth, a quarter or half
 * of its size, where that still is at least twice of what the model takes. That saves most of the
 * time and memory: photos of 12 megapixels, or of 12,000 pixels a side, are no burden. The pixels
 * that the model sees differ by few levels from those of the complete picture, so the probabilities
 * differ slightly from cnn_recognise_image's for a picture from cnn_image_load. The same file gives
 * the same bits, here, by cnn_recognise_memory, in Python and by the command.
 *
 * @param model            [in] A model with one input of image shape.
 * @param path             [in] The picture.
 * @param capacity         [in] The length of out_predictions, at least 1.
 * @param out_predictions  [out] The predictions; equal probabilities in order of class number.
 * @param out_count        [out] How many were written: capacity, or the number of classes if that
 *                         is less. May be NULL.
 * @return CNN_INPUT_OUTPUT or CNN_MALFORMED_DATA for a picture that cannot be read,
 *         CNN_UNSUPPORTED for a model that takes no pictures, CNN_NON_FINITE if the model's output
 *         is not finite.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_recognise_file(const cnn_model *model, const char *path, int64_t capacity,
                              cnn_prediction *out_predictions, int64_t *out_count);

/**
 * Says what a picture file in memory shows, such as one that was received over a network; the same
 * as cnn_recognise_file for the file.
 *
 * @param model            [in] A model with one input of image shape.
 * @param bytes            [in] The contents of a PNG or JPEG file.
 * @param size             [in] How many bytes, at least 1.
 * @param capacity         [in] The length of out_predictions, at least 1.
 * @param out_predictions  [out] The predictions, likeliest first.
 * @param out_count        [out] How many were written. May be NULL.
 * @return CNN_MALFORMED_DATA for bytes that are no such file, CNN_UNSUPPORTED for a model that takes
 *         no pictures, CNN_NON_FINITE.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_recognise_memory(const cnn_model *model, const void *bytes, int64_t size,
                                int64_t capacity, cnn_prediction *out_predictions,
                                int64_t *out_count);

/**
 * Says what a picture in memory shows; see cnn_recognise_file.
 *
 * @param model            [in] A model with one input of image shape.
 * @param image            [in] The picture, of any size.
 * @param capacity         [in] The length of out_predictions, at least 1.
 * @param out_predictions  [out] The predictions, likeliest first.
 * @param out_count        [out] How many were written. May be NULL.
 * @return CNN_UNSUPPORTED for a model that takes no pictures, CNN_NON_FINITE.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_recognise_image(const cnn_model *model, const cnn_image *image, int64_t capacity,
                               cnn_prediction *out_predictions, int64_t *out_count);

/**
 * Computes the probabilities of the classes for a batch of samples that are prepared already: what
 * cnn_forward computes, turned into probabilities as in cnn_recognise_file.
 *
 * @param model            [in] A model with one input; its first output is one number for each class.
 * @param batch            [in] The number of samples, at least 1.
 * @param layout           [in] The order of axes of the samples.
 * @param input            [in] The samples, one after the other.
 * @param input_count      [in] The number of floats in input: batch times the size of a sample.
 * @param output_capacity  [in] The number of floats that fit out_output: at least batch times the
 *                         number of classes.
 * @param out_output       [out] A row of probabilities for each sample; each row adds up to 1.
 * @return CNN_SHAPE_MISMATCH if input_count does not fit, CNN_UNSUPPORTED for other models,
 *         CNN_NON_FINITE if the model's output is not finite.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_probabilities(const cnn_model *model, int64_t batch, cnn_layout layout,
                             const float *input, int64_t input_count, int64_t output_capacity,
                             float *out_output);

/**
 * Frees a model.
 *
 * Sessions and trainings made from it stay usable; their memory goes with the last of them.
 *
 * @param model  [in] The model; may be NULL.
 *
 * [any thread] Since 0.1.
 */
void cnn_model_free(cnn_model *model);

/* ============================================================================================== *
 * 2. MODELS AND SESSIONS
 * ============================================================================================== */

/* ---- Creating, loading, saving --------------------------------------------------------------- */

/**
 * Creates a model from the description of its graph, with freshly initialised parameters.
 *
 * The description is a JSON object:
 *
 *     { "inputs":  [ { "name": "image", "shape": [32, 32, 3] } ],
 *       "layers":  [ { "name": "conv1", "type": "conv2d", "out_channels": 32, "kernel_size": 7,
 *                      "padding": "same" },
 *                    { "name": "relu1", "type": "relu" },
 *                    { "name": "sum", "type": "add", "inputs": ["relu1", "conv1"] },
 *                    { "type": "flatten" },
 *                    { "name": "logits", "type": "linear", "out_features": 10 } ],
 *       "outputs": [ "logits" ] }
 *
 * A layer takes the output of the one before it where "inputs" is left out, and is named after its
 * type and place where "name" is; the output is the last layer where "outputs" is. Every further
 * key of a layer is an attribute of its type: see cnn_layer_types. Errors name the layer, what was
 * expected and what was there.
 *
 * "precise": true beside "layers" makes layers compute with the smallest rounding error, in training
 * too. Left out, convolutions may use algorithms that save multiplications (Winograd) and differ
 * from plain sums by about 1e-5 of the largest output.
 *
 * Options:
 *   "seed"         integer from 0, default 0: where the random parameters come from
 *   "class_names"  list of texts, default none
 *
 * @param graph_json    [in] The description.
 * @param options_json  [in] Options; may be NULL.
 * @param out_model     [out] The model; free it with cnn_model_free.
 * @return CNN_MALFORMED_DATA for text that is not JSON, CNN_UNKNOWN_NAME for layer types,
 *         attributes, inputs and options, CNN_SHAPE_MISMATCH where layers do not fit.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_model_create(const char *graph_json, const char *options_json,
                            cnn_model **out_model);

/**
 * Creates a model of a well-known architecture, with freshly initialised parameters.
 *
 * Options: those of cnn_model_create, and those that cnn_architectures lists, among them
 *   "classes"      integer from 1, default depends on the architecture: how many classes
 *   "input_shape"  [height, width, channels], default depends on the architecture
 *
 * @param name          [in] One of the names that cnn_architectures lists, such as "resnet18".
 * @param options_json  [in] Options; may be NULL.
 * @param out_model     [out] The model; free it with cnn_model_free.
 * @return CNN_UNKNOWN_NAME, CNN_SHAPE_MISMATCH if the input is too small for the architecture.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_model_create_named(const char *name, const char *options_json,
                                  cnn_model **out_model);

/**
 * Describes the architectures that cnn_model_create_named knows.
 *
 * @param out_json  [out] A list of objects with "name", "summary", "input_shape", "classes" and
 *                  "options", a list as the attributes of cnn_layer_types; release it with
 *                  cnn_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_architectures(char **out_json);

/**
 * Describes every layer type that graphs may use.
 *
 * @param out_json  [out] A list of objects with "name", "version", "summary", "origin" ("built in",
 *                  "this program", or "plugin ID VERSION"), "inputs" ([least, most]) and
 *                  "attributes", a list of objects with "name", "kind", "expects", "default" (absent
 *                  if required), "summary", and "minimum" and "maximum" or "choices" where there are
 *                  any. Blocks, which stand for several layers in a row, have neither "version" nor
 *                  "inputs". Release it with cnn_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_layer_types(char **out_json);

/**
 * Loads a model from memory that holds what a model file holds.
 *
 * @param bytes      [in] The contents of the file.
 * @param size       [in] How many bytes, at least 1.
 * @param out_model  [out] The model; free it with cnn_model_free. It keeps no pointer to bytes.
 * @return CNN_MALFORMED_DATA, CNN_UNKNOWN_NAME as for cnn_model_load.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_model_load_memory(const void *bytes, int64_t size, cnn_model **out_model);

/**
 * Saves a model to a file, replacing the file at once when it is complete.
 *
 * The same model always gives the same bytes.
 *
 * @param model  [in] The model.
 * @param path   [in] The file.
 * @return CNN_INPUT_OUTPUT, and then a file that was there before is as it was.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_save(const cnn_model *model, const char *path);

/**
 * Saves a model to a file in a way that options say; see cnn_model_save.
 *
 * Options:
 *   "precision"  how parameters are stored; default "float32":
 *                  "float32"   exactly
 *                  "float16"   in 16 bits, IEEE 754 half precision: 11 significant bits, magnitudes
 *                              from 6.1e-5 to 65504, with fewer bits down to 6e-8; smaller ones
 *                              become 0
 *                  "bfloat16"  in 16 bits: 8 significant bits, the magnitudes of 32-bit numbers
 *
 * With 16 bits a file has half the size. Numbers are rounded to the nearest, ties to even; loading
 * is exact. States (running statistics) stay in 32 bits, and so does every parameter with a finite
 * number that would become infinite. The model in memory stays as it is.
 *
 * @param model         [in] The model.
 * @param path          [in] The file.
 * @param options_json  [in] Options; may be NULL.
 * @return CNN_INPUT_OUTPUT, and then a file that was there before is as it was; CNN_UNKNOWN_NAME for
 *         another precision.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_save_as(const cnn_model *model, const char *path, const char *options_json);

/**
 * Saves a model to memory: the bytes that cnn_model_save would write.
 *
 * @param model      [in] The model.
 * @param out_bytes  [out] The bytes; release them with cnn_free.
 * @param out_size   [out] How many.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_save_memory(const cnn_model *model, void **out_bytes, int64_t *out_size);

/**
 * Copies a model with its parameters, for example to predict with one while training the other.
 *
 * @param model      [in] The model.
 * @param out_model  [out] The copy; free it with cnn_model_free.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_copy(const cnn_model *model, cnn_model **out_model);

/**
 * Copies a model for other classes: its last layer is new, everything before it stays as it was.
 *
 * The layer is the last one with parameters before the first output whose attribute sets how many
 * numbers come out, such as a linear layer, or a convolution before a global average. Its
 * parameters, and those of layers behind it, are freshly initialised. Preprocessing and metadata
 * stay, except for what was measured of the old classes.
 *
 * Options:
 *   "classes"  list of different texts, the names of the new classes, or only their number
 *   "layer"    name of the layer to replace; left out, it is found
 *   "seed"     integer from 0, default 0: where the random parameters come from
 *
 * @param model         [in] The model, which stays as it is.
 * @param options_json  [in] Options; "classes" is required.
 * @param out_model     [out] The new model; free it with cnn_model_free.
 * @return CNN_INVALID_ARGUMENT for "classes" that are missing or unfit, CNN_UNKNOWN_NAME for a layer
 *         that does not exist, CNN_UNSUPPORTED if no layer, or not the one named, sets the number of
 *         outputs.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_replace_head(const cnn_model *model, const char *options_json,
                                  cnn_model **out_model);

/* ---- Describing ------------------------------------------------------------------------------ */

/** How many of everything a model has. */
typedef struct cnn_model_info {
  /** Set it to sizeof(cnn_model_info). */
  size_t struct_size;
  /** Inputs, at least 1. */
  int64_t input_count;
  /** Outputs, at least 1. */
  int64_t output_count;
  /** Layers, after blocks are replaced by the layers they stand for. */
  int64_t layer_count;
  /** Parameters: arrays of numbers that training changes. */
  int64_t parameter_count;
  /** States: arrays of numbers that are kept and not trained, such as running means. */
  int64_t state_count;
  /** The numbers in all parameters together. */
  int64_t parameter_elements;
  /** Class names, 0 if the model has none. */
  int64_t class_count;
} cnn_model_info;

/** What a cnn_model_info starts as. */
#define CNN_MODEL_INFO_INIT \
  { sizeof(cnn_model_info), 0, 0, 0, 0, 0, 0, 0 }

/** A tensor: what it is called, its shape, and where it is. */
typedef struct cnn_tensor {
  /** Set it to sizeof(cnn_tensor). */
  size_t struct_size;
  /** The name; borrowed from the object that was asked, until that is freed. */
  const char *name;
  /** The elements in memory order; borrowed, see the function that fills the struct for how long.
   *  NULL where the tensor is only described. */
  float *data;
  /** The gradient of the loss by the elements, in the same order; NULL where there is none. */
  float *gradient;
  /** The number of elements: the product of all sizes. */
  int64_t count;
  /** The number of axes, at most CNN_MAX_RANK. */
  int64_t rank;
  /** The size along each axis in memory (NHWC; weights out, height, width, in); 0 after the last.
  */ int64_t shape[CNN_MAX_RANK];
  /** The same with the axes as CNN_NCHW has them, which for weights is their order in files. */
  int64_t shape_nchw[CNN_MAX_RANK];
} cnn_tensor;

/** What a cnn_tensor starts as. */
#define CNN_TENSOR_INIT                                                        \
  { sizeof(cnn_tensor), NULL, NULL, NULL, 0, 0, { 0, 0, 0, 0, 0, 0, 0, 0, 0 }, \
    { 0, 0, 0, 0, 0, 0, 0, 0, 0 } }

/**
 * Counts what a model has.
 *
 * @param model     [in] The model.
 * @param out_info  [in, out] struct_size is read, the rest is written.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_describe(const cnn_model *model, cnn_model_info *out_info);

/**
 * Describes an input: its name and the shape of one sample.
 *
 * @param model       [in] The model.
 * @param index       [in] From 0 to input_count - 1.
 * @param out_tensor  [in, out] struct_size is read, the rest is written; data is NULL.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_input(const cnn_model *model, int64_t index, cnn_tensor *out_tensor);

/**
 * Describes an output: its name and the shape of one sample.
 *
 * @param model       [in] The model.
 * @param index       [in] From 0 to output_count - 1.
 * @param out_tensor  [in, out] struct_size is read, the rest is written; data is NULL.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_output(const cnn_model *model, int64_t index, cnn_tensor *out_tensor);

/**
 * Returns the graph as JSON that cnn_model_create reads.
 *
 * It is the description that the model was made from: attributes and inputs that were left out there
 * are left out here.
 *
 * @param model     [in] The model.
 * @param out_json  [out] The description; release it with cnn_free.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_graph(const cnn_model *model, char **out_json);

/**
 * Returns a table of the model for people: layers, shapes, parameters, operations, memory.
 *
 * @param model     [in] The model.
 * @param batch     [in] The batch size that memory is given for, at least 1.
 * @param out_text  [out] Some lines of text; release it with cnn_free.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_summary(const cnn_model *model, int64_t batch, char **out_text);

/* ---- Class names, preprocessing, metadata ---------------------------------------------------- */

/**
 * Returns the name of a class.
 *
 * @param model     [in] The model.
 * @param index     [in] From 0 to class_count - 1 of cnn_model_info.
 * @param out_name  [out] Borrowed, valid until the model is freed.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_class_name(const cnn_model *model, int64_t index, const char **out_name);

/**
 * Sets the names of all classes.
 *
 * @param model  [in] The model.
 * @param names  [in] The names, none of them NULL; may be NULL if count is 0.
 * @param count  [in] As many as the first output has elements, or 0 for none.
 * @return CNN_SHAPE_MISMATCH if count does not fit the first output.
 *
 * [changes model] Since 0.1.
 */
cnn_status cnn_model_set_class_names(cnn_model *model, const char *const *names, int64_t count);

/**
 * Returns how pictures become the model's input, as JSON with the keys that
 * cnn_model_set_preprocessing takes.
 *
 * @param model     [in] The model.
 * @param out_json  [out] The preprocessing; release it with cnn_free.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_preprocessing(const cnn_model *model, char **out_json);

/**
 * Sets how pictures become the model's input: in cnn_recognise_..., in training and in
 * cnn_image_to_tensor alike.
 *
 * Keys, in the order in which the steps happen:
 *   "width", "height"     integers from 1, required: the size of the model's input
 *   "color"               "rgb", "bgr" or "grey"; default "rgb"
 *   "resize"              how a picture gets that size; default "stretch":
 *                           "stretch"       whatever the proportions
 *                           "shorter_side"  scale the shorter side to "shorter_side" pixels, cut
 *                                           out the middle
 *                           "fit"           scale until all of it fits, fill up with
 *                                           "padding_color", [red, green, blue]
 *   "filter"              "nearest", "box", "bilinear", "bicubic" or "lanczos3", all antialiased;
 *                         default "bilinear"
 *   "scale"               number, default 1/255: factor of each value from 0 to 255
 *   "mean"                list with a number per channel, default 0: subtracted after scaling
 *   "mean_image"          list with a number per input element, default none: instead of "mean"
 *   "standard_deviation"  list with a number per channel, default 1: divides the difference
 *
 * A model for pictures that has none set uses the defaults with the size of its input.
 *
 * @param model  [in] The model.
 * @param json   [in] The preprocessing; keys that are left out get their defaults.
 * @return CNN_MALFORMED_DATA, CNN_UNKNOWN_NAME, CNN_SHAPE_MISMATCH if the result does not fit the
 *         input.
 *
 * [changes model] Since 0.1.
 */
cnn_status cnn_model_set_preprocessing(cnn_model *model, const char *json);

/**
 * Returns how the model's output becomes probabilities, as JSON with the keys that
 * cnn_model_set_recognition takes.
 *
 * @param model     [in] The model.
 * @param out_json  [out] The settings; release it with cnn_free.
 * @return CNN_MALFORMED_DATA, CNN_UNKNOWN_NAME if the model's file held no such settings.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_recognition(const cnn_model *model, char **out_json);

/**
 * Sets how the model's output becomes probabilities: in cnn_recognise_..., cnn_probabilities,
 * cnn_evaluate and cnn_calibrate alike, and saved with the model. Training and cnn_forward are not
 * concerned.
 *
 * Keys:
 *   "temperature"    number above 0, default 1: what the logits are divided by before the softmax.
 *                    Above 1 the probabilities are more even; the order of the classes stays.
 *                    cnn_calibrate finds it.
 *   "average_flips"  boolean, default false: take the mean of the logits of a picture and of its
 *                    mirror image (the prepared input with left and right exchanged), which takes
 *                    twice the time
 *
 * Behind a softmax the logarithms of the output serve as logits.
 *
 * @param model  [in] The model.
 * @param json   [in] The settings; keys that are left out get their defaults.
 * @return CNN_MALFORMED_DATA, CNN_UNKNOWN_NAME; CNN_UNSUPPORTED if mirror images are asked for and the
 *         model does not take one picture and give one number for each class.
 *
 * [changes model] Since 0.1.
 */
cnn_status cnn_model_set_recognition(cnn_model *model, const char *json);

/**
 * Returns a text that was stored with the model under a key.
 *
 * @param model     [in] The model.
 * @param key       [in] The key.
 * @param out_text  [out] The text; release it with cnn_free.
 * @return CNN_UNKNOWN_NAME if there is nothing under the key.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_metadata(const cnn_model *model, const char *key, char **out_text);

/**
 * Stores a text with the model, such as its author, licence or source.
 *
 * @param model  [in] The model.
 * @param key    [in] The key, not empty; "preprocessing", "recognition" and the keys of model files
 *               are the library's.
 * @param text   [in] The text; NULL removes the key.
 *
 * [changes model] Since 0.1.
 */
cnn_status cnn_model_set_metadata(cnn_model *model, const char *key, const char *text);

/* ---- Parameters ------------------------------------------------------------------------------ */

/**
 * Describes a parameter and gives access to its memory without copying.
 *
 * The memory is valid until the model and everything made from it is freed. It may be read while
 * no call changes the model. It may be written while no other call uses the model; call
 * cnn_model_parameters_changed afterwards.
 *
 * @param model       [in] The model.
 * @param index       [in] From 0 to parameter_count - 1 of cnn_model_info.
 * @param out_tensor  [in, out] struct_size is read, the rest is written. The name is that in files,
 *                    such as "conv1.weight"; gradient is NULL.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_parameter(const cnn_model *model, int64_t index, cnn_tensor *out_tensor);

/**
 * Describes a state, such as a running mean; otherwise as cnn_model_parameter.
 *
 * @param model       [in] The model.
 * @param index       [in] From 0 to state_count - 1 of cnn_model_info.
 * @param out_tensor  [in, out] struct_size is read, the rest is written; gradient is NULL.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_state(const cnn_model *model, int64_t index, cnn_tensor *out_tensor);

/**
 * Copies a parameter or state out of the model.
 *
 * @param model     [in] The model.
 * @param name      [in] Its name, such as "conv1.weight".
 * @param layout    [in] CNN_NCHW for the order of axes in files and in PyTorch, CNN_NHWC for that
 *                  in memory.
 * @param capacity  [in] The length of out_data.
 * @param out_data  [out] The elements.
 * @return CNN_UNKNOWN_NAME.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_model_get_parameter(const cnn_model *model, const char *name, cnn_layout layout,
                                   int64_t capacity, float *out_data);

/**
 * Replaces a parameter or state of the model.
 *
 * @param model   [in] The model.
 * @param name    [in] Its name, such as "conv1.weight".
 * @param layout  [in] The order of axes of shape and data, see cnn_model_get_parameter.
 * @param shape   [in] The size of data along each axis; it is compared with the parameter's.
 * @param rank    [in] How many axes.
 * @param data    [in] The elements: the product of all sizes.
 * @return CNN_UNKNOWN_NAME, CNN_SHAPE_MISMATCH.
 *
 * [changes model] Since 0.1.
 */
cnn_status cnn_model_set_parameter(cnn_model *model, const char *name, cnn_layout layout,
                                   const int64_t *shape, int64_t rank, const float *data);

/**
 * Tells the model that its parameters or states were written through borrowed memory.
 *
 * Sessions keep what they derived from parameters, such as folded batch normalisation; after this
 * call they derive it anew.
 *
 * @param model  [in] The model.
 *
 * [changes model] Since 0.1.
 */
cnn_status cnn_model_parameters_changed(cnn_model *model);

/* ---- Running a model ------------------------------------------------------------------------- */

/**
 * Runs a model with one input and one output on a batch: the heart of prediction.
 *
 * Any number of threads may do so with one model; memory for each is kept and used again. The
 * output has the same bits whichever thread computes it, and mostly in whichever batch: only where a
 * convolution's weights are so large that bringing them into the form for large batches would take
 * most of the time, a few samples are computed in another way, and last bits differ. "precise": true
 * keeps them the same. Large batches are worked through in pieces, so that memory stays bounded.
 *
 * @param model            [in] A model with one input; its first output is returned.
 * @param batch            [in] The number of samples, at least 1.
 * @param layout           [in] The order of axes of input and output.
 * @param input            [in] The samples, one after the other.
 * @param input_count      [in] The number of floats in input: batch times the size of a sample.
 * @param output_capacity  [in] The number of floats that fit out_output: at least batch times the
 *                         size of the output of one sample.
 * @param out_output       [out] The output of each sample, one after the other.
 * @return CNN_SHAPE_MISMATCH if input_count does not fit, CNN_UNSUPPORTED for a model with several
 *         inputs (use a session).
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_forward(const cnn_model *model, int64_t batch, cnn_layout layout,
                       const float *input, int64_t input_count, int64_t output_capacity,
                       float *out_output);

/**
 * Creates a session: memory and plan for running a model again and again.
 *
 * Use one for several inputs or outputs, for the outputs of inner layers, or to fill and read the
 * model's own buffers without copying.
 *
 * Options:
 *   "batch_size"  integer from 1, default 1: the largest batch to make room for at once; larger
 *                 batches make the session grow when they come
 *   "keep"        list of layer names, default none: inner layers whose outputs are kept
 *   "precise"     true or false, default false: compute with the smallest rounding error, as a
 *                 graph with "precise": true does, instead of the fastest way
 *
 * @param model         [in] The model; the session sees its parameters as they are at each run.
 * @param options_json  [in] Options; may be NULL.
 * @param out_session   [out] The session; free it with cnn_session_free.
 * @return CNN_UNKNOWN_NAME.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_session_create(const cnn_model *model, const char *options_json,
                              cnn_session **out_session);

/**
 * Frees a session.
 *
 * @param session  [in] The session; may be NULL.
 *
 * [any thread] Since 0.1.
 */
void cnn_session_free(cnn_session *session);

/**
 * Copies a batch into an input of the session.
 *
 * All inputs of a run must have the same batch size.
 *
 * @param session  [in] The session.
 * @param name     [in] The input; may be NULL if the model has only one.
 * @param layout   [in] The order of axes of shape and data.
 * @param shape    [in] The size of data along each axis, the batch first.
 * @param rank     [in] How many axes.
 * @param data     [in] The elements: the product of all sizes.
 * @return CNN_UNKNOWN_NAME, CNN_SHAPE_MISMATCH.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_session_set_input(cnn_session *session, const char *name, cnn_layout layout,
                                 const int64_t *shape, int64_t rank, const float *data);

/**
 * Gives access to the memory of an input, to be filled without copying.
 *
 * @param session     [in] The session.
 * @param name        [in] The input; may be NULL if the model has only one.
 * @param batch       [in] The number of samples of the coming run, at least 1.
 * @param out_tensor  [in, out] struct_size is read, the rest is written. data is NHWC and valid
 *                    until the session is freed or gets a larger batch; fill all of it.
 * @return CNN_UNKNOWN_NAME.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_session_input(cnn_session *session, const char *name, int64_t batch,
                             cnn_tensor *out_tensor);

/**
 * Computes the outputs from the inputs that were set.
 *
 * @param session  [in] The session, with every input set.
 * @return CNN_INVALID_ARGUMENT if an input was never set, CNN_SHAPE_MISMATCH if the batch sizes of
 *         the inputs differ, CNN_BUSY while the model is being changed.
 *
 * [one at a time] [reads model] Since 0.1.
 */
cnn_status cnn_session_run(cnn_session *session);

/**
 * Copies an output of the last run, or what a kept layer computed.
 *
 * @param session   [in] The session.
 * @param name      [in] An output, or a layer named in "keep"; NULL means the first output.
 * @param layout    [in] The order of axes of out_data.
 * @param capacity  [in] The length of out_data.
 * @param out_data  [out] The elements for the whole batch.
 * @return CNN_UNKNOWN_NAME, CNN_INVALID_ARGUMENT before the first run.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_session_get_output(cnn_session *session, const char *name, cnn_layout layout,
                                  int64_t capacity, float *out_data);

/**
 * Gives access to an output of the last run, or to what a kept layer computed, without copying.
 *
 * @param session     [in] The session.
 * @param name        [in] An output, or a layer named in "keep"; NULL means the first output.
 * @param out_tensor  [in, out] struct_size is read, the rest is written. The shape has the batch in
 *                    front. data is NHWC, to be read only, and valid until the next run.
 * @return CNN_UNKNOWN_NAME, CNN_INVALID_ARGUMENT before the first run.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_session_output(cnn_session *session, const char *name, cnn_tensor *out_tensor);

/* ============================================================================================== *
 * 3. TRAINING
 * ============================================================================================== */

/* ---- A step at a time ------------------------------------------------------------------------ */

/**
 * Prepares to train a model: memory for gradients, losses, an optimizer, a schedule.
 *
 * The model stays usable for predictions between the calls of the training; during each call of
 * the training other users get CNN_BUSY.
 *
 * Options:
 *   "batch_size"     integer from 1, default 32: the largest batch of a step
 *   "seed"           integer from 0, default 0: where dropout gets its random numbers
 *   "loss"           a loss, or an object from output names to losses; default
 *                    "softmax_cross_entropy" for the first output and "none" for the others.
 *                    A loss is a name or {"type": name, "weight": number, default 1, "target":
 *                    name of the dataset's target, default that of the output}:
 *                      "softmax_cross_entropy"  logits against class numbers, or against
 *                                               probabilities; "label_smoothing", default 0:
 *                                               the share that is spread over all classes
 *                      "sigmoid_cross_entropy"  logits against targets from 0 to 1
 *                      "mean_squared_error"     numbers against targets
 *                      "smooth_l1"              numbers against targets; "beta", default 1
 *                      "none"                   yours: write the gradients of the output
 *                    The total is the weighted sum; each loss is the mean over the batch.
 *   "optimizer"      a name or {"type": name, ...}; default "adam". With their further keys:
 *                      "sgd"
 *                      "momentum"  "momentum" 0.9
 *                      "nesterov"  "momentum" 0.9
 *                      "rmsprop"   "decay" 0.99, "epsilon" 1e-8
 *                      "adagrad"   "epsilon" 1e-8
 *                      "adam"      "beta1" 0.9, "beta2" 0.999, "epsilon" 1e-8
 *                      "adamw"     the same; weight decay is decoupled
 *   "learning_rate"  number above 0; default 0.01, with rmsprop, adam and adamw 0.001
 *   "weight_decay"   number from 0, default 0: L2, on weights; biases and normalisation are exempt
 *   "decay"          object from parameter names or patterns to booleans: exceptions from that rule
 *   "clip_norm"      number above 0, default null: the largest L2 norm of all gradients together
 *   "clip_value"     number above 0, default null: the largest absolute value of a gradient
 *   "schedule"       a name or {"type": name, ...}; default "constant":
 *                      "constant"
 *                      "exponential"  "factor" 0.95 per epoch
 *                      "step"         "epochs" 30, "factor" 0.1
 *                      "plateau"      "patience" 3 epochs without a better result, "factor" 0.1,
 *                                     "minimum" 0, "min_delta" 0
 *                      "cosine"       "epochs": length of the half wave, in cnn_trainer_fit by
 *                                     default the run's; "minimum" 0
 *                    and for each "warmup_steps" integer from 0, default 0: linear rise from
 *                    0; or, in cnn_trainer_fit, "warmup_epochs" number from 0, default 0
 *   "frozen"          list of parameter names or patterns, default none: those keep their values,
 *                     and no time is spent on gradients that nothing needs
 *   "freeze_statistics" boolean, default true: layers whose parameters are all frozen keep their
 *                     running statistics too, and use them as in prediction; "all": all layers do,
 *                     those that are trained among them
 *   "learning_rates"  object from parameter names or patterns to numbers from 0, default none:
 *                     factors of the learning rate, 1 for parameters that are not named
 *   "input_gradients" boolean, default false: compute the gradient of the inputs as well
 *
 * In a pattern for the names of parameters * stands for any characters, dots among them, and ? for
 * exactly one: "layer1.*", "*.bn?.weight". Of several that match, the one with the most other
 * characters counts. One that matches nothing is an error that names the nearest.
 *
 * @param model         [in] The model; the training changes its parameters in place.
 * @param options_json  [in] Options; may be NULL.
 * @param out_training  [out] The training; free it with cnn_training_free.
 * @return CNN_UNKNOWN_NAME, CNN_MALFORMED_DATA for options, CNN_UNSUPPORTED if a layer has no
 *         gradient, with its name.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_training_create(cnn_model *model, const char *options_json,
                               cnn_training **out_training);

/**
 * Frees a training. The model keeps the parameters as they are.
 *
 * @param training  [in] The training; may be NULL.
 *
 * [any thread] Since 0.1.
 */
void cnn_training_free(cnn_training *training);

/**
 * Trains on one batch: forward, loss, backward, optimizer; the heart of training.
 *
 * Each parameter changes as soon as its gradient is complete, which saves the memory for all
 * gradients, unless clipping needs them together or you have asked to see them before
 * (cnn_training_parameter, cnn_backward). The numbers are the same.
 *
 * For a model with one input whose first output has a loss over class numbers. For others set
 * inputs and targets one by one and call cnn_training_step.
 *
 * @param training     [in] The training.
 * @param batch        [in] The number of samples, from 1 to the option "batch_size".
 * @param layout       [in] The order of axes of input.
 * @param input        [in] The samples, one after the other.
 * @param input_count  [in] The number of floats in input: batch times the size of a sample.
 * @param labels       [in] The class of each sample, from 0: batch numbers. (For an output with
 *                     classes at several positions, one for each position of each sample.)
 * @param out_loss     [out] The mean loss over the batch before the update; may be NULL.
 * @return CNN_SHAPE_MISMATCH, CNN_INVALID_ARGUMENT for a label that is no class, CNN_NON_FINITE if
 *         the loss is not finite, with the step and the first layer that was not; then the
 *         parameters are as they were. CNN_NON_FINITE also if a gradient is not finite; then
 *         parameters of layers behind the one named may have changed by finite gradients.
 *
 * [one at a time] [changes model] Since 0.1.
 */
cnn_status cnn_train_step(cnn_training *training, int64_t batch, cnn_layout layout,
                          const float *input, int64_t input_count, const int64_t *labels,
                          double *out_loss);

/**
 * Copies a batch into an input of the training; see cnn_session_set_input.
 *
 * @param training  [in] The training.
 * @param name      [in] The input; may be NULL if the model has only one.
 * @param layout    [in] The order of axes of shape and data.
 * @param shape     [in] The size of data along each axis, the batch first.
 * @param rank      [in] How many axes.
 * @param data      [in] The elements: the product of all sizes.
 * @return CNN_UNKNOWN_NAME, CNN_SHAPE_MISMATCH.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_set_input(cnn_training *training, const char *name, cnn_layout layout,
                                  const int64_t *shape, int64_t rank, const float *data);

/**
 * Sets the class numbers that an output should give.
 *
 * @param training  [in] The training.
 * @param output    [in] The output; NULL means the first one.
 * @param labels    [in] The class of each sample, from 0; for an output with classes at several
 *                  positions, one for each position of each sample.
 * @param count     [in] How many: the batch size, times the number of positions.
 * @return CNN_UNKNOWN_NAME, CNN_UNSUPPORTED if the output's loss takes no class numbers.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_set_labels(cnn_training *training, const char *output,
                                   const int64_t *labels, int64_t count);

/**
 * Sets the numbers that an output should give.
 *
 * @param training  [in] The training.
 * @param output    [in] The output; NULL means the first one.
 * @param layout    [in] The order of axes of shape and data.
 * @param shape     [in] The size of data along each axis, the batch first: the output's shape.
 * @param rank      [in] How many axes.
 * @param data      [in] The elements: the product of all sizes.
 * @return CNN_UNKNOWN_NAME, CNN_SHAPE_MISMATCH, CNN_UNSUPPORTED if the output's loss takes class
 *         numbers.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_set_targets(cnn_training *training, const char *output, cnn_layout layout,
                                    const int64_t *shape, int64_t rank, const float *data);

/**
 * Trains on the inputs, labels and targets that were set: the general form of cnn_train_step.
 *
 * The same as cnn_training_zero_gradients, cnn_training_forward, cnn_training_loss, cnn_backward
 * and cnn_optimizer_step.
 *
 * @param training  [in] The training, with every input set, and labels or targets for every loss.
 * @param out_loss  [out] The total loss before the update; may be NULL.
 * @return As for cnn_train_step.
 *
 * [one at a time] [changes model] Since 0.1.
 */
cnn_status cnn_training_step(cnn_training *training, double *out_loss);

/* ---- The parts of a step, for losses and loops of your own ----------------------------------- */

/**
 * Sets all gradients to zero. Without it, gradients of several batches add up.
 *
 * @param training  [in] The training.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_zero_gradients(cnn_training *training);

/**
 * Computes the outputs from the inputs as training does: dropout drops, batch normalisation uses
 * the batch and moves its running statistics.
 *
 * @param training  [in] The training, with every input set.
 * @return CNN_INVALID_ARGUMENT if an input was never set, CNN_SHAPE_MISMATCH if batch sizes differ.
 *
 * [one at a time] [changes model] Since 0.1.
 */
cnn_status cnn_training_forward(cnn_training *training);

/**
 * Computes the losses of the outputs, and from them the gradients of the outputs.
 *
 * Gradients of outputs whose loss is "none" are set to zero, for you to write afterwards.
 *
 * @param training  [in] The training, after cnn_training_forward.
 * @param out_loss  [out] The total loss; may be NULL.
 * @return CNN_INVALID_ARGUMENT without labels or targets of the right number, CNN_NON_FINITE.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_loss(cnn_training *training, double *out_loss);

/**
 * Gives access to an output and to its gradient, without copying.
 *
 * For a loss of your own: read data, write into gradient the derivative of your loss by each
 * element, and call cnn_backward.
 *
 * @param training    [in] The training, after cnn_training_forward.
 * @param name        [in] The output; NULL means the first one.
 * @param out_tensor  [in, out] struct_size is read, the rest is written. The shape has the batch in
 *                    front. data is to be read only, gradient may be written; both are NHWC and
 *                    valid until the next cnn_training_forward.
 * @return CNN_UNKNOWN_NAME.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_output(cnn_training *training, const char *name, cnn_tensor *out_tensor);

/**
 * Computes gradients of all parameters from the gradients of the outputs, and adds them to those
 * that are there.
 *
 * @param training  [in] The training, after cnn_training_forward; once for each.
 * @return CNN_INVALID_ARGUMENT without a forward pass before.
 *
 * [one at a time] [reads model] Since 0.1.
 */
cnn_status cnn_backward(cnn_training *training);

/**
 * Gives access to an input and, with the option "input_gradients", to its gradient.
 *
 * @param training    [in] The training, after cnn_training_set_input.
 * @param name        [in] The input; may be NULL if the model has only one.
 * @param out_tensor  [in, out] struct_size is read, the rest is written. The shape has the batch in
 *                    front; data and gradient are NHWC and valid until the next
 *                    cnn_training_forward. gradient is NULL without the option.
 * @return CNN_UNKNOWN_NAME.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_input(cnn_training *training, const char *name, cnn_tensor *out_tensor);

/**
 * Gives access to a parameter and its gradient, without copying. The first call takes the memory for
 * all gradients; those of steps before it are gone.
 *
 * This is also the seam for training on several machines: sum the gradients between cnn_backward
 * and cnn_optimizer_step.
 *
 * @param training    [in] The training.
 * @param index       [in] From 0 to parameter_count - 1 of cnn_model_info.
 * @param out_tensor  [in, out] struct_size is read, the rest is written. Both data and gradient may
 *                    be written between calls, and are valid until the training is freed.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_parameter(cnn_training *training, int64_t index, cnn_tensor *out_tensor);

/**
 * Changes the parameters by their gradients: clipping, weight decay, the optimizer's rule; then the
 * schedule goes on by a step.
 *
 * @param training  [in] The training.
 * @return CNN_NON_FINITE if a gradient is not finite; then the parameters are as they were.
 *
 * [one at a time] [changes model] Since 0.1.
 */
cnn_status cnn_optimizer_step(cnn_training *training);

/**
 * Returns the learning rate of the next step.
 *
 * @param training  [in] The training.
 * @param out_rate  [out] The rate.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_get_learning_rate(cnn_training *training, double *out_rate);

/**
 * Sets the learning rate that the schedule starts from; its factors apply to it.
 *
 * @param training  [in] The training.
 * @param rate      [in] Finite, from 0.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_set_learning_rate(cnn_training *training, double rate);

/**
 * Tells the schedule that an epoch is over.
 *
 * @param training  [in] The training.
 * @param result    [in] What "plateau" watches: larger is better, such as the accuracy on data that
 *                  was not trained on. Other schedules ignore it; NAN means not known.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_training_end_epoch(cnn_training *training, double result);

/**
 * Writes everything that the training needs to go on later with the same bits: parameters, states,
 * optimizer, schedule, step and random numbers.
 *
 * @param training  [in] The training.
 * @param path      [in] The file.
 * @return CNN_INPUT_OUTPUT, and then a file that was there before is as it was.
 *
 * [one at a time] [reads model] Since 0.1.
 */
cnn_status cnn_training_save(cnn_training *training, const char *path);

/**
 * Puts a training into the state that cnn_training_save wrote, the model's parameters included.
 *
 * @param training  [in] A training of the same graph with the same options.
 * @param path      [in] The file.
 * @return CNN_INPUT_OUTPUT, CNN_MALFORMED_DATA, CNN_SHAPE_MISMATCH if it belongs to another graph
 *         or optimizer; then the training is as it was.
 *
 * [one at a time] [changes model] Since 0.1.
 */
cnn_status cnn_training_load(cnn_training *training, const char *path);

/**
 * Compares the gradients that a graph's layers compute with finite differences.
 *
 * Works on a copy of the model, with random inputs and a random weighting of the outputs. Layers
 * compute as in a graph with "precise": true, because slopes that are measured as small differences
 * drown in the rounding of the fastest algorithms.
 *
 * Options:
 *   "batch_size"  integer from 1, default 2
 *   "seed"        integer from 0, default 0
 *   "step"        number above 0, default 1e-2: the difference
 *   "tolerance"   number above 0, default 2e-2: the largest relative error that passes
 *   "samples"     integer from 1, default 50: how many elements of each array are checked
 *   "loss"        as for cnn_training_create, default none: differentiate losses instead of a
 *                 random weighting of the outputs
 *
 * @param model         [in] The model.
 * @param options_json  [in] Options; may be NULL.
 * @param out_error     [out] The largest relative error; may be NULL.
 * @param out_json      [out] An object with "passed", "largest_error", and "arrays", a list with
 *                      "name", "error", "array_error", "checked", "skipped", "worst_element",
 *                      "analytic" and "numeric" for each input and parameter. Release it with
 *                      cnn_free. May be NULL.
 * @return CNN_OK also when the check does not pass: look at the results. CNN_UNSUPPORTED if a layer
 *         has no gradient.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_gradient_check(const cnn_model *model, const char *options_json, double *out_error,
                              char **out_json);

/* ---- A whole run ----------------------------------------------------------------------------- */

/** What a cnn_progress reports. */
enum {
  /** A step is done. */
  CNN_PROGRESS_STEP = 1,
  /** An epoch is done, validation included. */
  CNN_PROGRESS_EPOCH = 2
};

/** How far a run of training has come. */
typedef struct cnn_progress {
  /** Set by the library to the size it knows; read no fields beyond it. */
  size_t struct_size;
  /** CNN_PROGRESS_STEP or CNN_PROGRESS_EPOCH. */
  int32_t event;
  /** The epoch, from 0. */
  int64_t epoch;
  /** How many epochs there will be at most. */
  int64_t epoch_count;
  /** Steps done in this epoch. */
  int64_t step;
  /** Steps in an epoch. */
  int64_t step_count;
  /** The loss of this step; at the end of an epoch the mean over its steps. */
  double loss;
  /** The learning rate of this step. */
  double learning_rate;
  /** The share of right answers on the batches of this epoch so far, NAN for losses without
   *  classes. */
  double accuracy;
  /** The loss on the validation data; NAN without, and in steps. */
  double validation_loss;
  /** The share of right answers on the validation data; NAN without, and in steps. */
  double validation_accuracy;
  /** Samples trained per second, lately. */
  double samples_per_second;
  /** Seconds since the run began. */
  double seconds;
  /** An estimate of the seconds until the last epoch ends. */
  double seconds_left;
} cnn_progress;

/**
 * Called during cnn_trainer_fit or cnn_finetune, on the thread that called that.
 *
 * The callback may predict with the model. It may not train it or free what the run uses, nor
 * throw, nor longjmp.
 *
 * @param progress  Valid during the call.
 * @param user      What was given to that function.
 * @return 0 to go on, anything else to stop.
 */
typedef int32_t (*cnn_progress_callback)(const cnn_progress *progress, void *user);

/**
 * Trains a model on a dataset: shuffled batches, augmentation, validation, the best parameters.
 *
 * Pictures go through the model's preprocessing. A model that has no class names or no
 * preprocessing gets those of the dataset.
 *
 * Options: those of cnn_training_create, and
 *   "epochs"            integer from 1, default 10
 *   "shuffle"           boolean, default true: a new order for each epoch
 *   "drop_last"         boolean, default false: leave out the last batch if it is smaller
 *   "preset"            name, default null: a recipe (see cnn_training_presets) whose options stand
 *                       for those that are not given; null as the value of an option takes it out
 *                       of the recipe
 *   "augment"           object, default none; see cnn_batches_create
 *   "mixup"             object, default none: {"alpha": 0.2, "probability": 1}, or true for these
 *                       defaults. Each sample of a batch becomes L times itself and 1 - L times
 *                       another one, and so do their classes; L comes from Beta(alpha, alpha) for
 *                       each batch. For losses that compare with classes.
 *   "cutmix"            object, default none: {"alpha": 1, "probability": 0.5}, or true. A
 *                       rectangle of another sample is put in its place, and classes count by
 *                       area. Of both, one number from 0 to 1 decides for each batch: cutmix below
 *                       its probability, then mixup, then none; probabilities whose sum is above 1
 *                       are divided by it. The accuracy while training counts the class with the
 *                       larger share.
 *   "class_balance"     boolean, default false: draw samples so that all classes are equally
 *                       frequent; an epoch has as many samples as before. Needs "shuffle".
 *   "ema"               object, default none: {"decay": 0.999, "warmup": true}, or true. After each
 *                       step, an average of parameters and running statistics becomes "decay"
 *                       times itself plus the rest of the new ones; with "warmup" the decay after
 *                       t steps is at most (1 + t) / (10 + t). The average is what is validated,
 *                       kept as the best and left in the model at the end.
 *   "accumulate"        integer from 1, default 1: batches whose gradients make up one step
 *   "keep_best"         boolean, default true: end with the parameters of the epoch with the best
 *                       validation accuracy (loss, for losses without classes)
 *   "patience"          integer from 0, default 0: stop after so many epochs without a better
 *                       result; 0 never
 *   "min_delta"         number from 0, default 0: by how much a result must be better to count
 *   "checkpoint"        path, default null: after each epoch, everything is saved there
 *   "checkpoint_every"  integer from 0, default 0: steps after which everything is saved as well
 *   "resume"            boolean, default false: go on from the checkpoint if there is one, and end
 *                       with the same bits as a run that was never interrupted
 *   "report_every"      integer from 1, default 1: steps between calls of the callback
 *   "history_every"     integer from 1, default 1: steps between losses in the history
 *   "accuracy_samples"  integer from 0, default 0: on so many samples the accuracy is taken after
 *                       the first step and each epoch
 *   "prefetch"          integer from 1 to 64, default 2: batches to read ahead
 *   "workers"           integer from 0 to 64, default 1: threads that read ahead
 *
 * @param model             [in] The model; its parameters change.
 * @param train             [in] What to train on.
 * @param validation        [in] What to judge each epoch by; may be NULL.
 * @param options_json      [in] Options; may be NULL.
 * @param progress          [in] Called after steps and epochs; may be NULL.
 * @param user              [in] Handed to the callback; may be NULL.
 * @param out_history_json  [out] An object with "epochs", a list of objects with "epoch", "loss",
 *                          "accuracy", "validation_loss", "validation_accuracy",
 *                          "learning_rate" and "seconds"; "steps", the losses of steps;
 *                          "step_interval"; "accuracy_samples"; "best_epoch"; and "stopped", one of
 *                          "finished", "patience", "cancelled". Release it with cnn_free. May be
 *                          NULL.
 * @return CNN_CANCELLED if the callback stopped the run; then the parameters are those of the last
 *         step, and out_history_json is set. CNN_SHAPE_MISMATCH if the data does not fit the model,
 *         CNN_NON_FINITE if the loss was not finite, CNN_INPUT_OUTPUT, CNN_MALFORMED_DATA for files
 *         of the dataset or the checkpoint.
 *
 * [changes model] Since 0.1.
 */
cnn_status cnn_trainer_fit(cnn_model *model, const cnn_dataset *train,
                           const cnn_dataset *validation, const char *options_json,
                           cnn_progress_callback progress, void *user, char **out_history_json);

/**
 * Describes every recipe that the option "preset" of cnn_trainer_fit may name.
 *
 * @param out_json  [out] A list of objects with "name", "summary" and "options", an object as it could
 *                  be given to cnn_trainer_fit. Release it with cnn_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_training_presets(char **out_json);

/**
 * Trains a copy of a model further, on a few pictures of other classes; what "cnn finetune" does.
 *
 * The copy has a new head for the classes of the data (see cnn_model_replace_head), unless these are
 * the model's own. Two phases follow: in the first, the head alone is trained on what everything
 * before it makes of each picture and of some random changes of it, which is computed once; in the
 * second, head and last layers are trained together on freshly changed pictures. Everything else
 * stays, all running statistics too. If the validation data says that the result is worse than that
 * of the first phase, that one is taken back.
 *
 * The defaults are meant for fifty pictures of each class, two cores, and less than a minute.
 *
 * Options:
 *   "head_epochs"         integer from 0, default 30: passes of the first phase over all versions of
 *                         all pictures
 *   "views"               integer from 1, default 8: versions of each picture in the first phase, the
 *                         picture itself among them
 *   "head_learning_rate"  number above 0, default 0.003: of the first phase, which rises in its
 *                         first epoch and then falls along a cosine
 *   "epochs"              integer from 0, default 15: of the second phase
 *   "learning_rate"       number above 0, default 0.0002: of the second phase, likewise
 *   "unfreeze"            list of parameter names or patterns (see cnn_training_create) that the second
 *                         phase trains beside the head, default those of the last stage: of all layers
 *                         whose names begin like that of the last one with parameters before the head,
 *                         up to the first dot; an empty list: no second phase
 *   "batch_size"          integer from 1, default 16
 *   "weight_decay"        number from 0, default 0.01, decoupled
 *   "label_smoothing"     number from 0 and below 1, default 0.1
 *   "augment"             object, default changes that suit photos; see cnn_batches_create
 *   "validation_share"    number from 0 and below 1, default 0.2: the share of each class that is set
 *                         aside to judge by, if validation is NULL
 *   "layer"               name of the layer that becomes the head; left out, it is found
 *   "seed"                integer from 0, default 0
 *   "workers"             integer from 0 to 64, default 1: threads that prepare pictures
 *
 * Epochs are counted through both phases. While features are computed, which is reported as steps of
 * the first epoch, there is no loss: it is NAN.
 *
 * @param model             [in] The model to begin with, which stays as it is.
 * @param train             [in] What to train on. Pictures go through the model's preprocessing.
 * @param validation        [in] What to judge by, with the same classes; may be NULL.
 * @param options_json      [in] Options; may be NULL.
 * @param progress          [in] Called after steps and epochs; may be NULL.
 * @param user              [in] Handed to the callback; may be NULL.
 * @param out_history_json  [out] An object with "phases", a list of objects with "name" ("head" or
 *                          "body") and what cnn_trainer_fit writes; "unfrozen", the names of the
 *                          parameters that the second phase trains beside the head; "kept_phase";
 *                          "feature_seconds"; "validation_count", "validation_loss" and
 *                          "validation_accuracy" of the new model. Release it with cnn_free. May be
 *                          NULL.
 * @param out_model         [out] The new model; free it with cnn_model_free.
 * @return CNN_CANCELLED if the callback stopped the run; then out_history_json is set, and out_model
 *         is NULL. CNN_SHAPE_MISMATCH if the data does not fit the model or the validation data has
 *         other classes, CNN_UNSUPPORTED and CNN_UNKNOWN_NAME as cnn_model_replace_head.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_finetune(const cnn_model *model, const cnn_dataset *train,
                        const cnn_dataset *validation, const char *options_json,
                        cnn_progress_callback progress, void *user, char **out_history_json,
                        cnn_model **out_model);

/**
 * Measures a model on a dataset, without changing it.
 *
 * Probabilities are computed as cnn_model_set_recognition says. Where the model knows the names of
 * all classes of the dataset, classes are matched by name, otherwise by number.
 *
 * Options:
 *   "batch_size"     integer from 1, default 64
 *   "loss"           as for cnn_training_create; a model may also end in the function that the loss
 *                    applies by itself (softmax or sigmoid)
 *   "top"            integer from 1, default 5: the k of "top_accuracy"
 *   "workers"        integer from 0 to 64, default 1: threads that read ahead
 *   "temperature"    number above 0; default: the model's
 *   "average_flips"  boolean; default: the model's
 *   "classes"        list of at least two class names, default all: only samples of these classes
 *                    count, and their probabilities are scaled to add up to 1. So a model that knows
 *                    more is judged as one that tells these apart.
 *
 * @param model         [in] The model.
 * @param dataset       [in] The data.
 * @param options_json  [in] Options; may be NULL.
 * @param out_loss      [out] The mean loss; may be NULL.
 * @param out_accuracy  [out] The share of right answers, NAN without classes; may be NULL.
 * @param out_json      [out] An object with "count"; "loss" and "losses" (by output), which neither
 *                      temperature nor mirror images nor a choice of classes changes; "top";
 *                      "class_names"; "temperature" and "average_flips" as used; and about the
 *                      answers "accuracy", "top_accuracy", "confusion" (a list with a row for each
 *                      true class that counts the answers), "class_accuracies" (recall),
 *                      "class_precisions" (null where no answer named the class),
 *                      "negative_log_likelihood", "brier_score", "expected_calibration_error" and
 *                      the 15 "calibration_bins" that it is the sum over (objects with "count",
 *                      "confidence", "accuracy"). "sources" is a list of objects with "name",
 *                      "count" and the keys about answers for each source of a mixed dataset.
 *                      Release it with cnn_free. May be NULL.
 * @return CNN_SHAPE_MISMATCH, CNN_INPUT_OUTPUT, CNN_MALFORMED_DATA, CNN_NON_FINITE; CNN_UNKNOWN_NAME
 *         for a class that the model or the dataset does not have; CNN_UNSUPPORTED if mirror images
 *         are asked for and the model cannot take them.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_evaluate(const cnn_model *model, const cnn_dataset *dataset,
                        const char *options_json, double *out_loss, double *out_accuracy,
                        char **out_json);

/**
 * Makes a model's probabilities mean what they say: finds the temperature at which they fit data best
 * and stores it as cnn_model_set_recognition does.
 *
 * The temperature minimises the negative log-likelihood (Guo et al., On Calibration of Modern Neural
 * Networks, 2017). The order of the classes, and so the accuracy, stays. Classes are matched as in
 * cnn_evaluate.
 *
 * Options:
 *   "batch_size"     integer from 1, default 64
 *   "workers"        integer from 0 to 64, default 1: threads that read ahead
 *   "average_flips"  boolean; default: the model's. What is given is stored as well.
 *
 * @param model         [in] A model that gives one number for each class.
 * @param dataset       [in] Labelled samples that the model was not trained on.
 * @param options_json  [in] Options; may be NULL.
 * @param out_json      [out] An object with "temperature", "average_flips", "count", and "before" and
 *                      "after": objects with "temperature", "average_flips", and the keys about
 *                      answers that cnn_evaluate has. Release it with cnn_free. May be NULL.
 * @return CNN_INVALID_ARGUMENT if no temperature from 0.01 to 100 is best, as where every answer is
 *         right; CNN_UNSUPPORTED for other models; and as for cnn_evaluate. Then the model is as it
 *         was.
 *
 * [changes model] Since 0.1.
 */
cnn_status cnn_calibrate(cnn_model *model, const cnn_dataset *dataset, const char *options_json,
                         char **out_json);

/* ============================================================================================== *
 * 4. DATASETS
 * ============================================================================================== */

/** What a dataset holds. */
typedef struct cnn_dataset_info {
  /** Set it to sizeof(cnn_dataset_info). */
  size_t struct_size;
  /** How many samples. */
  int64_t count;
  /** How many classes. */
  int64_t class_count;
  /** The number of axes of a sample: 3 for pictures. */
  int64_t rank;
  /** The size of a sample along each axis: height, width, channels. */
  int64_t shape[CNN_MAX_RANK];
} cnn_dataset_info;

/** What a cnn_dataset_info starts as. */
#define CNN_DATASET_INFO_INIT \
  { sizeof(cnn_dataset_info), 0, 0, 0, { 0, 0, 0, 0, 0, 0, 0, 0, 0 } }

/**
 * Opens a dataset on disk.
 *
 * Options:
 *   "format"            default "auto", which looks at what is there:
 *                         "cifar10"  the official binary files (data_batch_1.bin, ...,
 *                                    test_batch.bin), one of them or the folder with them
 *                         "mnist"    the idx files, gzipped or not, in a folder
 *                         "folders"  a folder for each class, with PNG and JPEG files; or a tar
 *                                    archive of them, gzipped or not (.tar, .tar.gz, .tgz)
 *                         "names"    one folder, or archive, with files named after their class:
 *                                    cat.17.jpg
 *                         "table"    a table of picture files (.csv): a line that names the columns
 *                                    "file", "class", and if need be "part", "top", "left",
 *                                    "height" and "width", then a line for each sample
 *                         "mixture"  a JSON file that lists datasets and their shares of an epoch;
 *                                    see docs/data.md
 *   "part"              "train", "validation", "test" or "all"; default "train", or "all" for data
 *                       that is not divided into parts
 *   "preprocessing"     object, see cnn_model_set_preprocessing: how pictures become inputs;
 *                       default the pictures as they are, divided by 255
 *   "size"              integer from 1, instead of a preprocessing: height and width of inputs;
 *                       "folders" and "names" need one of the two
 *   "color"             "rgb", "bgr" or "grey", instead of a preprocessing
 *   "normalization"     "unit", "standard" or "mean_image", instead of a preprocessing; see
 *                       cnn_dataset_preprocessing
 *   "classes"           list of names, default all: the classes of pictures in files to take, in
 *                       the order of their numbers
 *   "exclude"           list of pictures in files to leave out, by their paths in the dataset, as
 *                       in "train/cat/17.jpg"
 *   "root"              string: the folder or archive with the files of a "table", or the folder
 *                       with the datasets of a "mixture", which they may not lead out of; default
 *                       the folder of the table or mixture, and files anywhere
 *   "columns"           object, for "table": the columns that are not called "file", "class",
 *                       "part", "top", "left", "height" (or "bottom"), "width" (or "right"), as in
 *                       {"file": "images/{name}.jpg", "class": "breed"}
 *   "start"             integer from 0, default 0: the smallest number in the name, for "names"
 *   "limit"             integer from 1, default none: the most samples of each class
 *   "max_count"         integer from 1, default none: the most samples in all
 *   "validation_count"  integer from 0, default 0: how many of the last training samples are the
 *                       validation part, for "cifar10" and "mnist"
 *   "cache_bytes"       integer from 0: the most bytes of decoded picture files kept in memory
 *
 * Pictures in files are read when they are needed, not now; archives are unpacked into memory. A
 * mixture has weights, which cnn_batches_create and cnn_trainer_create draw samples by.
 *
 * @param path          [in] A file or folder.
 * @param options_json  [in] Options; may be NULL.
 * @param out_dataset   [out] The dataset; free it with cnn_dataset_free.
 * @return CNN_INPUT_OUTPUT, CNN_MALFORMED_DATA, CNN_UNKNOWN_NAME, CNN_UNSUPPORTED.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_open(const char *path, const char *options_json, cnn_dataset **out_dataset);

/**
 * Opens a dataset that is part of the library.
 *
 * Options: those of cnn_dataset_open that have a meaning for pictures in memory, among them
 *   "part"  "train" (default), "validation", "test" or "all"
 *
 * @param name          [in] "digits": 1,797 handwritten digits of 8 by 8 pixels in grey.
 * @param options_json  [in] Options; may be NULL.
 * @param out_dataset   [out] The dataset; free it with cnn_dataset_free.
 * @return CNN_UNKNOWN_NAME.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_create_named(const char *name, const char *options_json,
                                    cnn_dataset **out_dataset);

/**
 * Makes a dataset of pictures in memory.
 *
 * @param count        [in] How many pictures, at least 1.
 * @param height       [in] Their height, at least 1.
 * @param width        [in] Their width, at least 1.
 * @param channels     [in] 1 or 3.
 * @param layout       [in] The order of axes of pixels.
 * @param pixels       [in] count * height * width * channels bytes; they are copied.
 * @param labels       [in] The class of each picture, from 0 to class_count - 1.
 * @param class_names  [in] The names of the classes; may be NULL for "0", "1", ...
 * @param class_count  [in] How many classes, at least 1.
 * @param out_dataset  [out] The dataset; free it with cnn_dataset_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_create_images(int64_t count, int64_t height, int64_t width,
                                     int64_t channels, cnn_layout layout, const uint8_t *pixels,
                                     const int64_t *labels, const char *const *class_names,
                                     int64_t class_count, cnn_dataset **out_dataset);

/**
 * Makes a dataset of numbers in memory. They go into the model as they are, without
 * preprocessing.
 *
 * @param count        [in] How many samples, at least 1.
 * @param layout       [in] The order of axes of shape and samples.
 * @param shape        [in] The shape of one sample.
 * @param rank         [in] How many axes, from 1 to CNN_MAX_RANK - 1.
 * @param samples      [in] The samples, one after the other; they are copied.
 * @param labels       [in] The class of each sample, from 0 to class_count - 1.
 * @param class_names  [in] The names of the classes; may be NULL for "0", "1", ...
 * @param class_count  [in] How many classes, at least 1.
 * @param out_dataset  [out] The dataset; free it with cnn_dataset_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_create_floats(int64_t count, cnn_layout layout, const int64_t *shape,
                                     int64_t rank, const float *samples, const int64_t *labels,
                                     const char *const *class_names, int64_t class_count,
                                     cnn_dataset **out_dataset);

/** What a sample should give at one output of a network: a class or some numbers. */
typedef struct cnn_target {
  /** Set it to sizeof(cnn_target). */
  size_t struct_size;
  /** The name by which it is matched with the output of that name; NULL for "label", which suits a
   *  network with one output. */
  const char *name;
  /** The class of each sample, from 0 to class_count - 1; NULL for a target of numbers. */
  const int64_t *labels;
  /** The names of the classes; NULL for "0", "1", ... */
  const char *const *class_names;
  /** How many classes; 0 for a target of numbers. */
  int64_t class_count;
  /** The numbers of all samples, one sample after the other; NULL for a target of classes. */
  const float *values;
  /** The shape of the numbers of one sample, in the layout of the samples. */
  const int64_t *shape;
  /** How many axes that shape has. */
  int64_t rank;
} cnn_target;

/** What a cnn_target starts as. */
#define CNN_TARGET_INIT { sizeof(cnn_target), NULL, NULL, NULL, 0, NULL, NULL, 0 }

/**
 * Makes a dataset of numbers in memory with any number of targets, for networks with several
 * outputs and for outputs that are numbers, such as the corners of a box.
 *
 * @param count         [in] How many samples, at least 1.
 * @param layout        [in] The order of axes of shape, samples, and of the targets' shapes and
 *                      values.
 * @param shape         [in] The shape of one sample.
 * @param rank          [in] How many axes, from 1 to CNN_MAX_RANK - 1.
 * @param samples       [in] The samples, one after the other; they are copied.
 * @param targets       [in] The targets; what they point to is copied. All have the same
 *                      struct_size.
 * @param target_count  [in] How many, from 1 to 64.
 * @param out_dataset   [out] The dataset; free it with cnn_dataset_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_create_targets(int64_t count, cnn_layout layout, const int64_t *shape,
                                      int64_t rank, const float *samples,
                                      const cnn_target *targets, int64_t target_count,
                                      cnn_dataset **out_dataset);

/**
 * Computes a preprocessing that normalises the pictures of a dataset.
 *
 * Compute it from what you train on, and give it to cnn_model_set_preprocessing.
 *
 * @param dataset        [in] A dataset of pictures.
 * @param normalization  [in] "unit": divide by 255. "standard": then give each channel the mean 0
 *                       and the deviation 1 over all pictures. "mean_image": divide by 255, then
 *                       subtract the mean of all pictures.
 * @param out_json       [out] The preprocessing; release it with cnn_free.
 * @return CNN_UNKNOWN_NAME, CNN_UNSUPPORTED for a dataset of numbers, CNN_INPUT_OUTPUT,
 *         CNN_MALFORMED_DATA.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_preprocessing(const cnn_dataset *dataset, const char *normalization,
                                     char **out_json);

/**
 * Frees a dataset. Subsets of it, and passes over it, stay usable.
 *
 * @param dataset  [in] The dataset; may be NULL.
 *
 * [any thread] Since 0.1.
 */
void cnn_dataset_free(cnn_dataset *dataset);

/**
 * Says what a dataset holds.
 *
 * @param dataset   [in] The dataset.
 * @param out_info  [in, out] struct_size is read, the rest is written.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_describe(const cnn_dataset *dataset, cnn_dataset_info *out_info);

/**
 * Returns the name of a class.
 *
 * @param dataset   [in] The dataset.
 * @param index     [in] From 0 to class_count - 1.
 * @param out_name  [out] Borrowed, valid until the dataset is freed.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_class_name(const cnn_dataset *dataset, int64_t index,
                                  const char **out_name);

/**
 * Returns the class of a sample.
 *
 * @param dataset    [in] The dataset.
 * @param index      [in] From 0 to count - 1.
 * @param out_label  [out] The number of the class.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_label(const cnn_dataset *dataset, int64_t index, int64_t *out_label);

/**
 * Returns a sample of a dataset of pictures as a picture, in the size and colours that its
 * preprocessing gives, before scaling to numbers.
 *
 * @param dataset    [in] The dataset.
 * @param index      [in] From 0 to count - 1.
 * @param out_image  [out] The picture; free it with cnn_image_free.
 * @return CNN_UNSUPPORTED for a dataset of numbers, CNN_INPUT_OUTPUT, CNN_MALFORMED_DATA.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_image(const cnn_dataset *dataset, int64_t index, cnn_image **out_image);

/**
 * Reads chosen samples as a batch of tensors.
 *
 * @param dataset     [in] The dataset.
 * @param model       [in] The model whose preprocessing applies to pictures; may be NULL: then the
 *                    dataset's own does.
 * @param indices     [in] Which samples, each from 0 to count - 1.
 * @param count       [in] How many indices, at least 1.
 * @param layout      [in] The order of axes of out_samples.
 * @param capacity    [in] The number of floats that fit out_samples.
 * @param out_samples [out] The samples, one after the other.
 * @param out_labels  [out] The class of each, count numbers; may be NULL.
 * @return CNN_SHAPE_MISMATCH, CNN_INPUT_OUTPUT, CNN_MALFORMED_DATA.
 *
 * [any thread] [reads model] Since 0.1.
 */
cnn_status cnn_dataset_read(const cnn_dataset *dataset, const cnn_model *model,
                            const int64_t *indices, int64_t count, cnn_layout layout,
                            int64_t capacity, float *out_samples, int64_t *out_labels);

/**
 * Makes a dataset of chosen samples of another one, in the given order.
 *
 * @param dataset      [in] The dataset.
 * @param indices      [in] Which samples, each from 0 to count - 1; repetitions are allowed.
 * @param count        [in] How many, at least 1.
 * @param out_dataset  [out] The subset; free it with cnn_dataset_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_subset(const cnn_dataset *dataset, const int64_t *indices, int64_t count,
                              cnn_dataset **out_dataset);

/**
 * Splits a dataset at random into two, each class in the same proportion.
 *
 * @param dataset     [in] The dataset.
 * @param fraction    [in] The share of the second part, above 0 and below 1.
 * @param seed        [in] Where the random choice comes from, from 0.
 * @param out_first   [out] The rest, such as what to train on; free it with cnn_dataset_free.
 * @param out_second  [out] The share, such as what to validate on; free it with cnn_dataset_free.
 * @return CNN_INVALID_ARGUMENT also if a part would be empty.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_dataset_split(const cnn_dataset *dataset, double fraction, int64_t seed,
                             cnn_dataset **out_first, cnn_dataset **out_second);

/**
 * Starts passes over a dataset in batches, which are read ahead in the background.
 *
 * Options:
 *   "batch_size"  integer from 1, default 32
 *   "shuffle"     boolean, default true: a new order for each epoch, without replacement
 *   "class_balance" boolean, default false: draw samples so that all classes are equally frequent
 *   "seed"        integer from 0, default 0: where order and augmentation come from
 *   "drop_last"   boolean, default false: leave out the last batch of an epoch if it is smaller
 *   "augment"     object, default none: random changes, in this order:
 *                   "random_crop"          {"padding": 4}: shift by up to so many pixels over a
 *                                          black border; not with the next one
 *                   "random_resized_crop"  {"scale": [0.08, 1], "ratio": [0.75, 1.3333]}
 *                   "rotation"             number from 0 to 180, default 0: largest angle
 *                   "horizontal_flip"      number from 0 to 1, default 0: how often
 *                   "downscale"            {"probability": 1, "scale": [0.25, 1]}: shrunk to a
 *                                          share of its size and enlarged again
 *                   "color_jitter"         {"brightness", "contrast", "saturation", "hue"}: each a
 *                                          number from 0, default 0
 *                   "lighting"             number from 0, default 0: deviation of AlexNet's noise
 *                   "grayscale"            number from 0 to 1, default 0: how often it loses its
 *                                          colours
 *                   "cutout"               {"size": 8, "probability": 1}
 *   "prefetch"    integer from 1 to 64, default 2: batches to read ahead
 *   "workers"     integer from 0 to 64, default 1: threads that read ahead; 0 for none
 *
 * @param dataset       [in] The dataset.
 * @param model         [in] The model whose preprocessing applies to pictures; may be NULL: then
 *                      the dataset's own does.
 * @param options_json  [in] Options; may be NULL.
 * @param out_batches   [out] The pass; free it with cnn_batches_free.
 * @return CNN_UNKNOWN_NAME, CNN_SHAPE_MISMATCH if the samples do not fit the model.
 *
 * [any thread] [reads model] Since 0.1.
 */
cnn_status cnn_batches_create(const cnn_dataset *dataset, const cnn_model *model,
                              const char *options_json, cnn_batches **out_batches);

/**
 * Returns the next batch; at the end of an epoch an empty one, and then the next epoch begins.
 *
 * @param batches         [in] The pass.
 * @param layout          [in] The order of axes of out_samples.
 * @param capacity        [in] The number of floats that fit out_samples: batch size times the size
 *                        of a sample.
 * @param label_capacity  [in] The numbers that fit out_labels: at least the batch size.
 * @param out_samples     [out] The samples, one after the other.
 * @param out_labels      [out] The class of each; 0 in a dataset without classes.
 * @param out_count       [out] How many samples; 0 at the end of an epoch.
 * @return CNN_INPUT_OUTPUT, CNN_MALFORMED_DATA for a picture that cannot be read, with its path.
 *
 * [one at a time] Since 0.1.
 */
cnn_status cnn_batches_next(cnn_batches *batches, cnn_layout layout, int64_t capacity,
                            int64_t label_capacity, float *out_samples, int64_t *out_labels,
                            int64_t *out_count);

/**
 * Frees a pass, and waits for what is being read in the background.
 *
 * @param batches  [in] The pass; may be NULL.
 *
 * [any thread] Since 0.1.
 */
void cnn_batches_free(cnn_batches *batches);

/* ============================================================================================== *
 * 5. IMAGES
 * ============================================================================================== */

/**
 * Reads a picture file: PNG or JPEG, whatever its name.
 *
 * Options:
 *   "max_pixels"  integer from 1 to 2147483647, default 67108864: refuse pictures with more
 *   "max_side"    integer from 1 to 1048576, default null: scale pictures with a longer side down
 *                 to this many pixels there, keeping proportions. JPEG files are decoded at a part
 *                 of their size then (see cnn_recognise_file), and max_pixels is about that part.
 *                 Without it, pictures are decoded exactly
 *   "channels"    1, 3 or 4, default null: convert to grey, RGB or RGBA; null leaves it as it is
 *
 * @param path          [in] The file.
 * @param options_json  [in] Options; may be NULL.
 * @param out_image     [out] The picture; free it with cnn_image_free. It is turned as its Exif
 *                      orientation says; 16-bit channels are rounded to 8.
 * @return CNN_INPUT_OUTPUT, CNN_MALFORMED_DATA for files that are neither (the message says what
 *         they seem to be), broken or too large, CNN_UNSUPPORTED for rare variants.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_image_load(const char *path, const char *options_json, cnn_image **out_image);

/**
 * Reads a picture from memory that holds what a PNG or JPEG file holds.
 *
 * @param bytes         [in] The contents of the file.
 * @param size          [in] How many bytes, at least 1.
 * @param options_json  [in] Options of cnn_image_load; may be NULL.
 * @param out_image     [out] The picture; free it with cnn_image_free.
 * @return CNN_MALFORMED_DATA, CNN_UNSUPPORTED.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_image_load_memory(const void *bytes, int64_t size, const char *options_json,
                                 cnn_image **out_image);

/**
 * Makes a picture from pixels.
 *
 * @param height     [in] Rows, at least 1.
 * @param width      [in] Columns, at least 1.
 * @param channels   [in] 1 for grey, 3 for RGB, 4 for RGBA.
 * @param pixels     [in] height * width * channels bytes, row by row from the top, channels
 *                   fastest; they are copied.
 * @param out_image  [out] The picture; free it with cnn_image_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_image_create(int64_t height, int64_t width, int64_t channels, const uint8_t *pixels,
                            cnn_image **out_image);

/**
 * Frees a picture.
 *
 * @param image  [in] The picture; may be NULL.
 *
 * [any thread] Since 0.1.
 */
void cnn_image_free(cnn_image *image);

/**
 * Returns the size of a picture.
 *
 * @param image         [in] The picture.
 * @param out_height    [out] Rows; may be NULL.
 * @param out_width     [out] Columns; may be NULL.
 * @param out_channels  [out] 1, 3 or 4; may be NULL.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_image_size(const cnn_image *image, int64_t *out_height, int64_t *out_width,
                          int64_t *out_channels);

/**
 * Gives access to the pixels of a picture, without copying.
 *
 * @param image       [in] The picture.
 * @param out_pixels  [out] height * width * channels bytes, row by row from the top, channels
 *                    fastest; borrowed, to be read only, valid until the picture is freed.
 * @param out_size    [out] How many bytes; may be NULL.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_image_pixels(const cnn_image *image, const uint8_t **out_pixels, int64_t *out_size);

/**
 * Writes a picture to a PNG file, replacing the file at once when it is complete.
 *
 * @param image  [in] The picture.
 * @param path   [in] The file.
 * @return CNN_INPUT_OUTPUT.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_image_save(const cnn_image *image, const char *path);

/**
 * Writes a picture to memory as PNG.
 *
 * @param image      [in] The picture.
 * @param out_bytes  [out] The contents of a PNG file; release it with cnn_free.
 * @param out_size   [out] How many bytes.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_image_save_memory(const cnn_image *image, void **out_bytes, int64_t *out_size);

/**
 * Resizes a picture; shrinking averages over all pixels (antialiased).
 *
 * Options:
 *   "filter"  "nearest", "box", "bilinear", "bicubic" or "lanczos3"; default "bilinear"
 *
 * @param image         [in] The picture.
 * @param height        [in] The new height, at least 1.
 * @param width         [in] The new width, at least 1.
 * @param options_json  [in] Options; may be NULL.
 * @param out_image     [out] The new picture; free it with cnn_image_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_image_resize(const cnn_image *image, int64_t height, int64_t width,
                            const char *options_json, cnn_image **out_image);

/**
 * Cuts a rectangle out of a picture.
 *
 * @param image      [in] The picture.
 * @param top        [in] The first row, from 0.
 * @param left       [in] The first column, from 0.
 * @param height     [in] Rows, at least 1.
 * @param width      [in] Columns, at least 1; the rectangle lies within the picture.
 * @param out_image  [out] The new picture; free it with cnn_image_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_image_crop(const cnn_image *image, int64_t top, int64_t left, int64_t height,
                          int64_t width, cnn_image **out_image);

/**
 * Turns a picture into the input of a model by the model's preprocessing.
 *
 * @param image     [in] The picture, of any size.
 * @param model     [in] A model with one input of image shape.
 * @param layout    [in] The order of axes of out_data.
 * @param capacity  [in] The number of floats that fit out_data: the size of one sample.
 * @param out_data  [out] The sample.
 * @return CNN_UNSUPPORTED for a model that takes no pictures.
 *
 * [any thread] [reads model] Since 0.1.
 */
cnn_status cnn_image_to_tensor(const cnn_image *image, const cnn_model *model, cnn_layout layout,
                               int64_t capacity, float *out_data);

/* ============================================================================================== *
 * 6. PROCESS
 * ============================================================================================== */

/**
 * Sets how many threads a computation may use, in the whole process. Results do not depend on it.
 *
 * @param count  [in] From 1 to 64. The default is CNN_NUM_THREADS where that is set, or else the
 *               number of processors.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_set_num_threads(int64_t count);

/**
 * Returns how many threads a computation may use.
 *
 * [any thread] Since 0.1.
 */
int64_t cnn_num_threads(void);

/**
 * Sets the most memory that the library may take for tensors, pictures and data, in the whole
 * process. What would pass the limit fails with CNN_OUT_OF_MEMORY; what is held already stays.
 *
 * @param bytes  [in] The limit, from 0; -1 means none, which is the default.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_set_memory_limit(int64_t bytes);

/**
 * Returns the limit that cnn_set_memory_limit set, -1 if there is none.
 *
 * [any thread] Since 0.1.
 */
int64_t cnn_memory_limit(void);

/**
 * Returns how many bytes the library holds for tensors, pictures and data.
 *
 * [any thread] Since 0.1.
 */
int64_t cnn_memory_in_use(void);

/** How much a message of the log matters. */
enum {
  /** Of interest when looking for a problem. */
  CNN_LOG_DEBUG = 0,
  /** Worth knowing. */
  CNN_LOG_INFO = 1,
  /** Something is not as it should be, and the library carries on. */
  CNN_LOG_WARNING = 2
};

/**
 * Called for each message of the log, from whichever thread has something to say.
 *
 * The callback may not call the library, throw, or longjmp.
 *
 * @param level    CNN_LOG_DEBUG, CNN_LOG_INFO or CNN_LOG_WARNING.
 * @param message  One line of text; valid during the call.
 * @param user     What was given to cnn_set_log_callback.
 */
typedef void (*cnn_log_callback)(int32_t level, const char *message, void *user);

/**
 * Sets who hears what the library has to say; by default nobody.
 *
 * @param callback  [in] Called for each message; NULL for silence. Calls that are under way on
 *                  other threads may still end after this function has returned.
 * @param user      [in] Handed to the callback; may be NULL.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_set_log_callback(cnn_log_callback callback, void *user);

/**
 * Returns which variant of the computing kernels is in use, such as "avx2" or "baseline".
 *
 * The library chooses by the processor, once. The environment variable CNN_CPU set to "baseline"
 * asks for the one that runs anywhere.
 *
 * @return Borrowed, never NULL, valid for ever.
 *
 * [any thread] Since 0.1.
 */
const char *cnn_cpu_variant(void);

/* ============================================================================================== *
 * 7. PLUGINS
 * ============================================================================================== */

/* How to write layer types, losses and optimizers, and how to register those of the program itself,
 * is in cnn_plugin.h. */

/**
 * Loads a plugin: a shared object with layer types, losses or optimizers.
 *
 * Load plugins before the models that need them; a model file never loads one. A plugin stays loaded,
 * and loading the same file again does nothing. Its names stay invisible to the rest of the program
 * (RTLD_LOCAL). It runs in the process with all rights of the process: load what you trust.
 *
 * @param path  [in] The file. Without a slash it is looked for in the current directory, nowhere else.
 * @return CNN_INPUT_OUTPUT if there is no such file, CNN_MALFORMED_DATA if it is no shared object or no
 *         plugin, CNN_INVALID_ARGUMENT if it describes itself wrongly or a name is taken,
 *         CNN_UNSUPPORTED if it speaks another version of the interface or refuses to load. Then
 *         nothing of it is registered.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_plugin_load(const char *path);

/**
 * Lists the plugins that were loaded, in that order.
 *
 * @param out_json  [out] A list of objects with "id", "version", "summary", "path", "abi" (such as
 *                  "1.0"), and "layer_types", "loss_types" and "optimizer_types", lists of names.
 *                  Release it with cnn_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_plugins(char **out_json);

/**
 * Describes every loss that options may name.
 *
 * @param out_json  [out] A list of objects with "name", "summary", "origin" and "attributes", as those
 *                  of cnn_layer_types. Release it with cnn_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_loss_types(char **out_json);

/**
 * Describes every optimizer that options may name.
 *
 * @param out_json  [out] A list of objects as those of cnn_loss_types. Release it with cnn_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_optimizer_types(char **out_json);

/* ============================================================================================== *
 * 8. LOOKING AT A DECISION
 * ============================================================================================== */

/**
 * Finds out which places of a picture file made a model decide as it did.
 *
 *     cnn_explanation *explanation;
 *     cnn_image *overlay;
 *     cnn_explain_file(model, "photo.jpg", NULL, &explanation);
 *     cnn_explanation_overlay(explanation, NULL, &overlay);
 *     cnn_image_save(overlay, "photo.grad_cam.png");
 *
 * The model answers as in cnn_recognise_file, and is only read: running statistics stay as they are,
 * and others may use it at the same time. Costs about a prediction, a forward and a backward pass.
 *
 * Options:
 *   "method"  default "grad_cam":
 *               "grad_cam"   where the features lie that speak for the class (Selvaraju et al. 2017):
 *                            regions, as fine as the layer's output
 *               "saliency"   how much the class's score changes with each pixel: its absolute
 *                            gradient, the largest of the channels (Simonyan et al. 2013)
 *               "occlusion"  how much less likely the class gets when a part of the picture is hidden
 *                            (Zeiler and Fergus 2014); needs no gradient, and a prediction for each
 *                            place
 *   "class"   the number or the name of the class, default null: the likeliest
 *
 * Of "grad_cam":
 *   "layer"   name of a layer whose output has height and width, at least 2 x 2; default null: the
 *             last such layer
 *
 * Of "saliency":
 *   "smooth"  integer from 0 to 100000, default 0: average over so many inputs with normal noise
 *             (SmoothGrad, Smilkov et al. 2017), a forward and a backward pass for each
 *   "noise"   number from 0 to 10, default 0.15: its deviation, as a share of the input's range
 *   "seed"    integer from 0, default 0: decides the noise
 *
 * Of "occlusion", in pixels of the model's input:
 *   "window"  integer from 1, default a sixth of the shorter side: the side of what is hidden
 *   "stride"  integer from 1 to the window's side, default half of it: how far it moves each time
 *   "fill"    "mean", "grey" or [red, green, blue] from 0 to 255, default "mean": what it shows, the
 *             mean colour of the photo for "mean"
 *
 * @param model            [in] A model with one input of image shape, whose first output has one number
 *                         for each class.
 * @param path             [in] The picture: a PNG or JPEG file.
 * @param options_json     [in] Options; may be NULL.
 * @param out_explanation  [out] The explanation; free it with cnn_explanation_free. It does not need
 *                         the model any more.
 * @return CNN_INPUT_OUTPUT or CNN_MALFORMED_DATA for a picture that cannot be read, CNN_UNKNOWN_NAME for
 *         a method, option, layer or class that there is not, CNN_UNSUPPORTED for a model that takes no
 *         pictures, has no layer with a plane, or has a layer without a gradient, which the message
 *         names; CNN_NON_FINITE.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_explain_file(const cnn_model *model, const char *path, const char *options_json,
                            cnn_explanation **out_explanation);

/**
 * Finds out which places of a picture in memory made a model decide as it did; see cnn_explain_file.
 *
 * @param model            [in] A model with one input of image shape.
 * @param image            [in] The picture, of any size.
 * @param options_json     [in] Options of cnn_explain_file; may be NULL.
 * @param out_explanation  [out] The explanation; free it with cnn_explanation_free.
 * @return As cnn_explain_file.
 *
 * [reads model] Since 0.1.
 */
cnn_status cnn_explain_image(const cnn_model *model, const cnn_image *image,
                             const char *options_json, cnn_explanation **out_explanation);

/**
 * Frees an explanation.
 *
 * @param explanation  [in] The explanation; may be NULL.
 *
 * [any thread] Since 0.1.
 */
void cnn_explanation_free(cnn_explanation *explanation);

/** What an explanation is about. */
typedef struct cnn_explanation_info {
  /** Set it to sizeof(cnn_explanation_info). */
  size_t struct_size;
  /** Rows of the map: those of the picture. */
  int64_t height;
  /** Columns of the map: those of the picture. */
  int64_t width;
  /** The number of the class that is explained. */
  int64_t index;
  /** The name of that class, or ""; borrowed until the explanation is freed. */
  const char *label;
  /** The method, as in options; borrowed until the explanation is freed. */
  const char *method;
  /** How likely the class is, as cnn_recognise_file or cnn_recognise_image says. */
  double probability;
  /** What the map explains: the class's score before the softmax, for "occlusion" its probability. */
  double score;
  /** The smallest number of the map. */
  double minimum;
  /** The largest number of the map. */
  double maximum;
} cnn_explanation_info;

/** What a cnn_explanation_info starts as. */
#define CNN_EXPLANATION_INFO_INIT \
  { sizeof(cnn_explanation_info), 0, 0, 0, NULL, NULL, 0, 0, 0, 0 }

/**
 * Says what an explanation is about.
 *
 * @param explanation  [in] The explanation.
 * @param out_info     [out] Set struct_size before.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_explanation_describe(const cnn_explanation *explanation,
                                    cnn_explanation_info *out_info);

/**
 * Returns how much each pixel of the picture matters.
 *
 * The numbers are those of the method, not scaled: of "grad_cam" and "saliency" from 0, of "occlusion"
 * the drop of the probability, negative where hiding a place made the class likelier. Where the model
 * did not look, because its preprocessing cuts that off, they are 0.
 *
 * @param explanation  [in] The explanation.
 * @param capacity     [in] The number of floats that fit out_map: height times width.
 * @param out_map      [out] The map, row by row from the top.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_explanation_map(const cnn_explanation *explanation, int64_t capacity,
                               float *out_map);

/**
 * Paints the map over the picture.
 *
 * Options:
 *   "opacity"    number from 0 (the picture alone) to 1 (the map alone), default 0.5
 *   "color_map"  "inferno", "viridis", "coolwarm" or "grey", default "inferno". The first colour is
 *                that of 0 and below, the last that of the largest number; of "saliency", that of the
 *                number that 0.5 % of the pixels exceed.
 *
 * @param explanation   [in] The explanation.
 * @param options_json  [in] Options; may be NULL.
 * @param out_image     [out] A picture of the size of the original, RGB; free it with cnn_image_free.
 *
 * [any thread] Since 0.1.
 */
cnn_status cnn_explanation_overlay(const cnn_explanation *explanation, const char *options_json,
                                   cnn_image **out_image);

#ifdef __cplusplus
}
#endif

#endif
