// PNG, JPEG and gzip from memory to memory, with every failure a return value.
//
// libpng and libjpeg report errors by longjmp, which must not cross Swift frames, and by default
// print to stderr or call exit. This target drives them from C and keeps all of that inside.
//
// Nothing here is global: each decoder belongs to one thread at a time. Decoders read from the
// bytes they were opened with, which must outlive them.

#ifndef CIMAGE_CODECS_H
#define CIMAGE_CODECS_H

#include <stddef.h>
#include <stdint.h>

// What a function returns.
enum {
  IMAGE_CODECS_OK = 0,
  // The data breaks the rules of its format.
  IMAGE_CODECS_MALFORMED = 1,
  // No memory.
  IMAGE_CODECS_OUT_OF_MEMORY = 2,
  // A valid file of a kind that is not supported.
  IMAGE_CODECS_UNSUPPORTED = 3,
  // The result would be larger than the caller allows.
  IMAGE_CODECS_TOO_LARGE = 4,
};

enum { IMAGE_CODECS_MESSAGE_SIZE = 256 };

// What the codec said, as text; empty when nothing went wrong.
typedef struct {
  char text[IMAGE_CODECS_MESSAGE_SIZE];
} image_codecs_message;

// What the header of an image file says.
typedef struct {
  uint32_t width;
  uint32_t height;
  // Of the decoded pixels: 1 (grey), 3 (RGB) or 4 (RGBA), 8 bit each.
  uint32_t channels;
  // The memory that the codec may take beside the pixels.
  size_t working_bytes;
  // Whether the codec keeps the whole picture in some form while it decodes (then working_bytes
  // has it), however small the result is.
  int keeps_whole_picture;
} image_codecs_info;

// A PNG file being decoded.
typedef struct image_codecs_png image_codecs_png;

// Reads the header. On failure *out_decoder is NULL.
int image_codecs_png_open(const uint8_t *bytes, size_t count, image_codecs_png **out_decoder,
                          image_codecs_info *out_info, image_codecs_message *message);

// Decodes all pixels into width * height * channels bytes, once, and checks the rest of the file.
int image_codecs_png_read(image_codecs_png *decoder, uint8_t *pixels,
                          image_codecs_message *message);

// Returns the Exif block of the file (TIFF data) and its size, or NULL. Complete after the read;
// valid until the close.
const uint8_t *image_codecs_png_exif(image_codecs_png *decoder, size_t *out_count);

// Ends decoding; NULL is allowed.
void image_codecs_png_close(image_codecs_png *decoder);

// A JPEG file being decoded. The functions correspond to those for PNG, but the Exif block is there
// only between open and read. CMYK and YCCK are converted to RGB (values inverted, as Adobe's
// programs write them).
typedef struct image_codecs_jpeg image_codecs_jpeg;

int image_codecs_jpeg_open(const uint8_t *bytes, size_t count, image_codecs_jpeg **out_decoder,
                           image_codecs_info *out_info, image_codecs_message *message);

// Asks for a picture of `eighths` (1, 2, 4 or 8) eighths of the size, rounded up, and writes its
// sizes and needs to out_info. Pixels are means over blocks of the full size, computed from the
// frequencies that the file holds, so that most of the work is saved. Between open and read.
int image_codecs_jpeg_scale(image_codecs_jpeg *decoder, unsigned eighths,
                            image_codecs_info *out_info, image_codecs_message *message);

int image_codecs_jpeg_read(image_codecs_jpeg *decoder, uint8_t *pixels,
                           image_codecs_message *message);

const uint8_t *image_codecs_jpeg_exif(image_codecs_jpeg *decoder, size_t *out_count);

void image_codecs_jpeg_close(image_codecs_jpeg *decoder);

// Encodes 8-bit pixels with 1, 3 or 4 channels as PNG. The caller frees *out_bytes with free().
int image_codecs_png_write(const uint8_t *pixels, uint32_t width, uint32_t height,
                           uint32_t channels, uint8_t **out_bytes, size_t *out_count,
                           image_codecs_message *message);

// Inflates a gzip file of one or several members to at most `limit` bytes. The caller frees
// *out_bytes with free().
int image_codecs_gunzip(const uint8_t *bytes, size_t count, size_t limit, uint8_t **out_bytes,
                        size_t *out_count, image_codecs_message *message);

#endif
