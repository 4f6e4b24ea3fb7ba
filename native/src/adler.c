/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * a = 1 + the bytes, b = the sum of all a on the way, both mod 65521; the result is b << 16 | a. */
#include "adler.h"

#include "cpu.h"

/* So many bytes may be added before b, kept in 32 bits, has to be reduced (zlib's NMAX). */
#define STRETCH 5552

static uint32_t plain(uint32_t a, uint32_t b, const uint8_t *data, size_t n) {
    while (n > 0) {
        size_t take = n < STRETCH ? n : STRETCH;
        n -= take;
        while (take-- > 0) {
            a += *data++;
            b += a;
        }
        a %= COPIA_ADLER_MODULUS;
        b %= COPIA_ADLER_MODULUS;
    }
    return b << 16 | a;
}

#if COPIA_X86
#include <immintrin.h>

#define WIDTH 32
#define VECTORS 173 /* 173 * 32 = 5536 bytes between two reductions */

__attribute__((target("avx2"))) static uint64_t total(__m256i lanes) {
    uint32_t part[8];
    _mm256_storeu_si256((__m256i *)(void *)part, lanes);
    uint64_t sum = 0;
    for (int i = 0; i < 8; i++) {
        sum += part[i];
    }
    return sum;
}

/* 32 bytes at a time: their sum, their sum weighted by 32 .. 1, and 32 times what came before them. */
__attribute__((target("avx2"))) static uint32_t wide(uint32_t a, uint32_t b, const uint8_t *data, size_t n) {
    const __m256i zero = _mm256_setzero_si256(), ones = _mm256_set1_epi16(1);
    const __m256i weights = _mm256_setr_epi8(32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14,
                                             13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1);
    while (n >= WIDTH) {
        size_t vectors = n / WIDTH < VECTORS ? n / WIDTH : VECTORS;
        __m256i sum = zero, before = zero, weighted = zero;
        for (size_t i = 0; i < vectors; i++) {
            __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(data + i * WIDTH));
            before = _mm256_add_epi32(before, sum);
            sum = _mm256_add_epi32(sum, _mm256_sad_epu8(bytes, zero));
            weighted = _mm256_add_epi32(weighted, _mm256_madd_epi16(_mm256_maddubs_epi16(bytes, weights), ones));
        }
        size_t taken = vectors * WIDTH;
        uint64_t grown = b + (uint64_t)a * taken + WIDTH * total(before) + total(weighted);
        a = (uint32_t)((a + total(sum)) % COPIA_ADLER_MODULUS);
        b = (uint32_t)(grown % COPIA_ADLER_MODULUS);
        data += taken;
        n -= taken;
    }
    return plain(a, b, data, n);
}
#endif

uint32_t copia_adler32_from(uint32_t before, const uint8_t *data, size_t n) {
    uint32_t a = before & 0xFFFF, b = before >> 16;
#if COPIA_X86
    if (copia_has_avx2()) {
        return wide(a, b, data, n);
    }
#endif
    return plain(a, b, data, n);
}

uint32_t copia_adler32(const uint8_t *data, size_t n) {
    return copia_adler32_from(1, data, n);
}
