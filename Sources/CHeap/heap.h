// How much memory the process has taken of malloc: what Swift's Glibc module does not know.
#ifndef CNN_HEAP_H
#define CNN_HEAP_H

#include <stdlib.h>

#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 33))
#include <malloc.h>

// The bytes in use, in all arenas, and in blocks so large that they are mapped by themselves.
static inline size_t cnn_heap_bytes(void) {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
#else
static inline size_t cnn_heap_bytes(void) { return 0; }
#endif

#endif
