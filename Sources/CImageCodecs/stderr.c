// Debian's libpng.a and libjpeg.a are compiled for executables: their one reference to `stderr`, a
// variable of the C library, cannot be relocated inside a shared library. The shared library is
// therefore linked with `--wrap=stderr`, which makes such references point here. This file itself
// is compiled for shared libraries and can reach the real one.
#include <stdio.h>

FILE *__wrap_stderr;

// Absent where the linker was not told to wrap: in executables, which need none of this.
extern FILE *__real_stderr __attribute__((weak));

__attribute__((constructor)) static void remember_stderr(void) {
  if (&__real_stderr) __wrap_stderr = __real_stderr;
}
