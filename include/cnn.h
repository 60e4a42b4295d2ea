#ifndef CNN_H
#define CNN_H
#include <stdint.h>
float cnn_probe(int32_t n);
#endif
