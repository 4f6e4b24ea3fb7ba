/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inputs for a harness where there is no libFuzzer: PROGRAM SECONDS. Random bytes of any length, runs of equal bytes, and
 * earlier inputs with some bytes changed; the same sequence every time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONGEST 4096U

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

static uint64_t state = 88172645463325252U;

static uint32_t number(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % below;
}

static size_t change(uint8_t *input, size_t length) {
    switch (number(3)) {
    case 0:
        length = number(number(4) == 0 ? LONGEST : 96);
        for (size_t i = 0; i < length; i++) {
            input[i] = (uint8_t)number(256);
        }
        break;
    case 1:
        length = number(LONGEST);
        memset(input, (int)number(256), length);
        break;
    default:
        break;
    }
    for (uint32_t i = number(8); length > 0 && i > 0; i--) {
        input[number((uint32_t)length)] = (uint8_t)number(number(2) == 0 ? 256 : 4);
    }
    return length;
}

int main(int count, char **words) {
    static uint8_t input[LONGEST];
    size_t length = 0;
    unsigned long runs = 0;
    long seconds = count > 1 ? strtol(words[1], NULL, 10) : 1;
    for (time_t end = time(NULL) + seconds; time(NULL) < end; runs++) {
        length = change(input, length);
        uint8_t *exact = malloc(length + (length == 0));
        if (exact == NULL) {
            return 1;
        }
        memcpy(exact, input, length);
        LLVMFuzzerTestOneInput(exact, length);
        free(exact);
    }
    printf("Done %lu runs\n", runs);
    return 0;
}
