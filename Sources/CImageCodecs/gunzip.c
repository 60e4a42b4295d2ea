#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "message.h"

typedef struct {
  uint8_t *bytes;
  size_t count;
  size_t capacity;
} output;

// Makes room for at least one byte more, within the limit.
static int grow(output *to, size_t limit) {
  if (to->count < to->capacity) return IMAGE_CODECS_OK;
  if (to->capacity >= limit) return IMAGE_CODECS_TOO_LARGE;
  size_t capacity = to->capacity < 32768 ? 65536 : to->capacity > limit / 2 ? limit : 2 * to->capacity;
  if (capacity > limit) capacity = limit;
  uint8_t *bytes = realloc(to->bytes, capacity);
  if (!bytes) return IMAGE_CODECS_OUT_OF_MEMORY;
  to->bytes = bytes;
  to->capacity = capacity;
  return IMAGE_CODECS_OK;
}

// Inflates until the end of one member. `stream` holds the unread input.
static int inflate_member(z_stream *stream, size_t *left, output *to, size_t limit,
                          image_codecs_message *message) {
  for (;;) {
    // zlib counts in 32 bit.
    if (stream->avail_in == 0) {
      stream->avail_in = *left > UINT_MAX ? UINT_MAX : (unsigned)*left;
      *left -= stream->avail_in;
    }
    uint8_t beyond;
    int full = grow(to, limit);
    if (full == IMAGE_CODECS_OUT_OF_MEMORY) return full;
    size_t room = full ? 1 : to->capacity - to->count;
    stream->next_out = full ? &beyond : to->bytes + to->count;
    stream->avail_out = room > UINT_MAX ? UINT_MAX : (unsigned)room;
    unsigned offered = stream->avail_out;
    int result = inflate(stream, Z_NO_FLUSH);
    size_t produced = offered - stream->avail_out;
    // At the limit, a member may still end, but not produce another byte.
    if (full && produced > 0) {
      set_message(message, "the contents are larger than allowed");
      return IMAGE_CODECS_TOO_LARGE;
    }
    to->count += produced;
    if (result == Z_STREAM_END) return IMAGE_CODECS_OK;
    if (result == Z_MEM_ERROR) return IMAGE_CODECS_OUT_OF_MEMORY;
    if (result == Z_BUF_ERROR || (result == Z_OK && stream->avail_in == 0 && *left == 0 &&
                                  stream->avail_out > 0)) {
      set_message(message, "the file ends in the middle");
      return IMAGE_CODECS_MALFORMED;
    }
    if (result != Z_OK) {
      set_message(message, stream->msg ? stream->msg : "the compressed data are corrupt");
      return IMAGE_CODECS_MALFORMED;
    }
  }
}

static int is_padding(const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (bytes[i] != 0) return 0;
  }
  return 1;
}

int image_codecs_gunzip(const uint8_t *bytes, size_t count, size_t limit, uint8_t **out_bytes,
                        size_t *out_count, image_codecs_message *message) {
  *out_bytes = NULL;
  *out_count = 0;
  set_message(message, "");
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  // 16 more than the largest window: expect a gzip header.
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return IMAGE_CODECS_OUT_OF_MEMORY;
  stream.next_in = (Bytef *)bytes;
  size_t left = count;
  output to = {0};
  int status;
  for (;;) {
    status = inflate_member(&stream, &left, &to, limit, message);
    if (status != IMAGE_CODECS_OK) break;
    if (is_padding(stream.next_in, stream.avail_in + left)) break;
    inflateReset(&stream);
  }
  inflateEnd(&stream);
  if (status == IMAGE_CODECS_OK) {
    // Nobody should have to treat an empty result as a failure.
    if (!to.bytes) to.bytes = malloc(1);
    if (!to.bytes) return IMAGE_CODECS_OUT_OF_MEMORY;
    *out_bytes = to.bytes;
    *out_count = to.count;
  } else {
    free(to.bytes);
  }
  return status;
}
