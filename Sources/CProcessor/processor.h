// What the running processor can do. A header alone, because Swift has no way to ask.
#ifndef CNN_PROCESSOR_H
#define CNN_PROCESSOR_H

// Returns 1 where code that was compiled for x86-64-v3 (AVX2, FMA, BMI2) may run, otherwise 0.
// The answer includes whether the operating system saves the wide registers.
static inline int cnn_processor_has_avx2(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
  return 0;
#endif
}

// Tells the processor that a loop waits for another thread.
static inline void cnn_processor_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
