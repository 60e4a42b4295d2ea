#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

struct image_codecs_png {
  png_structp png;
  png_infop info;
  png_infop end_info;
  const uint8_t *next;
  size_t left;
  uint32_t height;
  int passes;
  int status;
  image_codecs_message *message;
};

static void handle_error(png_structp png, png_const_charp text) {
  image_codecs_png *decoder = png_get_error_ptr(png);
  set_message(decoder->message, text);
  if (text && strstr(text, "memory")) decoder->status = IMAGE_CODECS_OUT_OF_MEMORY;
  longjmp(png_jmpbuf(png), 1);
}

// Warnings speak of ancillary data, which decoding pixels does not need.
static void handle_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep to, png_size_t count) {
  image_codecs_png *decoder = png_get_io_ptr(png);
  if (count > decoder->left) png_error(png, "the file ends in the middle");
  memcpy(to, decoder->next, count);
  decoder->next += count;
  decoder->left -= count;
}

// Chunks that do not change pixels are skipped: some are compressed and could be bombs.
static void skip_ancillary_chunks(png_structp png) {
  static const png_byte skipped[] =
      "iCCP\0zTXt\0iTXt\0tEXt\0sPLT\0hIST\0pCAL\0sCAL\0tIME\0oFFs\0pHYs\0"
      "bKGD\0cHRM\0gAMA\0sRGB\0sBIT";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, skipped, sizeof skipped / 5);
}

static int ask_for_8_bit_grey_rgb_or_rgba(image_codecs_png *decoder) {
  png_structp png = decoder->png;
  png_infop info = decoder->info;
  int color = png_get_color_type(png, info);
  int transparent = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (color == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
  if (transparent) png_set_tRNS_to_alpha(png);
  if (color == PNG_COLOR_TYPE_GRAY_ALPHA || (color == PNG_COLOR_TYPE_GRAY && transparent)) {
    png_set_gray_to_rgb(png);
  }
  png_set_scale_16(png);
  decoder->passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return png_get_bit_depth(png, info) == 8;
}

static void read_header(image_codecs_png *decoder, image_codecs_info *out_info) {
  png_structp png = decoder->png;
  // Sizes are for the caller to judge; these are the format's own.
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  skip_ancillary_chunks(png);
  png_set_read_fn(png, decoder, read_bytes);
  png_read_info(png, decoder->info);
  out_info->width = png_get_image_width(png, decoder->info);
  out_info->height = decoder->height = png_get_image_height(png, decoder->info);
}

int image_codecs_png_open(const uint8_t *bytes, size_t count, image_codecs_png **out_decoder,
                          image_codecs_info *out_info, image_codecs_message *message) {
  *out_decoder = NULL;
  memset(out_info, 0, sizeof *out_info);
  set_message(message, "");
  image_codecs_png *decoder = calloc(1, sizeof *decoder);
  if (!decoder) return IMAGE_CODECS_OUT_OF_MEMORY;
  decoder->next = bytes;
  decoder->left = count;
  decoder->message = message;
  decoder->status = IMAGE_CODECS_MALFORMED;
  decoder->png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, decoder, handle_error, handle_warning);
  if (decoder->png) decoder->info = png_create_info_struct(decoder->png);
  if (decoder->info) decoder->end_info = png_create_info_struct(decoder->png);
  if (!decoder->end_info) {
    image_codecs_png_close(decoder);
    return IMAGE_CODECS_OUT_OF_MEMORY;
  }
  if (setjmp(png_jmpbuf(decoder->png))) {
    int status = decoder->status;
    image_codecs_png_close(decoder);
    return status;
  }
  read_header(decoder, out_info);
  int color = png_get_color_type(decoder->png, decoder->info);
  int transparent = png_get_valid(decoder->png, decoder->info, PNG_INFO_tRNS) != 0;
  out_info->channels = (color & PNG_COLOR_MASK_ALPHA) || transparent ? 4
                       : color == PNG_COLOR_TYPE_GRAY                ? 1
                                                                     : 3;
  // libpng holds two rows of at most 8 bytes a pixel, and zlib's window.
  out_info->working_bytes = 16 * (size_t)out_info->width + (1 << 16);
  *out_decoder = decoder;
  return IMAGE_CODECS_OK;
}

int image_codecs_png_read(image_codecs_png *decoder, uint8_t *pixels,
                          image_codecs_message *message) {
  set_message(message, "");
  decoder->message = message;
  decoder->status = IMAGE_CODECS_MALFORMED;
  if (setjmp(png_jmpbuf(decoder->png))) return decoder->status;
  if (!ask_for_8_bit_grey_rgb_or_rgba(decoder)) {
    png_error(decoder->png, "the pixels cannot be converted to 8 bit");
  }
  size_t row_bytes = png_get_rowbytes(decoder->png, decoder->info);
  for (int pass = 0; pass < decoder->passes; pass++) {
    for (uint32_t y = 0; y < decoder->height; y++) {
      png_read_row(decoder->png, pixels + (size_t)y * row_bytes, NULL);
    }
  }
  png_read_end(decoder->png, decoder->end_info);
  return IMAGE_CODECS_OK;
}

const uint8_t *image_codecs_png_exif(image_codecs_png *decoder, size_t *out_count) {
  png_uint_32 count = 0;
  png_bytep exif = NULL;
  *out_count = 0;
  if (setjmp(png_jmpbuf(decoder->png))) return NULL;
  if (!png_get_eXIf_1(decoder->png, decoder->info, &count, &exif) || !exif) {
    count = 0;
    if (!png_get_eXIf_1(decoder->png, decoder->end_info, &count, &exif)) return NULL;
  }
  *out_count = count;
  return exif;
}

void image_codecs_png_close(image_codecs_png *decoder) {
  if (!decoder) return;
  if (decoder->png) png_destroy_read_struct(&decoder->png, &decoder->info, &decoder->end_info);
  free(decoder);
}
