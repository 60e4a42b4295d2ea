#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "message.h"

// A progressive file may hold any number of scans over all of its pixels. Real ones have about
// ten; a few kilobytes with thousands of scans would keep the decoder busy for minutes.
enum { maximum_scans = 200 };

struct image_codecs_jpeg {
  struct jpeg_decompress_struct codec;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  int status;
  image_codecs_message *message;
};

static void fail(j_common_ptr codec) {
  image_codecs_jpeg *decoder = (image_codecs_jpeg *)codec->client_data;
  char text[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, text);
  set_message(decoder->message, text);
  decoder->status = codec->err->msg_code == JERR_OUT_OF_MEMORY ||
                            codec->err->msg_code == JERR_NO_BACKING_STORE
                        ? IMAGE_CODECS_OUT_OF_MEMORY
                    : codec->err->msg_code == JERR_ARITH_NOTIMPL ||
                            codec->err->msg_code == JERR_SOF_UNSUPPORTED ||
                            codec->err->msg_code == JERR_CONVERSION_NOTIMPL ||
                            codec->err->msg_code == JERR_BAD_PRECISION
                        ? IMAGE_CODECS_UNSUPPORTED
                        : IMAGE_CODECS_MALFORMED;
  longjmp(decoder->escape, 1);
}

static void emit_message(j_common_ptr codec, int level) {
  if (level >= 0) return;
  switch (codec->err->msg_code) {
    // Many cameras' and programs' files have these, and all their pixels are intact.
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_ICC:
      return;
    default:
      fail(codec);
  }
}

static void output_message(j_common_ptr codec) { (void)codec; }

static void start_source(j_decompress_ptr codec) { (void)codec; }

static boolean fill_input_buffer(j_decompress_ptr codec) {
  ERREXIT(codec, JERR_INPUT_EOF);
  return FALSE;
}

static void skip_input_data(j_decompress_ptr codec, long count) {
  if (count <= 0) return;
  if ((size_t)count > codec->src->bytes_in_buffer) ERREXIT(codec, JERR_INPUT_EOF);
  codec->src->next_input_byte += count;
  codec->src->bytes_in_buffer -= (size_t)count;
}

static void end_source(j_decompress_ptr codec) { (void)codec; }

static void check_scans(j_common_ptr codec) {
  image_codecs_jpeg *decoder = (image_codecs_jpeg *)codec->client_data;
  if (decoder->codec.input_scan_number <= maximum_scans) return;
  snprintf(decoder->message->text, sizeof decoder->message->text, "more than %d scans",
           maximum_scans);
  decoder->status = IMAGE_CODECS_MALFORMED;
  longjmp(decoder->escape, 1);
}

static int is_cmyk(const struct jpeg_decompress_struct *codec) {
  return codec->jpeg_color_space == JCS_CMYK || codec->jpeg_color_space == JCS_YCCK;
}

// The memory for all coefficients of a file with several scans, 2 bytes each: of every component as
// many whole blocks as its sampling asks for.
static size_t coefficient_bytes(const struct jpeg_decompress_struct *codec) {
  size_t blocks = 0;
  for (int i = 0; i < codec->num_components; i++) {
    const jpeg_component_info *component = &codec->comp_info[i];
    size_t across = (size_t)component->h_samp_factor;
    size_t down = (size_t)component->v_samp_factor;
    blocks += (component->width_in_blocks + across) * (component->height_in_blocks + down);
  }
  return blocks * DCTSIZE2 * sizeof(JCOEF);
}

static void describe(image_codecs_jpeg *decoder, image_codecs_info *out_info) {
  struct jpeg_decompress_struct *codec = &decoder->codec;
  jpeg_calc_output_dimensions(codec);
  out_info->width = codec->output_width;
  out_info->height = codec->output_height;
  out_info->channels = codec->out_color_space == JCS_GRAYSCALE ? 1 : 3;
  // Rows for colour conversion and upsampling, with sizes rounded up to whole blocks at the coarsest
  // sampling.
  size_t width = ((size_t)codec->image_width + 31) / 32 * 32;
  out_info->working_bytes = (1 << 20) + width * (size_t)codec->num_components * 64;
  out_info->keeps_whole_picture = jpeg_has_multiple_scans(codec);
  if (out_info->keeps_whole_picture) out_info->working_bytes += coefficient_bytes(codec);
  codec->mem->max_memory_to_use = (long)out_info->working_bytes;
}

static void read_header(image_codecs_jpeg *decoder, image_codecs_info *out_info) {
  struct jpeg_decompress_struct *codec = &decoder->codec;
  jpeg_save_markers(codec, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(codec, TRUE);
  codec->out_color_space = codec->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE
                           : is_cmyk(codec)                         ? JCS_CMYK
                                                                    : JCS_RGB;
  describe(decoder, out_info);
}

int image_codecs_jpeg_open(const uint8_t *bytes, size_t count, image_codecs_jpeg **out_decoder,
                           image_codecs_info *out_info, image_codecs_message *message) {
  *out_decoder = NULL;
  memset(out_info, 0, sizeof *out_info);
  set_message(message, "");
  image_codecs_jpeg *decoder = calloc(1, sizeof *decoder);
  if (!decoder) return IMAGE_CODECS_OUT_OF_MEMORY;
  decoder->message = message;
  decoder->status = IMAGE_CODECS_MALFORMED;
  decoder->codec.err = jpeg_std_error(&decoder->errors);
  decoder->errors.error_exit = fail;
  decoder->errors.emit_message = emit_message;
  decoder->errors.output_message = output_message;
  decoder->codec.client_data = decoder;
  if (setjmp(decoder->escape)) {
    int status = decoder->status;
    image_codecs_jpeg_close(decoder);
    return status;
  }
  // Creating clears all fields but the error manager and the client's pointer.
  jpeg_create_decompress(&decoder->codec);
  decoder->source.next_input_byte = bytes;
  decoder->source.bytes_in_buffer = count;
  decoder->source.init_source = start_source;
  decoder->source.fill_input_buffer = fill_input_buffer;
  decoder->source.skip_input_data = skip_input_data;
  decoder->source.resync_to_restart = jpeg_resync_to_restart;
  decoder->source.term_source = end_source;
  decoder->codec.src = &decoder->source;
  decoder->progress.progress_monitor = check_scans;
  decoder->codec.progress = &decoder->progress;
  read_header(decoder, out_info);
  *out_decoder = decoder;
  return IMAGE_CODECS_OK;
}

int image_codecs_jpeg_scale(image_codecs_jpeg *decoder, unsigned eighths,
                            image_codecs_info *out_info, image_codecs_message *message) {
  set_message(message, "");
  decoder->message = message;
  decoder->status = IMAGE_CODECS_MALFORMED;
  if (setjmp(decoder->escape)) return decoder->status;
  decoder->codec.scale_num = eighths;
  decoder->codec.scale_denom = 8;
  describe(decoder, out_info);
  return IMAGE_CODECS_OK;
}

// Adobe's programs store ink inverted, so that 255 means none, and other writers follow.
static void convert_inverted_cmyk_row(const uint8_t *cmyk, uint8_t *rgb, size_t width) {
  for (size_t x = 0; x < width; x++) {
    unsigned black = cmyk[4 * x + 3];
    for (size_t c = 0; c < 3; c++) {
      rgb[3 * x + c] = (uint8_t)((cmyk[4 * x + c] * black + 127) / 255);
    }
  }
}

static void read_rows(image_codecs_jpeg *decoder, uint8_t *pixels) {
  struct jpeg_decompress_struct *codec = &decoder->codec;
  jpeg_start_decompress(codec);
  size_t width = codec->output_width;
  size_t row_bytes = width * (codec->out_color_space == JCS_GRAYSCALE ? 1 : 3);
  JSAMPARRAY cmyk = NULL;
  if (codec->out_color_space == JCS_CMYK) {
    cmyk = codec->mem->alloc_sarray((j_common_ptr)codec, JPOOL_IMAGE, (JDIMENSION)(4 * width), 1);
  }
  while (codec->output_scanline < codec->output_height) {
    uint8_t *row = pixels + codec->output_scanline * row_bytes;
    if (cmyk) {
      jpeg_read_scanlines(codec, cmyk, 1);
      convert_inverted_cmyk_row(cmyk[0], row, width);
    } else {
      jpeg_read_scanlines(codec, &row, 1);
    }
  }
  jpeg_finish_decompress(codec);
}

int image_codecs_jpeg_read(image_codecs_jpeg *decoder, uint8_t *pixels,
                           image_codecs_message *message) {
  set_message(message, "");
  decoder->message = message;
  decoder->status = IMAGE_CODECS_MALFORMED;
  if (setjmp(decoder->escape)) return decoder->status;
  read_rows(decoder, pixels);
  return IMAGE_CODECS_OK;
}

const uint8_t *image_codecs_jpeg_exif(image_codecs_jpeg *decoder, size_t *out_count) {
  *out_count = 0;
  for (jpeg_saved_marker_ptr marker = decoder->codec.marker_list; marker; marker = marker->next) {
    if (marker->marker == JPEG_APP0 + 1 && marker->data_length > 6 &&
        memcmp(marker->data, "Exif\0", 6) == 0) {
      *out_count = marker->data_length - 6;
      return marker->data + 6;
    }
  }
  return NULL;
}

void image_codecs_jpeg_close(image_codecs_jpeg *decoder) {
  if (!decoder) return;
  jpeg_destroy_decompress(&decoder->codec);
  free(decoder);
}
