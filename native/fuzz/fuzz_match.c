/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The matcher on crafted rows and data. Sources: blocks.c find.c adler.c blake3.c cpu.c
 *
 * Input: block size, limit, failures, count of rows (one byte each), rows, data. What is checked: no access out of
 * bounds (the sanitizers), an answer within bounds that holds, and no earlier window that would have been one. */
#include <stdlib.h>
#include <string.h>

#include "blocks.h"

#define CHECK(holds)                                                                                                 \
    do {                                                                                                             \
        if (!(holds)) {                                                                                              \
            abort();                                                                                                 \
        }                                                                                                            \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

/* A copy that ends where its bytes end, so that one byte more is seen. */
static uint8_t *exact(const uint8_t *from, size_t n) {
    uint8_t *copy = malloc(n + (n == 0));
    CHECK(copy != NULL);
    memcpy(copy, from, n);
    return copy;
}

static uint32_t plain_adler(const uint8_t *data, size_t n) {
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) {
        a = (a + data[i]) % 65521U;
        b = (b + a) % 65521U;
    }
    return b << 16 | a;
}

static void row_of(const uint8_t *data, size_t n, uint8_t row[COPIA_ROW]) {
    uint32_t weak = plain_adler(data, n), half = plain_adler(data, n / 2);
    for (unsigned i = 0; i < 4; i++) {
        row[i] = (uint8_t)(weak >> 8 * i);
        row[4 + i] = (uint8_t)(half >> 8 * i);
    }
    uint8_t digest[COPIA_DIGEST];
    copia_digest(data, n, digest);
    memcpy(row + 8, digest, COPIA_STRONG);
}

static int is_among(const uint8_t *row, const uint8_t *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (memcmp(row, rows + COPIA_ROW * i, COPIA_ROW) == 0) {
            return 1;
        }
    }
    return 0;
}

static void check_find(const uint8_t *rows, size_t count, size_t size, size_t limit, uint64_t failures,
                       const uint8_t *data, size_t n) {
    struct copia_table table;
    uint8_t row[COPIA_ROW];
    uint32_t number = 0;
    uint64_t left = failures;
    CHECK(copia_table_make(&table, rows, count, size) == 0);
    size_t found = copia_find(&table, data, n, limit, &number, &left);
    copia_table_free(&table);
    CHECK(found <= limit && left <= failures);
    if (found < limit) {
        CHECK(found + size <= n && number < count);
        row_of(data + found, size, row);
        CHECK(memcmp(row, rows + COPIA_ROW * (size_t)number, COPIA_ROW) == 0);
    }
    for (size_t at = 0; left > 0 && count <= COPIA_CANDIDATES && at < found && at + size <= n; at++) {
        row_of(data + at, size, row);
        CHECK(!is_among(row, rows, count));
    }
}

static void check_blocks(const uint8_t *data, size_t n, size_t size) {
    size_t count = n / size + (n % size != 0);
    uint8_t *rows = malloc(count * COPIA_ROW + 1), *flags = malloc(count + 1), row[COPIA_ROW];
    uint8_t *digests = malloc(2 * count * COPIA_DIGEST + 1), *again = digests + count * COPIA_DIGEST;
    CHECK(rows != NULL && flags != NULL && digests != NULL);
    copia_block_rows(data, n, size, rows, digests);
    for (size_t i = 0; i < count; i++) {
        row_of(data + i * size, i * size + size <= n ? size : n - i * size, row);
        CHECK(memcmp(row, rows + COPIA_ROW * i, COPIA_ROW) == 0);
        CHECK(memcmp(row + 8, digests + COPIA_DIGEST * i, COPIA_STRONG) == 0);
    }
    if (count > 1) {
        rows[8] ^= 1;
    }
    copia_equal_blocks(data, n, size, rows, count, flags, again);
    for (size_t i = 0; i < count; i++) {
        CHECK(flags[i] == !(count > 1 && i == 0));
        CHECK(!flags[i] || memcmp(again + COPIA_DIGEST * i, digests + COPIA_DIGEST * i, COPIA_DIGEST) == 0);
    }
    free(digests);
    free(rows);
    free(flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    if (length < 4) {
        return 0;
    }
    size_t size = 1 + (size_t)input[0] * (input[0] > 192 ? 31 : 1), count = input[3] % 24;
    size_t limit = (size_t)input[1] * 8;
    uint64_t failures = input[2];
    length -= 4;
    if (length < count * COPIA_ROW) {
        count = length / COPIA_ROW;
    }
    size_t n = length - count * COPIA_ROW;
    uint8_t *rows = exact(input + 4, count * COPIA_ROW), *data = exact(input + 4 + count * COPIA_ROW, n);
    for (size_t i = 0; i < count; i++) { /* some rows are of blocks that stand in the data, whole or by their weak sum */
        uint8_t row[COPIA_ROW], kind = rows[COPIA_ROW * i] % 4;
        size_t at = rows[COPIA_ROW * i + 1];
        if (kind < 2 && at + size <= n) {
            row_of(data + at, size, row);
            memcpy(rows + COPIA_ROW * i, row, kind == 0 ? COPIA_ROW : 8);
        }
    }
    check_find(rows, count, size, limit, failures, data, n);
    check_blocks(data, n, size);
    free(rows);
    free(data);
    return 0;
}
