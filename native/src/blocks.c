/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rules
 * 1. The cheap sums come first: a strong sum is only computed where weak sum and half sum agree.
 * 2. Blocks that pass are hashed together, as many as stand next to each other. */
#include "blocks.h"

#include <string.h>

#include "adler.h"

#define GROUP 64 /* blocks that are hashed together */

static void put32(uint8_t *out, uint32_t number) {
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(number >> 8 * i);
    }
}

static int has32(const uint8_t *in, uint32_t number) {
    uint8_t wanted[4];
    put32(wanted, number);
    return memcmp(in, wanted, 4) == 0;
}

void copia_block_rows(const uint8_t *data, size_t n, size_t size, uint8_t *rows) {
    size_t whole = n / size;
    for (size_t first = 0; first < whole; first += GROUP) {
        size_t count = whole - first < GROUP ? whole - first : GROUP;
        copia_strong_blocks(data + first * size, size, count, rows + first * COPIA_ROW + 8, COPIA_ROW);
        for (size_t i = first; i < first + count; i++) {
            put32(rows + i * COPIA_ROW, copia_adler32(data + i * size, size));
            put32(rows + i * COPIA_ROW + 4, copia_adler32(data + i * size, size / 2));
        }
    }
    size_t rest = n - whole * size;
    if (rest > 0) {
        uint8_t *row = rows + whole * COPIA_ROW;
        put32(row, copia_adler32(data + whole * size, rest));
        put32(row + 4, copia_adler32(data + whole * size, rest / 2));
        copia_strong(data + whole * size, rest, row + 8);
    }
}

static int seems_equal(const uint8_t *block, size_t n, const uint8_t *row) {
    return has32(row, copia_adler32(block, n)) && has32(row + 4, copia_adler32(block, n / 2));
}

/* Blocks first .. last - 1, all whole, which all seem to be equal. */
static void judge(const uint8_t *data, size_t size, const uint8_t *rows, size_t first, size_t last, uint8_t *equal) {
    uint8_t strong[GROUP * COPIA_STRONG];
    copia_strong_blocks(data + first * size, size, last - first, strong, COPIA_STRONG);
    for (size_t i = first; i < last; i++) {
        equal[i] = memcmp(strong + (i - first) * COPIA_STRONG, rows + i * COPIA_ROW + 8, COPIA_STRONG) == 0;
    }
}

void copia_equal_blocks(const uint8_t *data, size_t n, size_t size, const uint8_t *rows, size_t count, uint8_t *equal) {
    size_t whole = n / size < count ? n / size : count, first = 0;
    for (size_t i = 0; i < whole; i++) {
        equal[i] = (uint8_t)seems_equal(data + i * size, size, rows + i * COPIA_ROW);
        if (!equal[i] || i + 1 - first == GROUP || i + 1 == whole) {
            size_t last = equal[i] ? i + 1 : i;
            judge(data, size, rows, first, last, equal);
            first = i + 1;
        }
    }
    for (size_t i = whole; i < count; i++) {
        size_t rest = i == whole ? n - whole * size : 0;
        const uint8_t *row = rows + i * COPIA_ROW;
        uint8_t strong[COPIA_STRONG];
        equal[i] = 0;
        if (rest > 0 && seems_equal(data + i * size, rest, row)) {
            copia_strong(data + i * size, rest, strong);
            equal[i] = memcmp(strong, row + 8, COPIA_STRONG) == 0;
        }
    }
}
