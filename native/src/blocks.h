/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rows of a signature: made of blocks, compared with blocks, and searched for (docs/formats/signature.md). */
#ifndef COPIA_BLOCKS_H
#define COPIA_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "blake3.h"

/* A row: the weak sum of the block, that of its first half, its strong sum. Numbers are little endian. */
#define COPIA_ROW (4 + 4 + COPIA_STRONG)
#define COPIA_CANDIDATES 8
#define COPIA_MOST_BLOCK 65536

/* The rows of n bytes in blocks of size, and the whole BLAKE3 of each; the last block may be short. There is room for
 * all of them. */
void copia_block_rows(const uint8_t *data, size_t n, size_t size, uint8_t *rows, uint8_t *digests);

/* For each of count rows whether its block stands at its place in data (n bytes, the last block may be short): 0 or 1;
 * and the whole BLAKE3 of those that do, 0 for the others. */
void copia_equal_blocks(const uint8_t *data, size_t n, size_t size, const uint8_t *rows, size_t count, uint8_t *equal,
                        uint8_t *digests);

/* The whole blocks of a basis by their weak sums. Rows belong to the caller and must outlive the table. */
struct copia_table {
    const uint8_t *rows;
    size_t size, count;
    uint32_t *slots;  /* number of a block + 1, the first with its weak sum; open addressing */
    uint32_t *next;   /* number + 1 of the next block with the same weak sum */
    uint32_t *coarse; /* two bits in one word for each weak sum, in so few words that a near cache holds them */
    uint32_t *filter; /* three bits in one word for each weak sum */
    uint32_t slot_mask, coarse_shift, filter_mask;
};

/* Fill in a table over the first count rows; 0, or -1 without memory. copia_table_free in either case. */
int copia_table_make(struct copia_table *table, const uint8_t *rows, size_t count, size_t size);
void copia_table_free(struct copia_table *table);

/* The first position in data, of those below limit, at which a block of the table stands, and its number; limit where
 * there is none. A weak sum that is found at another block is taken off *failures; with none left nothing is found. */
size_t copia_find(const struct copia_table *table, const uint8_t *data, size_t n, size_t limit, uint32_t *number,
                  uint64_t *failures);

#endif
