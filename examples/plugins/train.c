/*
 * train.c - trains a small network with a layer type of a plugin in place of its rectifiers, saves
 * it, loads it again, and checks that it predicts the same to the last bit.
 *
 *     cc -std=c99 train.c -lcnn -o train
 *     ./train ./swish.so org.example.swish
 *     ./train ./relu.so org.example.relu model.cnn '"declare": false'
 *
 * The last argument, if there is one, holds attributes of the layers, as they stand in a graph.
 */
#include <string.h>

#include "../c/common.h"

enum { EPOCHS = 4, BATCH = 32, CLASSES = 10 };

/* Describes the network; the layer type stands where others have "relu". */
static void describe(char *graph, size_t size, const char *type, const char *attributes) {
  const char *comma = attributes[0] ? ", " : "";
  const int length =
      snprintf(graph, size,
               "{ \"inputs\": [ { \"name\": \"image\", \"shape\": [8, 8, 1] } ],"
               "  \"layers\": ["
               "    { \"type\": \"conv2d\", \"out_channels\": 16, \"kernel_size\": 3,"
               "      \"padding\": \"same\" },"
               "    { \"name\": \"first\", \"type\": \"%s\"%s%s },"
               "    { \"type\": \"conv2d\", \"out_channels\": 32, \"kernel_size\": 3,"
               "      \"padding\": \"same\" },"
               "    { \"name\": \"second\", \"type\": \"%s\"%s%s },"
               "    { \"type\": \"max_pool2d\", \"kernel_size\": 2 },"
               "    { \"type\": \"flatten\" },"
               "    { \"type\": \"linear\", \"out_features\": 10 } ] }",
               type, comma, attributes, type, comma, attributes);
  if (length < 0 || (size_t)length >= size) {
    fprintf(stderr, "the type or its attributes are too long\n");
    exit(2);
  }
}

/* Predicts a whole data set; *out_outputs is to be freed. */
static int64_t predict(const cnn_model *model, const cnn_dataset *data, float **out_outputs) {
  cnn_dataset_info info = CNN_DATASET_INFO_INIT;
  cnn_batches *batches;
  float *samples;
  int64_t *labels;
  int64_t count;
  CHECK(cnn_dataset_describe(data, &info));
  samples = allocate(info.count * 64, sizeof *samples);
  labels = allocate(info.count, sizeof *labels);
  *out_outputs = allocate(info.count * CLASSES, sizeof **out_outputs);
  {
    char options[80];
    snprintf(options, sizeof options, "{ \"batch_size\": %lld, \"shuffle\": false }",
             (long long)info.count);
    CHECK(cnn_batches_create(data, model, options, &batches));
  }
  CHECK(cnn_batches_next(batches, CNN_NHWC, info.count * 64, info.count, samples, labels, &count));
  CHECK(cnn_forward(model, count, CNN_NHWC, samples, count * 64, count * CLASSES, *out_outputs));
  cnn_batches_free(batches);
  free(samples);
  free(labels);
  return count * CLASSES;
}

int main(int argc, char **argv) {
  cnn_dataset *train, *test;
  cnn_model *model, *again;
  cnn_training *training;
  cnn_batches *batches;
  char graph[2048];
  float samples[BATCH * 64], *before, *after;
  int64_t labels[BATCH];
  const char *path = argc > 3 ? argv[3] : "model.cnn";

  if (argc < 3 || argc > 5) {
    fprintf(stderr, "usage: %s PLUGIN TYPE [MODEL [ATTRIBUTES]]\n", argv[0]);
    return 2;
  }
  CHECK(cnn_plugin_load(argv[1]));
  describe(graph, sizeof graph, argv[2], argc > 4 ? argv[4] : "");

  CHECK(cnn_dataset_create_named("digits", NULL, &train));
  CHECK(cnn_dataset_create_named("digits", "{ \"part\": \"test\" }", &test));
  CHECK(cnn_model_create(graph, "{ \"seed\": 7 }", &model));
  CHECK(cnn_training_create(model, "{ \"learning_rate\": 0.003, \"batch_size\": 32 }", &training));
  CHECK(cnn_batches_create(train, model, "{ \"batch_size\": 32, \"seed\": 7 }", &batches));
  for (int epoch = 1; epoch <= EPOCHS; epoch++) {
    double sum = 0, accuracy;
    int64_t steps = 0, count;
    for (;;) {
      double loss;
      CHECK(cnn_batches_next(batches, CNN_NHWC, BATCH * 64, BATCH, samples, labels, &count));
      if (count == 0) break;
      CHECK(cnn_train_step(training, count, CNN_NHWC, samples, count * 64, labels, &loss));
      sum += loss;
      steps++;
    }
    CHECK(cnn_evaluate(model, test, NULL, NULL, &accuracy, NULL));
    printf("epoch %d  loss %.4f  accuracy %.2f %%\n", epoch, sum / (double)steps, 100 * accuracy);
  }

  CHECK(cnn_model_save(model, path));
  CHECK(cnn_model_load(path, &again));
  {
    const int64_t count = predict(model, test, &before);
    if (predict(again, test, &after) != count ||
        memcmp(before, after, (size_t)count * sizeof *before) != 0) {
      fprintf(stderr, "the loaded model predicts something else\n");
      return 1;
    }
    printf("saved and loaded %s: the same %lld numbers\n", path, (long long)count);
  }
  free(before);
  free(after);
  cnn_batches_free(batches);
  cnn_training_free(training);
  cnn_model_free(again);
  cnn_model_free(model);
  cnn_dataset_free(test);
  cnn_dataset_free(train);
  return 0;
}
