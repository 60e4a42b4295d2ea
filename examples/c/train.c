/*
 * Trains a small network on handwritten digits with a loop of its own, and saves it.
 *
 *     cc -std=c99 train.c -lcnn -o train
 *     ./train digits.cnn
 *
 * The data set is part of the library, so there is nothing to download.
 */
#include "common.h"

enum { EPOCHS = 10, BATCH = 32 };

static const char graph[] =
    "{ \"inputs\": [ { \"name\": \"image\", \"shape\": [8, 8, 1] } ],"
    "  \"layers\": ["
    "    { \"name\": \"conv1\", \"type\": \"conv2d\", \"out_channels\": 16, \"kernel_size\": 3,"
    "      \"padding\": \"same\" },"
    "    { \"name\": \"relu1\", \"type\": \"relu\" },"
    "    { \"name\": \"conv2\", \"type\": \"conv2d\", \"out_channels\": 32, \"kernel_size\": 3,"
    "      \"padding\": \"same\" },"
    "    { \"name\": \"relu2\", \"type\": \"relu\" },"
    "    { \"name\": \"pool\", \"type\": \"max_pool2d\", \"kernel_size\": 2 },"
    "    { \"name\": \"flat\", \"type\": \"flatten\" },"
    "    { \"name\": \"logits\", \"type\": \"linear\", \"out_features\": 10 } ] }";

int main(int argc, char **argv) {
  cnn_dataset *train, *test;
  cnn_model *model;
  cnn_training *training;
  cnn_batches *batches;
  cnn_tensor input = CNN_TENSOR_INIT;
  float *samples;
  int64_t labels[BATCH];
  int epoch;

  if (argc > 2) {
    fprintf(stderr, "usage: %s [MODEL]\n", argv[0]);
    return 2;
  }
  CHECK(cnn_dataset_create_named("digits", NULL, &train));
  CHECK(cnn_dataset_create_named("digits", "{ \"part\": \"test\" }", &test));
  CHECK(cnn_model_create(graph, "{ \"seed\": 7 }", &model));
  CHECK(cnn_training_create(model,
                            "{ \"optimizer\": \"adam\", \"learning_rate\": 0.002,"
                            "  \"batch_size\": 32, \"weight_decay\": 1e-4 }",
                            &training));
  CHECK(cnn_batches_create(train, model, "{ \"batch_size\": 32, \"seed\": 7 }", &batches));

  CHECK(cnn_model_input(model, 0, &input));
  samples = allocate(BATCH * input.count, sizeof *samples);

  for (epoch = 1; epoch <= EPOCHS; epoch++) {
    double sum = 0, accuracy;
    int64_t steps = 0, count;
    for (;;) {
      double loss;
      CHECK(cnn_batches_next(batches, CNN_NHWC, BATCH * input.count, BATCH, samples, labels,
                             &count));
      if (count == 0) break;
      CHECK(cnn_train_step(training, count, CNN_NHWC, samples, count * input.count, labels,
                           &loss));
      sum += loss;
      steps++;
    }
    CHECK(cnn_evaluate(model, test, NULL, NULL, &accuracy, NULL));
    CHECK(cnn_training_end_epoch(training, accuracy));
    printf("epoch %2d  loss %.4f  accuracy on unseen digits %.2f %%\n", epoch,
           sum / (double)steps, 100 * accuracy);
  }

  if (argc == 2) {
    static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    CHECK(cnn_model_set_class_names(model, names, 10));
    CHECK(cnn_model_save(model, argv[1]));
    printf("saved %s\n", argv[1]);
  }
  free(samples);
  cnn_batches_free(batches);
  cnn_training_free(training);
  cnn_model_free(model);
  cnn_dataset_free(test);
  cnn_dataset_free(train);
  return 0;
}
