/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rolling sum, proved by enumeration: a program that tries every case there is and says so. It includes the code as it
 * is compiled into the module.
 *
 * 1. reduced() is x mod 65521: for every x below 2^21, and for every upper half with the lower halves at its edges.
 * 2. What keeps the ranked sum above 0 for a stride keeps it below 2^32 too, for every block size.
 * 3. Adler-32 is the definition, for every string of up to 6 bytes of {0, 1, 128, 255} behind any number of the largest
 *    bytes around the steps' limits (a sample of the strings behind long ones).
 * 4. The search finds the first window there is, for every string of up to 7 such bytes, every window in it and every size,
 *    and for every place of a window behind up to 200 bytes, where strides begin and end: the sum that was rolled to a
 *    place is the sum by definition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/find.c"

#define LONGEST 7U
#define STEP 5552U /* the most bytes between two reductions */
#define MOST_BLOCK 65536U
#define LETTERS 4U

static const uint8_t letters[LETTERS] = {0, 1, 128, 255};

static void require(int holds, const char *what) {
    if (!holds) {
        printf("does not hold: %s\n", what);
        exit(1);
    }
}

static uint32_t defined(const uint8_t *data, size_t n) {
    uint64_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) {
        a = (a + data[i]) % 65521U;
        b = (b + a) % 65521U;
    }
    return (uint32_t)(b << 16 | a);
}

static void spell(uint32_t number, uint8_t *text, size_t length) {
    for (size_t i = 0; i < length; i++, number /= LETTERS) {
        text[i] = letters[number % LETTERS];
    }
}

static void every_reduction(void) {
    for (uint32_t x = 0; x < 1U << 21; x++) {
        require(reduced(x) == x % 65521U, "reduced(x) is x mod 65521");
    }
    for (uint32_t upper = 0; upper < 1U << 16; upper++) {
        for (uint32_t lower = 0; lower < 64; lower++) {
            uint32_t low = upper << 16 | lower, high = upper << 16 | (0xFFFFU - lower);
            require(reduced(low) == low % 65521U && reduced(high) == high % 65521U, "reduced(x) is x mod 65521");
        }
    }
}

static void every_headroom(void) {
    for (uint64_t size = 1; size <= MOST_BLOCK; size++) {
        uint64_t room = headroom((size_t)size), sum = 1 + 255 * size;
        require(room >= STRIDE * 255 * size && room % 65521 == 0, "the headroom is enough, and nothing mod 65521");
        require(65520 + room + STRIDE * (sum - 1) <= UINT32_MAX, "the ranked sum does not wrap within a stride");
    }
}

static void every_sum(void) {
    static uint8_t text[2 * STEP + 128];
    const size_t before[] = {0, 26, 31, 32, 63, STEP - 38, STEP - 6, STEP - 1, STEP, STEP + 31, 2 * STEP - 3, 2 * STEP};
    memset(text, 255, sizeof text);
    for (size_t place = 0; place < sizeof before / sizeof *before; place++) {
        size_t from = before[place];
        for (size_t length = 0; length <= 6; length++) {
            uint32_t all = 1U << 2 * length, step = from < STEP / 2 ? 1 : 61;
            for (uint32_t number = 0; number < all; number += step) {
                spell(number, text + from, length);
                require(copia_adler32(text, from + length) == defined(text, from + length), "Adler-32 is the definition");
            }
        }
        memset(text + from, 255, 8);
    }
}

/* The window of size bytes at `at` is searched for, and must be found where it stands first. */
static void search(const uint8_t *text, size_t length, size_t size, size_t at) {
    struct copia_table table;
    uint8_t row[COPIA_ROW];
    uint32_t number = 1;
    uint64_t failures = UINT64_MAX;
    size_t first = 0;
    copia_block_rows(text + at, size, size, row);
    require(copia_table_make(&table, row, 1, size) == 0, "there is memory");
    size_t found = copia_find(&table, text, length, length - size + 1, &number, &failures);
    copia_table_free(&table);
    while (memcmp(text + first, text + at, size) != 0) {
        first++;
    }
    require(number == 0 && found == first, "the first window is found");
}

static void every_search(void) {
    uint8_t text[256];
    for (size_t length = 1; length <= LONGEST; length++) {
        for (uint32_t number = 0; number < 1U << 2 * length; number++) {
            spell(number, text, length);
            for (size_t size = 1; size <= length; size++) {
                for (size_t at = 0; at + size <= length; at++) {
                    search(text, length, size, at);
                }
            }
        }
    }
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)(i * i * 31 + (i >> 3));
    }
    for (size_t size = 1; size <= 40; size++) {
        for (size_t at = 0; at <= 200; at++) {
            search(text, sizeof text, size, at);
        }
    }
}

int main(void) {
    every_reduction();
    every_headroom();
    every_sum();
    every_search();
    printf("proved\n");
    return 0;
}
