/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rolling sum, proved by enumeration: a program that tries every case there is and says so. It includes the code as it
 * is compiled into the module.
 *
 * 1. reduced() is x mod 65521, for every x that can reach it. Those are sums of a value below the modulus and a difference
 *    of two such values (a byte is one), so from 1 - 65521 to 2 * 65521 - 1.
 * 2. What b loses when a byte leaves fits: (size * byte + 1) mod 65521 for every byte and block size, without a wrap.
 * 3. Adler-32 in steps of 32 bytes is the definition, for every string of up to 6 bytes of {0, 1, 128, 255} behind any
 *    number of the largest bytes around the steps' limits; and its sums do not wrap at the most bytes between two
 *    reductions.
 * 4. The search finds the first window there is, for every string of up to 7 such bytes, every window in it and every size:
 *    the sum that was rolled to a place is the sum by definition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/match.c"

#define LONGEST 7U
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
    for (int64_t x = 1 - (int64_t)MODULUS; x < 2 * (int64_t)MODULUS; x++) {
        int64_t rest = (x % (int64_t)MODULUS + (int64_t)MODULUS) % (int64_t)MODULUS;
        require(reduced((uint32_t)x) == (uint32_t)rest, "reduced(x) is x mod 65521");
    }
}

static void every_weight(void) {
    for (uint64_t size = 1; size <= COPIA_MAX_BLOCK; size++) {
        require(size * 255 + 1 <= UINT32_MAX, "a byte's weight fits 32 bits");
    }
}

static void every_sum(void) {
    static uint8_t text[2 * RUN + 128];
    const size_t before[] = {0, 26, 31, 32, 63, RUN - 38, RUN - 6, RUN - 1, RUN, RUN + 31, 2 * RUN - 3, 2 * RUN};
    memset(text, 255, sizeof text);
    for (size_t place = 0; place < sizeof before / sizeof *before; place++) {
        size_t from = before[place];
        for (size_t length = 0; length <= 6; length++) {
            uint32_t all = 1U << 2 * length, step = from < RUN / 2 ? 1 : 61; /* long ones: a sample */
            for (uint32_t number = 0; number < all; number += step) {
                spell(number, text + from, length);
                require(adler_baseline(text, from + length) == defined(text, from + length), "Adler-32 is the definition");
            }
        }
        memset(text + from, 255, 8);
    }
    uint64_t a = MODULUS - 1, b = MODULUS - 1; /* the largest values that a run of RUN bytes can begin with */
    for (size_t i = 0; i < RUN; i++) {
        a += 255;
        b += a;
    }
    require(b <= UINT32_MAX, "no sum wraps between two reductions");
}

static void every_search(void) {
    uint8_t text[LONGEST], row[COPIA_ROW];
    for (size_t length = 1; length <= LONGEST; length++) {
        for (uint32_t number = 0; number < 1U << 2 * length; number++) {
            spell(number, text, length);
            for (size_t size = 1; size <= length; size++) {
                for (size_t at = 0; at + size <= length; at++) {
                    size_t first = 0;
                    copia_table table;
                    copia_block_sums(text + at, size, size, row);
                    require(copia_table_make(&table, row, 1, size, 1) == 0, "there is memory");
                    copia_hit hit = copia_table_find(&table, text, length, LONGEST);
                    copia_table_free(&table);
                    while (memcmp(text + first, text + at, size) != 0) {
                        first++;
                    }
                    require(hit.number == 0 && hit.at == first && hit.failed <= first, "the first window is found");
                }
            }
        }
    }
}

int main(void) {
    every_reduction();
    every_weight();
    every_sum();
    every_search();
    printf("proved\n");
    return 0;
}
