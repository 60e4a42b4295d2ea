// The part of CBLAS that cnn calls. Declared here because Debian keeps cblas.h in a folder that
// depends on the architecture; the names and types are those of the BLAS standard.
#ifndef CNN_OPENBLAS_H
#define CNN_OPENBLAS_H

enum CBLAS_ORDER { CblasRowMajor = 101, CblasColMajor = 102 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 };

void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transA, enum CBLAS_TRANSPOSE transB,
                 int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
                 float beta, float *c, int ldc);
void cblas_sgemv(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transA, int m, int n, float alpha,
                 const float *a, int lda, const float *x, int incx, float beta, float *y, int incy);
void openblas_set_num_threads(int count);
int openblas_get_num_threads(void);
// Ends the threads that OpenBLAS starts when it is loaded; it needs none for calls of one thread.
int blas_thread_shutdown_(void);
char *openblas_get_config(void);
char *openblas_get_corename(void);

#endif
