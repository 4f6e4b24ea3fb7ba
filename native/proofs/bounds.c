/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The matcher, interpreted abstractly (Frama-C, plug-in Eva): for any rows, any data and any strong sums within these
 * bounds, no access is out of bounds, nothing is read that was not written, and no operation is undefined. */
#include <stdlib.h>

/* BLAKE3 may answer anything. */
#define copia_blake3_many any_strong_sums
#include "../src/match.c"

#define BLOCKS 3U
#define LARGEST 3U
#define DATA 6U

extern int Frama_C_interval(int least, int most);
extern unsigned char Frama_C_unsigned_char_interval(unsigned char least, unsigned char most);

void any_strong_sums(const uint8_t *const *blocks, size_t count, size_t n, uint8_t *out) {
    for (size_t i = 0; i < count; i++) {
        for (size_t byte = 0; byte < n; byte++) { /* what it may read */
            out[32 * i] = blocks[i][byte];
        }
        for (size_t byte = 0; byte < 32; byte++) {
            out[32 * i + byte] = Frama_C_unsigned_char_interval(0, 255);
        }
    }
}

static void fill(uint8_t *data, size_t n) {
    for (size_t i = 0; i < n; i++) {
        data[i] = Frama_C_unsigned_char_interval(0, 255);
    }
}

int main(void) {
    uint8_t rows[BLOCKS * COPIA_ROW], data[DATA], flags[DATA], sums[DATA * COPIA_ROW];
    copia_table table;
    fill(rows, sizeof rows);
    fill(data, sizeof data);
    for (size_t size = 1; size <= LARGEST; size++) {
        for (size_t n = DATA - LARGEST; n <= DATA; n++) {
            copia_block_sums(data, n, size, sums);
            copia_equal_blocks(data, n, size, sums, flags);
        }
        for (size_t count = 0; count <= BLOCKS; count++) {
            if (copia_table_make(&table, rows, count, size, 2) == 0) {
                copia_hit hit = copia_table_find(&table, data, DATA, 2);
                /*@ assert hit.at <= DATA && hit.number < BLOCKS; */
                copia_table_free(&table);
            }
        }
    }
    return 0;
}
