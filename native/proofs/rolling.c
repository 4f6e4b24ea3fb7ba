/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rolling sum, proved by enumeration: a program that tries every case there is and says so. It includes the code as it
 * is compiled into the module.
 *
 * 1. reduced() is x mod 65521 for every x that fits 32 bits around the values it can meet: all below 2^25, and a million at
 *    each end of what the rolled sum of the largest block reaches.
 * 2. The rolled sum keeps within 32 bits for every block size and the bytes that move it the most, in both directions.
 * 3. Adler-32 is the definition, for every string of up to 6 bytes of {0, 1, 128, 255} behind any number of the largest bytes
 *    around the limits of its steps.
 * 4. The search finds the first window there is, for every string of up to 7 such bytes, every window in it and every size:
 *    the sum that was rolled to a place is the sum by definition; and so it does behind a run that takes it through its steps
 *    of 64 positions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/adler.c"
#undef M
#include "../src/find.c"

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
    const uint32_t top = 2 * headroom(COPIA_MOST_BLOCK) + M;
    for (uint32_t x = 0; x < 1u << 25; x++) {
        require(reduced(x) == x % M, "reduced(x) is x mod 65521");
    }
    for (uint32_t near = 0; near < 1000000; near++) {
        require(reduced(top - near) == (top - near) % M, "reduced(x) is x mod 65521, near the most it meets");
        require(reduced(UINT32_MAX - near) == (UINT32_MAX - near) % M, "reduced(x) is x mod 65521, near 2^32");
    }
}

/* From any reduced value, STRIDE moves by the bytes that take away the most, and that add the most. */
static void every_room(void) {
    for (uint64_t size = 1; size <= COPIA_MOST_BLOCK; size++) {
        int64_t least = headroom(size), most = (int64_t)headroom(size) + M - 1;
        for (int move = 0; move < STRIDE; move++) {
            least -= (int64_t)(255 * size);
            most += (int64_t)(255 * size) + 1;
        }
        require(least >= 0 && most <= UINT32_MAX, "the rolled sum fits 32 bits");
    }
}

static void every_sum(void) {
    static uint8_t text[2 * STRETCH + 128];
    const size_t before[] = {0, 26, 31, 32, 63, STRETCH - 38, STRETCH - 16, STRETCH - 1, STRETCH, 2 * STRETCH - 3};
    memset(text, 255, sizeof text);
    for (size_t place = 0; place < sizeof before / sizeof *before; place++) {
        size_t from = before[place];
        for (size_t length = 0; length <= 6; length++) {
            uint32_t all = 1U << 2 * length, step = from < STRETCH / 2 ? 1 : 61; /* long ones: a sample */
            for (uint32_t number = 0; number < all; number += step) {
                spell(number, text + from, length);
                uint32_t wanted = defined(text, from + length);
                require(plain(1, 0, text, from + length) == wanted, "Adler-32 is the definition");
                require(copia_adler32(text, from + length) == wanted, "Adler-32 in wide steps is the definition");
            }
        }
        memset(text + from, 255, 8);
    }
}

/* The window of size bytes at at, searched in text: the first that is equal to it, whatever was rolled over before. */
static void search(const uint8_t *text, size_t length, size_t at, size_t size) {
    uint8_t row[COPIA_ROW], digest[COPIA_DIGEST];
    struct copia_table table;
    uint32_t number = 9;
    uint64_t failures = UINT64_MAX;
    size_t first = 0;
    copia_block_rows(text + at, size, size, row, digest);
    require(copia_table_make(&table, row, 1, size) == 0, "there is memory");
    size_t found = copia_find(&table, text, length, length, &number, &failures);
    copia_table_free(&table);
    while (memcmp(text + first, text + at, size) != 0) {
        first++;
    }
    require(number == 0 && found == first, "the first window is found");
}

static void every_search(void) {
    uint8_t text[3 * STRIDE + LONGEST];
    for (size_t length = 1; length <= LONGEST; length++) {
        for (uint32_t number = 0; number < 1U << 2 * length; number++) {
            size_t behind = number % 17 ? 0 : 2 * STRIDE + number % STRIDE;
            memset(text, 255, behind);
            spell(number, text + behind, length);
            for (size_t size = 1; size <= length; size++) {
                for (size_t at = 0; at + size <= length; at++) {
                    search(text, behind + length, behind + at, size);
                }
            }
        }
    }
}

int main(void) {
    every_reduction();
    every_room();
    every_sum();
    every_search();
    printf("proved\n");
    return 0;
}
