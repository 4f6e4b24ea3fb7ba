/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rules
 * 1. The cheap sum of the first half comes first: a block is only hashed where it agrees. The weak sum of the whole says no
 *    more than that, and is for the search.
 * 2. Blocks that pass are hashed together, as many as stand next to each other. */
#include "blocks.h"

#include <string.h>

#include "adler.h"

#define NEAR 65536 /* bytes that are looked at together: a near cache holds them */
#define GROUP (NEAR / 512)

static void put32(uint8_t *out, uint32_t number) {
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(number >> 8 * i);
    }
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* How many blocks make a group; small ones are no more than GROUP. */
static size_t grouped(size_t size) {
    return size > NEAR ? 1 : least(NEAR / size, GROUP);
}

static void put_row(const uint8_t *block, size_t n, const uint8_t *digest, uint8_t *row) {
    uint32_t half = copia_adler32(block, n / 2);
    put32(row, copia_adler32_from(half, block + n / 2, n - n / 2));
    put32(row + 4, half);
    memcpy(row + 8, digest, COPIA_STRONG);
}

void copia_block_rows(const uint8_t *data, size_t n, size_t size, uint8_t *rows, uint8_t *digests) {
    while (n > 0) {
        size_t near = least(n, grouped(size) * size);
        copia_digests(data, near, size, digests);
        for (size_t at = 0; at < near; at += size) {
            put_row(data + at, least(size, near - at), digests, rows);
            rows += COPIA_ROW;
            digests += COPIA_DIGEST;
        }
        data += near;
        n -= near;
    }
}

static int seems_equal(const uint8_t *block, size_t n, const uint8_t *row) {
    uint8_t half[4];
    put32(half, copia_adler32(block, n / 2));
    return memcmp(row + 4, half, sizeof half) == 0;
}

/* n bytes, the blocks of some rows, which all seem to be equal. */
static void judge(const uint8_t *data, size_t n, size_t size, const uint8_t *rows, uint8_t *equal, uint8_t *digests) {
    copia_digests(data, n, size, digests);
    for (size_t i = 0; i * size < n; i++) {
        equal[i] = memcmp(digests + i * COPIA_DIGEST, rows + i * COPIA_ROW + 8, COPIA_STRONG) == 0;
        if (!equal[i]) {
            memset(digests + i * COPIA_DIGEST, 0, COPIA_DIGEST);
        }
    }
}

/* How many of the blocks from the first seem to be equal, one after the other, at most a group; at least one does. */
static size_t alike(const uint8_t *data, size_t n, size_t size, const uint8_t *rows, size_t count) {
    size_t most = least(count, grouped(size)), found = 1;
    while (found < most && found * size < n &&
           seems_equal(data + found * size, least(size, n - found * size), rows + found * COPIA_ROW)) {
        found++;
    }
    return found;
}

void copia_equal_blocks(const uint8_t *data, size_t n, size_t size, const uint8_t *rows, size_t count, uint8_t *equal,
                        uint8_t *digests) {
    memset(equal, 0, count);
    memset(digests, 0, count * COPIA_DIGEST);
    for (size_t i = 0; i < count && i * size < n;) {
        const uint8_t *block = data + i * size, *row = rows + i * COPIA_ROW;
        size_t left = n - i * size, found = 0;
        if (seems_equal(block, least(size, left), row)) {
            found = alike(block, left, size, row, count - i);
            judge(block, least(left, found * size), size, row, equal + i, digests + i * COPIA_DIGEST);
        }
        i += found > 0 ? found : 1;
    }
}
