/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Adler-32, block sums and the search byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "match.h"

#define MODULUS 65521u
#define RUN 5552u /* the most bytes whose sums fit 32 bits (RFC 1950) */
#define MIX 0x9E3779B1u

/* 32 bytes a step: s is their sum, b grows by 32 * a before them and by their weighted sum. */
static inline __attribute__((always_inline)) uint32_t adler(const uint8_t *data, size_t n) {
    uint32_t a = 1, b = 0;
    while (n) {
        size_t part = n < RUN ? n : RUN;
        n -= part;
        for (; part >= 32; part -= 32, data += 32) {
            uint32_t sum = 0, weighted = 0;
            for (unsigned i = 0; i < 32; i++) {
                sum += data[i];
                weighted += (32 - i) * data[i];
            }
            b += 32 * a + weighted;
            a += sum;
        }
        for (; part; part--) {
            a += *data++;
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    return b << 16 | a;
}

static uint32_t adler_baseline(const uint8_t *data, size_t n) {
    return adler(data, n);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint32_t adler_avx2(const uint8_t *data, size_t n) {
    return adler(data, n);
}
#endif

uint32_t copia_adler32(const uint8_t *data, size_t n) {
#if defined(__x86_64__)
    if (cpu_has_avx2()) {
        return adler_avx2(data, n);
    }
#endif
    return adler_baseline(data, n);
}

static uint32_t load32(const uint8_t *from) {
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

void copia_block_sums(const uint8_t *data, size_t n, size_t size, uint8_t *rows) {
    const uint8_t *blocks[COPIA_BATCH];
    uint8_t strong[32 * COPIA_BATCH];
    while (n) {
        size_t length = n < size ? n : size, count = n / length;
        count = count > COPIA_BATCH ? COPIA_BATCH : count;
        for (size_t i = 0; i < count; i++) {
            blocks[i] = data + i * length;
        }
        copia_blake3_many(blocks, count, length, strong);
        for (size_t i = 0; i < count; i++, rows += COPIA_ROW) {
            uint32_t weak = copia_adler32(blocks[i], length);
            for (unsigned byte = 0; byte < 4; byte++) {
                rows[byte] = (uint8_t)(weak >> 8 * byte);
            }
            memcpy(rows + 4, strong + 32 * i, COPIA_STRONG);
        }
        data += count * length;
        n -= count * length;
    }
}

static void judge(const uint8_t *const *blocks, const size_t *numbers, size_t count, size_t length,
                  const uint8_t *rows, uint8_t *flags) {
    uint8_t strong[32 * COPIA_BATCH];
    if (count) {
        copia_blake3_many(blocks, count, length, strong);
    }
    for (size_t i = 0; i < count; i++) {
        flags[numbers[i]] = !memcmp(strong + 32 * i, rows + COPIA_ROW * numbers[i] + 4, COPIA_STRONG);
    }
}

void copia_equal_blocks(const uint8_t *data, size_t n, size_t size, const uint8_t *rows, uint8_t *flags) {
    const uint8_t *blocks[COPIA_BATCH];
    size_t numbers[COPIA_BATCH], count = 0, whole = n / size;
    for (size_t i = 0; i <= whole; i++) {
        size_t length = i < whole ? size : n % size;
        if (!length) {
            break;
        }
        flags[i] = 0;
        if (count == COPIA_BATCH || length < size) {
            judge(blocks, numbers, count, size, rows, flags);
            count = 0;
        }
        if (copia_adler32(data + i * size, length) == load32(rows + COPIA_ROW * i)) {
            blocks[count] = data + i * size;
            numbers[count++] = i;
        }
        if (length < size) {
            judge(blocks, numbers, count, length, rows, flags);
            return;
        }
    }
    judge(blocks, numbers, count, size, rows, flags);
}

static uint32_t bits(uint32_t hash) {
    return 1u << (hash & 31) | 1u << (hash >> 5 & 31) | 1u << (hash >> 10 & 31);
}

int copia_table_make(copia_table *table, const uint8_t *rows, size_t count, size_t size, unsigned candidates) {
    uint32_t slots = 16, words = 16, shift = 28;
    for (; slots < 2 * count; slots *= 2) {
    }
    for (; words < 2 * count; words *= 2, shift--) {
    }
    *table = (copia_table){rows, (uint32_t)count, (uint32_t)size, slots - 1, shift,
                           calloc(slots, 4), calloc(words, 4)};
    if (!table->slots || !table->filter) {
        copia_table_free(table);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = rows + COPIA_ROW * i;
        uint32_t weak = load32(row), hash = weak * MIX, at = hash >> 7 & table->mask;
        unsigned same = 0;
        for (; table->slots[at] && same < candidates; at = (at + 1) & table->mask) {
            const uint8_t *other = rows + COPIA_ROW * (size_t)(table->slots[at] - 1);
            if (!memcmp(other, row, COPIA_ROW)) {
                same = candidates;
            } else {
                same += load32(other) == weak;
            }
        }
        if (same < candidates) {
            table->slots[at] = (uint32_t)i + 1;
            table->filter[hash >> shift] |= bits(hash);
        }
    }
    return 0;
}

void copia_table_free(copia_table *table) {
    free(table->slots);
    free(table->filter);
    table->slots = table->filter = NULL;
}

/* The block that stands at `window`: its number, -1 where only its weak sum is known, -2 where not even that. */
static int64_t confirmed(const copia_table *table, uint32_t weak, const uint8_t *window) {
    uint8_t strong[32];
    int64_t answer = -2;
    for (uint32_t at = weak * MIX >> 7 & table->mask; table->slots[at]; at = (at + 1) & table->mask) {
        uint32_t number = table->slots[at] - 1;
        const uint8_t *row = table->rows + COPIA_ROW * (size_t)number;
        if (load32(row) != weak) {
            continue;
        }
        if (answer == -2) {
            copia_blake3_many(&window, 1, table->size, strong);
            answer = -1;
        }
        if (!memcmp(strong, row + 4, COPIA_STRONG)) {
            return number;
        }
    }
    return answer;
}

/* x mod the modulus, for x from 1 - MODULUS (as it wraps) to 2 * MODULUS - 1. */
static inline uint32_t reduced(uint32_t x) {
    return x >= 0x80000000u ? x + MODULUS : x >= MODULUS ? x - MODULUS : x;
}

copia_hit copia_table_find(const copia_table *table, const uint8_t *data, size_t n, uint64_t failures) {
    copia_hit hit = {0, -1, 0};
    size_t size = table->size;
    if (n < size || !table->count || !failures) {
        return hit;
    }
    uint32_t weight[256]; /* size * byte + 1, mod the modulus: what b loses when that byte leaves the window */
    for (uint32_t byte = 0; byte < 256; byte++) {
        weight[byte] = (uint32_t)((uint64_t)size * byte + 1) % MODULUS;
    }
    uint32_t weak = copia_adler32(data, size), a = weak & 0xFFFF, b = weak >> 16, shift = table->filter_shift;
    for (;;) {
        uint32_t hash = weak * MIX, mask = bits(hash);
        if (__builtin_expect((table->filter[hash >> shift] & mask) == mask, 0)) {
            int64_t number = confirmed(table, weak, data + hit.at);
            if (number >= 0) {
                hit.number = number;
                return hit;
            }
            if (number == -1 && ++hit.failed == failures) {
                hit.at++;
                return hit;
            }
        }
        if (hit.at == n - size) {
            hit.at++;
            return hit;
        }
        uint32_t out = data[hit.at], into = data[hit.at + size];
        a = reduced(a + into - out);
        b = reduced(b + a - weight[out]);
        weak = b << 16 | a;
        hit.at++;
    }
}
