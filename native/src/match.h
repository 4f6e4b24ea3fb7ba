/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sums of blocks and the search with them: pure functions over pointers and lengths, no Python, no files, no threads. */
#ifndef COPIA_MATCH_H
#define COPIA_MATCH_H

#include <stddef.h>
#include <stdint.h>

#define COPIA_STRONG 16
#define COPIA_ROW (4 + COPIA_STRONG)
#define COPIA_BATCH 16
#define COPIA_MAX_BLOCK (1u << 16)

/* Adler-32 of n bytes (RFC 1950). */
uint32_t copia_adler32(const uint8_t *data, size_t n);

/* BLAKE3 of count blocks (at most COPIA_BATCH) of n bytes each (at most COPIA_MAX_BLOCK): 32 bytes a block to out. */
void copia_blake3_many(const uint8_t *const *blocks, size_t count, size_t n, uint8_t *out);

/* Rows of all blocks of data, the last short one included: ceil(n / size) * COPIA_ROW bytes. */
void copia_block_sums(const uint8_t *data, size_t n, size_t size, uint8_t *rows);

/* flags[i] = whether block i of data has the sums of rows[i]; all blocks are size long but the last, which may be short. */
void copia_equal_blocks(const uint8_t *data, size_t n, size_t size, const uint8_t *rows, uint8_t *flags);

typedef struct {
    const uint8_t *rows; /* borrowed: whole blocks only */
    uint32_t count, size, mask, filter_shift;
    uint32_t *slots;  /* number + 1 of a block, 0 where free; mask + 1 of them */
    uint32_t *filter; /* Bloom words: three bits of one word for each weak sum */
} copia_table;

/* 0, or -1 without memory. At most candidates blocks with one weak sum are kept, and of equal ones the first. */
int copia_table_make(copia_table *table, const uint8_t *rows, size_t count, size_t size, unsigned candidates);
void copia_table_free(copia_table *table);

typedef struct {
    size_t at;       /* where the block stands, or the first position that was not looked at */
    int64_t number;  /* the block, -1 where none was found */
    uint64_t failed; /* windows with a known weak sum that were no block */
} copia_hit;

/* The first window of data[0..n) that is a block of the table; stops after `failures` that only seemed to be. */
copia_hit copia_table_find(const copia_table *table, const uint8_t *data, size_t n, uint64_t failures);

#endif
