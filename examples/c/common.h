/* What the examples share: stop with the library's message when a call fails. */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <cnn.h>
#include <stdio.h>
#include <stdlib.h>

/** Runs a call; if it fails, prints where, which status and why, and ends the program. */
#define CHECK(call)                                                                             \
  do {                                                                                          \
    cnn_status check_status = (call);                                                           \
    if (check_status != CNN_OK) {                                                               \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, cnn_status_name(check_status),     \
              cnn_last_error_message());                                                        \
      exit(1);                                                                                  \
    }                                                                                           \
  } while (0)

/** Returns memory for count elements of a size, or ends the program. */
static inline void *allocate(int64_t count, size_t size) {
  void *memory = calloc((size_t)count, size);
  if (memory == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(1);
  }
  return memory;
}

#endif
