/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any 28 bytes are a row, and a row gives the same bytes again. Sources: row.h */
#include <stdlib.h>
#include <string.h>

#include "row.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    unsigned char packed[ROW_SIZE];
    if (length >= ROW_SIZE) {
        struct row row = row_unpack(input);
        row_pack(packed, &row);
        if (memcmp(packed, input, ROW_SIZE) != 0) {
            abort();
        }
    }
    return 0;
}
