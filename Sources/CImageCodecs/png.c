#include "CImageCodecs.h"
#include <stdio.h>
#include <png.h>
#include <jpeglib.h>
#include <zlib.h>
unsigned long image_codecs_probe(void) {
  struct jpeg_decompress_struct d; struct jpeg_error_mgr e;
  d.err = jpeg_std_error(&e);
  jpeg_create_decompress(&d);
  png_structp p = png_create_read_struct(PNG_LIBPNG_VER_STRING, 0,0,0);
  return png_access_version_number() + crc32(0,0,0) + (p!=0) + (unsigned long)(size_t)p; }
