#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

typedef struct {
  uint8_t *bytes;
  size_t count;
  size_t capacity;
  int status;
  image_codecs_message *message;
} writer;

static void handle_error(png_structp png, png_const_charp text) {
  writer *output = png_get_error_ptr(png);
  set_message(output->message, text);
  longjmp(png_jmpbuf(png), 1);
}

static void handle_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void write_bytes(png_structp png, png_bytep from, png_size_t count) {
  writer *output = png_get_io_ptr(png);
  if (count > output->capacity - output->count) {
    size_t wanted = output->count + count;
    size_t capacity = wanted > SIZE_MAX / 2 ? wanted : 2 * wanted;
    uint8_t *bytes = wanted < count ? NULL : realloc(output->bytes, capacity);
    if (!bytes) {
      output->status = IMAGE_CODECS_OUT_OF_MEMORY;
      png_error(png, "out of memory");
    }
    output->bytes = bytes;
    output->capacity = capacity;
  }
  memcpy(output->bytes + output->count, from, count);
  output->count += count;
}

static void flush_bytes(png_structp png) { (void)png; }

static void write_image(png_structp png, png_infop info, const uint8_t *pixels, uint32_t width,
                        uint32_t height, uint32_t channels) {
  int color = channels == 1   ? PNG_COLOR_TYPE_GRAY
              : channels == 3 ? PNG_COLOR_TYPE_RGB
                              : PNG_COLOR_TYPE_RGB_ALPHA;
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_IHDR(png, info, width, height, 8, color, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  size_t row_bytes = (size_t)width * channels;
  for (uint32_t y = 0; y < height; y++) png_write_row(png, pixels + y * row_bytes);
  png_write_end(png, info);
}

int image_codecs_png_write(const uint8_t *pixels, uint32_t width, uint32_t height,
                           uint32_t channels, uint8_t **out_bytes, size_t *out_count,
                           image_codecs_message *message) {
  *out_bytes = NULL;
  *out_count = 0;
  set_message(message, "");
  // On the heap, so that its values are certain after a longjmp.
  writer *output = calloc(1, sizeof *output);
  if (!output) return IMAGE_CODECS_OUT_OF_MEMORY;
  output->status = IMAGE_CODECS_MALFORMED;
  output->message = message;
  png_structp png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, output, handle_error, handle_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    png_destroy_write_struct(&png, NULL);
    free(output);
    return IMAGE_CODECS_OUT_OF_MEMORY;
  }
  if (setjmp(png_jmpbuf(png)) == 0) {
    png_set_write_fn(png, output, write_bytes, flush_bytes);
    write_image(png, info, pixels, width, height, channels);
    output->status = IMAGE_CODECS_OK;
    *out_bytes = output->bytes;
    *out_count = output->count;
  } else {
    free(output->bytes);
  }
  int status = output->status;
  png_destroy_write_struct(&png, &info);
  free(output);
  return status;
}
