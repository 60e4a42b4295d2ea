/*
 * Says what a picture shows, in three calls: load a model, recognise, free.
 *
 *     cc -std=c99 recognise.c -lcnn -o recognise
 *     ./recognise pets.cnn photo.jpg
 */
#include "common.h"

enum { TOP = 5 };

int main(int argc, char **argv) {
  cnn_model *model;
  cnn_prediction predictions[TOP];
  int64_t count, i;

  if (argc != 3) {
    fprintf(stderr, "usage: %s MODEL PICTURE\n", argv[0]);
    return 2;
  }
  CHECK(cnn_model_load(argv[1], &model));
  CHECK(cnn_recognise_file(model, argv[2], TOP, predictions, &count));
  for (i = 0; i < count; i++) {
    printf("%6.2f %%  %s\n", 100 * (double)predictions[i].probability, predictions[i].label);
  }
  cnn_model_free(model);
  return 0;
}
