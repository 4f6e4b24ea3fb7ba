/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * BLAKE3 of many blocks at once, beside one at a time. Sources: blake3.c cpu.c */
#include <stdlib.h>
#include <string.h>

#include "blake3.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    uint8_t alone[COPIA_STRONG];
    if (length < 1) {
        return 0;
    }
    size_t size = (size_t)1 << input[0] % 13, count = (length - 1) / size;
    uint8_t *blocks = malloc(count * size + 1), *together = malloc(count * COPIA_STRONG + 1);
    if (blocks == NULL || together == NULL) {
        abort();
    }
    memcpy(blocks, input + 1, count * size);
    copia_strong_blocks(blocks, size, count, together, COPIA_STRONG);
    for (size_t i = 0; i < count; i++) {
        copia_strong(blocks + i * size, size, alone);
        if (memcmp(alone, together + i * COPIA_STRONG, COPIA_STRONG) != 0) {
            abort();
        }
    }
    free(blocks);
    free(together);
    return 0;
}
