/*
 * One 3x3 convolution with oneDNN alone, in the layouts that it chooses itself.
 *
 *     onednn_peer MODE WAY BATCH HEIGHT WIDTH CHANNELS OUT_CHANNELS KERNEL PADDING RUNS SECONDS LONGEST
 *
 * MODE is "predict" (the forward pass) or "gradients" (forward, backward by the input, backward by
 * the weights); WAY is "direct", "winograd" or "auto". All tensors are filled in oneDNN's own
 * layouts, so no reordering is timed. Prints a line of JSON. OMP_NUM_THREADS sets the threads.
 */
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MAX_TIMES = 100000 };

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void check(dnnl_status_t status, const char *what) {
  if (status != dnnl_success) {
    fprintf(stderr, "%s: %s\n", what,
            status == dnnl_unimplemented ? "not on this processor" : "failed");
    exit(1);
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Memory in the layout of a description, filled with small numbers. */
static dnnl_memory_t make_memory(const dnnl_memory_desc_t *description) {
  dnnl_memory_t memory;
  void *data;
  check(dnnl_memory_create(&memory, description, engine, DNNL_MEMORY_ALLOCATE), "memory");
  check(dnnl_memory_get_data_handle(memory, &data), "data handle");
  size_t count = dnnl_memory_desc_get_size(description) / sizeof(float);
  unsigned random = 1;
  for (size_t index = 0; index < count; index++) {
    random = random * 1664525u + 1013904223u;
    ((float *)data)[index] = (float)(random >> 8) / (float)(1 << 24) - 0.5f;
  }
  return memory;
}

typedef struct {
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t arguments[3];
} operation;

static operation make_operation(const_dnnl_primitive_desc_t description, const int which[3],
                                const dnnl_query_t query[3], const int index[3]) {
  operation result;
  check(dnnl_primitive_create(&result.primitive, description), "primitive");
  for (int i = 0; i < 3; i++) {
    result.arguments[i].arg = which[i];
    result.arguments[i].memory =
        make_memory(dnnl_primitive_desc_query_md(description, query[i], index[i]));
  }
  return result;
}

static int make_operations(int gradients, dnnl_alg_kind_t way, const dnnl_memory_desc_t tensors[3],
                           int padding, operation operations[3]) {
  dnnl_dims_t strides = {1, 1}, pads = {padding, padding};
  dnnl_convolution_desc_t forward, by_input, by_weights;
  dnnl_primitive_desc_t hint, description;
  check(dnnl_convolution_forward_desc_init(
            &forward, gradients ? dnnl_forward_training : dnnl_forward_inference, way, &tensors[0],
            &tensors[1], NULL, &tensors[2], strides, pads, pads), "forward description");
  check(dnnl_primitive_desc_create(&hint, &forward, NULL, engine, NULL), "forward");
  operations[0] = make_operation(
      hint, (int[]){DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
      (dnnl_query_t[]){dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md},
      (int[]){0, 0, 0});
  if (!gradients) return 1;
  check(dnnl_convolution_backward_data_desc_init(&by_input, way, &tensors[0], &tensors[1],
                                                 &tensors[2], strides, pads, pads),
        "description of the gradient by the input");
  check(dnnl_primitive_desc_create(&description, &by_input, NULL, engine, hint),
        "gradient by the input");
  operations[1] = make_operation(
      description, (int[]){DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
      (dnnl_query_t[]){dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md},
      (int[]){0, 0, 0});
  check(dnnl_convolution_backward_weights_desc_init(&by_weights, way, &tensors[0], &tensors[1],
                                                    NULL, &tensors[2], strides, pads, pads),
        "description of the gradient by the weights");
  check(dnnl_primitive_desc_create(&description, &by_weights, NULL, engine, hint),
        "gradient by the weights");
  operations[2] = make_operation(
      description, (int[]){DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
      (dnnl_query_t[]){dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md},
      (int[]){0, 0, 0});
  return 3;
}

static double run_once(const operation *operations, int count) {
  double start = now();
  for (int i = 0; i < count; i++)
    check(dnnl_primitive_execute(operations[i].primitive, stream, 3, operations[i].arguments),
          "execute");
  check(dnnl_stream_wait(stream), "wait");
  return now() - start;
}

/* The loop of harness/timing.py. */
static void measure(const operation *operations, int count, int runs, double seconds,
                    double longest) {
  static double times[MAX_TIMES];
  struct rusage usage;
  int taken = 0;
  double warm_until = now() + seconds / 5;
  do run_once(operations, count);
  while (now() < warm_until);
  double start = now();
  do {
    times[taken++] = run_once(operations, count);
    double passed = now() - start;
    if ((taken >= runs && passed >= seconds) || (taken >= 2 && passed >= longest)) break;
  } while (taken < MAX_TIMES);
  const dnnl_version_t *version = dnnl_version();
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"version\": \"%d.%d.%d\", \"peak_mb\": %.1f, \"times_ms\": [", version->major,
         version->minor, version->patch, (double)usage.ru_maxrss * 1024 / 1e6);
  for (int i = 0; i < taken; i++) printf("%s%.4f", i ? ", " : "", 1000 * times[i]);
  printf("]}\n");
}

int main(int argc, char **argv) {
  if (argc != 13) {
    fprintf(stderr, "see the head of onednn_peer.c for the arguments\n");
    return 2;
  }
  int gradients = strcmp(argv[1], "gradients") == 0;
  dnnl_alg_kind_t way = strcmp(argv[2], "winograd") == 0 ? dnnl_convolution_winograd
                        : strcmp(argv[2], "auto") == 0   ? dnnl_convolution_auto
                                                         : dnnl_convolution_direct;
  long n = atol(argv[3]), h = atol(argv[4]), w = atol(argv[5]), c = atol(argv[6]);
  long k = atol(argv[7]), kernel = atol(argv[8]), padding = atol(argv[9]);
  dnnl_dims_t sizes[3] = {
      {n, c, h, w},
      {k, c, kernel, kernel},
      {n, k, h + 2 * padding - kernel + 1, w + 2 * padding - kernel + 1}};
  dnnl_memory_desc_t tensors[3];
  operation operations[3];
  check(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
  check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
  for (int i = 0; i < 3; i++)
    check(dnnl_memory_desc_init_by_tag(&tensors[i], 4, sizes[i], dnnl_f32, dnnl_format_tag_any),
          "tensor description");
  int count = make_operations(gradients, way, tensors, (int)padding, operations);
  measure(operations, count, atoi(argv[10]), atof(argv[11]), atof(argv[12]));
  return 0;
}
