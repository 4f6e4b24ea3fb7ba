/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * BLAKE3 of many blocks at once, with as many lanes as this processor has and with fewer, beside one at a time. The first
 * byte says how long a block is, up to 512 KiB, the second how many chunks follow the input, made of it.
 * Sources: blake3.c cpu.c */
#include <stdlib.h>
#include <string.h>

#include "blake3.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

static uint8_t *room(size_t n) {
    uint8_t *made = malloc(n);
    if (made == NULL) {
        abort();
    }
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    if (length < 3) {
        return 0;
    }
    size_t size = (size_t)1 << input[0] % 20, given = length - 2, n = given;
    if (size >= 64) {
        n += (size > 40960 ? size : 0) + input[1] % 41 * (size_t)1024;
    }
    size_t most = (n / size + 1) * COPIA_DIGEST;
    uint8_t *blocks = room(n), *alone = room(most), *together = room(most);
    for (size_t i = 0; i < n; i++) {
        blocks[i] = (uint8_t)(input[2 + i % given] + i / 1024);
    }
    for (size_t at = 0; at < n; at += size) {
        copia_digest(blocks + at, n - at < size ? n - at : size, alone + at / size * COPIA_DIGEST);
    }
    for (size_t lanes = 4; lanes <= 16; lanes *= 2) {
        copia_digests_in(lanes, blocks, n, size, together);
        if (memcmp(alone, together, (n + size - 1) / size * COPIA_DIGEST) != 0) {
            abort();
        }
    }
    free(blocks);
    free(alone);
    free(together);
    return 0;
}
