#ifndef IMAGE_CODECS_MESSAGE_H
#define IMAGE_CODECS_MESSAGE_H

#include <stdio.h>

#include "CImageCodecs.h"

static inline void set_message(image_codecs_message *message, const char *text) {
  snprintf(message->text, sizeof message->text, "%s", text ? text : "");
}

#endif
