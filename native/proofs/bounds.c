/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The matcher, interpreted abstractly (Frama-C, plug-in Eva): for any rows, any data and any strong sums within these
 * bounds, no access is out of bounds, nothing is read that was not written, and no operation is undefined. */
#include <stdlib.h>

#include "../src/adler.c"
#include "../src/blocks.c"
#undef M
#include "../src/find.c"

#define BLOCKS 2U
#define LARGEST 2U
#define DATA 67U /* a stride, a window, and one more */

extern unsigned char Frama_C_unsigned_char_interval(unsigned char least, unsigned char most);

/* BLAKE3 reads what it is given, and may answer anything. */
void copia_digests(const uint8_t *data, size_t n, size_t size, uint8_t *out) {
    for (size_t at = 0; at < n; at += size, out += COPIA_DIGEST) {
        for (size_t byte = 0; byte < COPIA_DIGEST; byte++) {
            out[byte] = Frama_C_unsigned_char_interval(0, data[n - 1] | 255);
        }
    }
}

int copia_has_avx2(void) {
    return 0;
}

static void fill(uint8_t *data, size_t n) {
    for (size_t i = 0; i < n; i++) {
        data[i] = Frama_C_unsigned_char_interval(0, 255);
    }
}

int main(void) {
    uint8_t rows[BLOCKS * COPIA_ROW], data[DATA], equal[4], sums[4 * COPIA_ROW];
    uint8_t digests[4 * COPIA_DIGEST];
    struct copia_table table;
    fill(rows, sizeof rows);
    fill(data, sizeof data);
    for (size_t size = 1; size <= LARGEST; size++) {
        for (size_t n = 1; n <= 4; n++) {
            copia_block_rows(data, n, size, sums, digests);
            copia_equal_blocks(data, n, size, sums, (n + size - 1) / size, equal, digests);
        }
        if (copia_table_make(&table, rows, BLOCKS, size) == 0) {
            uint32_t number = 0;
            uint64_t failures = 3;
            size_t at = copia_find(&table, data, DATA, DATA - size + 1, &number, &failures);
            /*@ assert at <= DATA && number < BLOCKS; */
        }
        copia_table_free(&table);
    }
    return 0;
}
