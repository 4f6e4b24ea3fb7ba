/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * BLAKE3 of many blocks at once, beside one at a time. Sources: blake3.c cpu.c */
#include <stdlib.h>
#include <string.h>

#include "blake3.h"

#define MOST 40U

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    uint8_t together[COPIA_STRONG * MOST], alone[COPIA_STRONG];
    if (length < 1) {
        return 0;
    }
    size_t count = 1 + input[0] % MOST, n = (length - 1) / count;
    uint8_t *blocks = malloc(count * n + 1);
    if (blocks == NULL) {
        abort();
    }
    uint8_t *data = blocks + 1; /* ends where the allocation ends */
    memcpy(data, input + 1, count * n);
    if (n > 0) {
        copia_strong_blocks(data, n, count, together, COPIA_STRONG);
    }
    for (size_t i = 0; n > 0 && i < count; i++) {
        copia_strong(data + i * n, n, alone);
        if (memcmp(alone, together + COPIA_STRONG * i, COPIA_STRONG) != 0) {
            abort();
        }
    }
    free(blocks);
    return 0;
}
