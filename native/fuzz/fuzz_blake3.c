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
    uint8_t alone[COPIA_DIGEST];
    if (length < 1) {
        return 0;
    }
    size_t size = (size_t)1 << input[0] % 13, n = length - 1;
    uint8_t *blocks = malloc(n + 1), *together = malloc((n / size + 1) * COPIA_DIGEST);
    if (blocks == NULL || together == NULL) {
        abort();
    }
    memcpy(blocks, input + 1, n);
    copia_digests(blocks, n, size, together);
    for (size_t at = 0; at < n; at += size) {
        copia_digest(blocks + at, n - at < size ? n - at : size, alone);
        if (memcmp(alone, together + at / size * COPIA_DIGEST, COPIA_DIGEST) != 0) {
            abort();
        }
    }
    free(blocks);
    free(together);
    return 0;
}
