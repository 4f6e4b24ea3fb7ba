/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * BLAKE3 of many blocks at once, beside one at a time. Sources: match.c blake3.c */
#include <stdlib.h>
#include <string.h>

#include "match.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    const uint8_t *blocks[COPIA_BATCH];
    uint8_t together[32 * COPIA_BATCH], alone[32];
    if (length < 1) {
        return 0;
    }
    size_t count = 1 + input[0] % COPIA_BATCH, n = (length - 1) / count;
    for (size_t i = 0; i < count; i++) {
        uint8_t *block = malloc(n + (n == 0));
        if (block == NULL) {
            abort();
        }
        memcpy(block, input + 1 + i * n, n);
        blocks[i] = block;
    }
    copia_blake3_many(blocks, count, n, together);
    for (size_t i = 0; i < count; i++) {
        copia_blake3_many(blocks + i, 1, n, alone);
        if (memcmp(alone, together + 32 * i, 32) != 0) {
            abort();
        }
        free((void *)(uintptr_t)blocks[i]);
    }
    return 0;
}
