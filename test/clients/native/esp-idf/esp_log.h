#pragma once
#include <stdio.h>
#define ESP_LOGE(tag, ...) (fprintf(stderr, "%s: ", tag), fprintf(stderr, __VA_ARGS__), fputc('\n', stderr))
