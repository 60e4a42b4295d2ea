// The fused multiply-add of eight floats at once. A header alone, because Swift's own is a loop over
// the lanes: the optimizer mostly finds the vector in it again, but then orders the operations so
// that a kernel with twelve sums no longer fits the registers.
#ifndef CNN_VECTOR_H
#define CNN_VECTOR_H

#if defined(__FMA__) || defined(__aarch64__)

typedef float cnn_vector __attribute__((ext_vector_type(8)));

// Returns x * y + sum, rounded once.
static inline __attribute__((always_inline)) cnn_vector
cnn_vector_multiply_add(cnn_vector x, cnn_vector y, cnn_vector sum) {
  return __builtin_elementwise_fma(x, y, sum);
}

#endif
#endif
