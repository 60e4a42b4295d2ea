#ifndef CIMAGE_CODECS_H
#define CIMAGE_CODECS_H
unsigned long image_codecs_probe(void);
#endif
