// Two things that Swift cannot say, in a header alone: the fused multiply-add of eight floats at once,
// and to fetch memory ahead. Swift's own multiply-add is a loop over the lanes: the optimizer mostly
// finds the vector in it again, but then orders the operations so that a kernel with twelve sums no
// longer fits the registers.
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

// Asks for the cache line at the address to be brought into the second cache.
static inline __attribute__((always_inline)) void cnn_vector_prefetch(const float *address) {
  __builtin_prefetch(address, 0, 2);
}

#endif
