/* The part of Arduino's core that a Client is made of, for tests on a host. */
#pragma once

#include <stddef.h>
#include <stdint.h>
