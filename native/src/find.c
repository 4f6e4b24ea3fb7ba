/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The search byte by byte.
 *
 * Rules
 * 1. Each position costs one word of a coarse filter, which a near cache holds; what passes, 1 in 8 for the largest
 *    table, one of a fine filter; what passes that, a look into the table; what is found there costs the half sum; what has
 *    that costs one strong sum, which is the judge.
 * 2. At most COPIA_CANDIDATES blocks with one weak sum are known, the first ones of the basis, and a number of failures
 *    is given, weak sums that were found at a block that is another one: crafted data costs no more than that. */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "adler.h"
#include "cpu.h"

#define M COPIA_ADLER_MODULUS

static uint32_t get32(const uint8_t *in) {
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static uint32_t mixed(uint32_t weak) {
    weak *= 0x9E3779B1u;
    return weak ^ weak >> 15;
}

#define COARSE 65536 /* words of the coarse filter at most: 256 KiB */
#define SPREAD 0x85EBCA6Bu

/* Which word of the coarse filter, by the upper bits, and its two bits there. */
static inline uint32_t coarse_place(uint32_t weak, uint32_t shift) {
    return weak * SPREAD >> shift;
}

static inline uint32_t coarse_bits(uint32_t weak) {
    return 1u << (weak * SPREAD >> 11 & 31) | 1u << (weak * SPREAD >> 6 & 31);
}

/* Its three bits in a word of the fine filter. */
static uint32_t bits(uint32_t mix) {
    return 1u << (mix >> 27) | 1u << (mix >> 22 & 31) | 1u << (mix >> 17 & 31);
}

static inline uint32_t passes(const uint32_t *filter, uint32_t mask, uint32_t mix) {
    return (filter[mix & mask] & bits(mix)) == bits(mix);
}

static uint32_t power_above(size_t n) {
    uint32_t power = 64;
    while (power < n) {
        power *= 2;
    }
    return power;
}

/* How far a word is shifted so that as many bits stay as number the places of a power of two. */
static uint32_t shift_to(uint32_t power) {
    uint32_t shift = 32;
    for (; power > 1; power /= 2) {
        shift--;
    }
    return shift;
}

/* Equal weak sums form a chain from the first block that has it; a full chain takes no more. A free slot is 0, and 0 - 1
 * is no block: one comparison with the count says so. */
static void insert(struct copia_table *table, uint32_t number) {
    uint32_t weak = get32(table->rows + (size_t)number * COPIA_ROW), mix = mixed(weak), slot = mix & table->slot_mask;
    table->coarse[coarse_place(weak, table->coarse_shift)] |= coarse_bits(weak);
    table->filter[mix & table->filter_mask] |= bits(mix);
    for (uint32_t at; (at = table->slots[slot] - 1) < table->count; slot = (slot + 1) & table->slot_mask) {
        if (get32(table->rows + (size_t)at * COPIA_ROW) != weak) {
            continue;
        }
        uint32_t length = 1;
        for (uint32_t after; (after = table->next[at] - 1) < table->count; at = after) {
            length++;
        }
        if (length < COPIA_CANDIDATES) {
            table->next[at] = number + 1;
        }
        return;
    }
    table->slots[slot] = number + 1;
}

int copia_table_make(struct copia_table *table, const uint8_t *rows, size_t count, size_t size) {
    uint32_t slots = power_above(count * 2), words = power_above(count * 2);
    *table = (struct copia_table){.rows = rows, .size = size, .count = count};
    table->slot_mask = slots - 1;
    table->filter_mask = words - 1;
    table->coarse_shift = shift_to(words < COARSE ? words : COARSE);
    table->slots = calloc(slots, sizeof *table->slots);
    table->next = calloc(count + 1, sizeof *table->next);
    table->filter = calloc(words, sizeof *table->filter);
    table->coarse = calloc(COARSE, sizeof *table->coarse);
    if (table->slots == NULL || table->next == NULL || table->filter == NULL || table->coarse == NULL) {
        return -1;
    }
    for (size_t number = 0; number < count; number++) {
        insert(table, (uint32_t)number);
    }
    return 0;
}

void copia_table_free(struct copia_table *table) {
    free(table->slots);
    free(table->next);
    free(table->filter);
    free(table->coarse);
    *table = (struct copia_table){0};
}

/* The first block with this weak sum, + 1; 0 where there is none. */
static uint32_t looked_up(const struct copia_table *table, uint32_t weak, uint32_t mix) {
    uint32_t slot = mix & table->slot_mask;
    for (uint32_t at; (at = table->slots[slot] - 1) < table->count; slot = (slot + 1) & table->slot_mask) {
        if (get32(table->rows + (size_t)at * COPIA_ROW) == weak) {
            return at + 1;
        }
    }
    return 0;
}

/* Whether one of the blocks with its weak sum, a chain that begins at link, stands at data. */
static int judged(const struct copia_table *table, const uint8_t *data, uint32_t link, uint32_t *number) {
    uint32_t half = copia_adler32(data, table->size / 2);
    uint8_t digest[COPIA_DIGEST];
    int hashed = 0;
    for (uint32_t at; (at = link - 1) < table->count; link = table->next[at]) {
        const uint8_t *row = table->rows + (size_t)at * COPIA_ROW;
        if (get32(row + 4) != half) {
            continue;
        }
        if (!hashed) {
            copia_digests(data, table->size, table->size, digest);
            hashed = 1;
        }
        if (memcmp(digest, row + 8, COPIA_STRONG) == 0) {
            *number = at;
            return 1;
        }
    }
    return 0;
}

static uint32_t byte_sum(const uint8_t *data, size_t n) {
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += data[i];
    }
    return sum;
}

#define STRIDE 64 /* positions that are looked at together */

/* A window of size bytes, moving by one byte at a time: sum = 1 + its bytes, ranked = size + the sum of (size - i) times
 * byte i. Moving: sum += in - out, ranked += sum - 1 - size * out. Both are mod 65521, plus any multiple of it. */
struct window {
    uint32_t sum, ranked;
};

/* x mod 65521 for any x: 2^16 is 15 there. */
static inline uint32_t reduced(uint32_t x) {
    x = (x >> 16) * 15 + (x & 0xFFFF);
    x = (x >> 16) * 15 + (x & 0xFFFF);
    return x >= M ? x - M : x;
}

/* What is added so that ranked stays above 0 for STRIDE positions: each takes away 255 * size at the most. With blocks
 * of up to 65536 bytes it stays below 2^32 too. */
static uint32_t headroom(size_t size) {
    uint32_t most = (uint32_t)(STRIDE * 255 * size);
    return most + M - most % M;
}

/* Take in the next STRIDE positions: their weak sums, and a bit for each that passes the coarse filter. The window moves
 * on. */
typedef uint64_t takes_in(const struct copia_table *table, const uint8_t *data, uint32_t room, struct window *w,
                          uint32_t sums[STRIDE]);

static uint64_t take_in(const struct copia_table *table, const uint8_t *data, uint32_t room, struct window *w,
                        uint32_t sums[STRIDE]) {
    uint32_t size = (uint32_t)table->size, sum = w->sum, ranked = reduced(w->ranked) + room;
    uint64_t passed = 0;
    for (int i = 0; i < STRIDE; i++) {
        sums[i] = reduced(ranked) << 16 | reduced(sum);
        uint32_t wanted = coarse_bits(sums[i]);
        passed |= (uint64_t)((table->coarse[coarse_place(sums[i], table->coarse_shift)] & wanted) == wanted) << i;
        sum += (uint32_t)data[(size_t)i + size] - data[i];
        ranked += sum - 1 - size * data[i];
    }
    *w = (struct window){sum, ranked};
    return passed;
}

#if COPIA_X86
#include <immintrin.h>

#define WIDE __attribute__((target("avx2,bmi2")))

/* In every lane the sum of the lanes before it and its own. */
WIDE static inline __m256i running(__m256i x) {
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 4));
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 8));
    __m256i low_half = _mm256_permute2x128_si256(x, x, 0x08); /* zero, the lower half */
    return _mm256_add_epi32(x, _mm256_shuffle_epi32(low_half, 0xFF));
}

WIDE static inline __m256i last_lane(__m256i x) {
    return _mm256_permutevar8x32_epi32(x, _mm256_set1_epi32(7));
}

WIDE static inline __m256i eight(const uint8_t *data) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)data));
}

WIDE static inline __m256i reduced_once(__m256i x) {
    __m256i high = _mm256_srli_epi32(x, 16), low = _mm256_and_si256(x, _mm256_set1_epi32(0xFFFF));
    return _mm256_add_epi32(_mm256_sub_epi32(_mm256_slli_epi32(high, 4), high), low);
}

WIDE static inline __m256i reduced_wide(__m256i x) {
    x = reduced_once(reduced_once(x));
    return _mm256_min_epu32(x, _mm256_sub_epi32(x, _mm256_set1_epi32(M)));
}

WIDE static inline __m256i two_bits(__m256i mix) {
    const __m256i one = _mm256_set1_epi32(1), low = _mm256_set1_epi32(31);
    __m256i first = _mm256_sllv_epi32(one, _mm256_and_si256(_mm256_srli_epi32(mix, 11), low));
    return _mm256_or_si256(first, _mm256_sllv_epi32(one, _mm256_and_si256(_mm256_srli_epi32(mix, 6), low)));
}

WIDE static uint64_t take_in_wide(const struct copia_table *table, const uint8_t *data, uint32_t room,
                                  struct window *w, uint32_t sums[STRIDE]) {
    const __m128i shift = _mm_cvtsi32_si128((int)table->coarse_shift);
    const __m256i size = _mm256_set1_epi32((int)table->size), one = _mm256_set1_epi32(1);
    __m256i sum = _mm256_set1_epi32((int)w->sum), ranked = _mm256_set1_epi32((int)(reduced(w->ranked) + room));
    uint64_t passed = 0;
    uint32_t places[STRIDE], wanted[STRIDE];
    for (int i = 0; i < STRIDE; i += 8) {
        __m256i out = eight(data + i), in = eight(data + i + table->size), step = _mm256_sub_epi32(in, out);
        __m256i after = _mm256_add_epi32(sum, running(step));
        __m256i gain = _mm256_sub_epi32(_mm256_sub_epi32(after, one), _mm256_mullo_epi32(size, out));
        __m256i ranked_after = _mm256_add_epi32(ranked, running(gain));
        __m256i low = reduced_wide(_mm256_sub_epi32(after, step));
        __m256i high = reduced_wide(_mm256_sub_epi32(ranked_after, gain));
        __m256i weak = _mm256_or_si256(_mm256_slli_epi32(high, 16), low);
        __m256i mix = _mm256_mullo_epi32(weak, _mm256_set1_epi32((int)SPREAD));
        _mm256_storeu_si256((__m256i *)(void *)(sums + i), weak);
        _mm256_storeu_si256((__m256i *)(void *)(places + i), _mm256_srl_epi32(mix, shift));
        _mm256_storeu_si256((__m256i *)(void *)(wanted + i), two_bits(mix));
        sum = last_lane(after);
        ranked = last_lane(ranked_after);
    }
    for (int i = 0; i < STRIDE; i++) {
        passed |= (uint64_t)((table->coarse[places[i]] & wanted[i]) == wanted[i]) << i;
    }
    w->sum = (uint32_t)_mm256_extract_epi32(sum, 0);
    w->ranked = (uint32_t)_mm256_extract_epi32(ranked, 0);
    return passed;
}
#else
#define take_in_wide take_in
#endif

/* Whether a block with that weak sum stands at data; failures as in copia_find. */
static int stands(const struct copia_table *table, const uint8_t *data, uint32_t sum, uint32_t *number,
                  uint64_t *failures) {
    uint32_t link = looked_up(table, sum, mixed(sum));
    if (link == 0 || *failures == 0) {
        return 0;
    }
    if (judged(table, data, link, number)) {
        return 1;
    }
    *failures -= 1;
    return 0;
}

#define AHEAD 8 /* strides that are taken in before the first of them is looked at */

struct stride {
    uint64_t passed;
    uint32_t sums[STRIDE];
};

/* Take in some strides, and fetch what the fine filter has of the positions that passed: its memory is far. */
static void take_ahead(const struct copia_table *table, const uint8_t *data, size_t count, struct window *w,
                       struct stride *strides) {
    takes_in *const next = copia_has_avx2() ? take_in_wide : take_in;
    uint32_t room = headroom(table->size);
    for (struct stride *one = strides; one < strides + count; one++, data += STRIDE) {
        one->passed = next(table, data, room, w, one->sums);
        for (uint64_t left = one->passed; left != 0; left &= left - 1) {
            __builtin_prefetch(table->filter + (mixed(one->sums[__builtin_ctzll(left)]) & table->filter_mask));
        }
    }
}

/* The first position of a stride at which a block stands; STRIDE where there is none. */
static size_t found_in(const struct copia_table *table, const uint8_t *data, const struct stride *stride,
                       uint32_t *number, uint64_t *failures) {
    for (uint64_t left = stride->passed; left != 0; left &= left - 1) {
        size_t i = (size_t)__builtin_ctzll(left);
        if (passes(table->filter, table->filter_mask, mixed(stride->sums[i])) &&
            stands(table, data + i, stride->sums[i], number, failures)) {
            return i;
        }
    }
    return STRIDE;
}

size_t copia_find(const struct copia_table *table, const uint8_t *data, size_t n, size_t limit, uint32_t *number,
                  uint64_t *failures) {
    size_t size = table->size, at = 0;
    if (n < size || table->count == 0) {
        return limit;
    }
    size_t end = n - size + 1 < limit ? n - size + 1 : limit;
    struct window w = {byte_sum(data, size) + 1, copia_adler32(data, size) >> 16};
    struct stride strides[AHEAD];
    while (at + STRIDE < end) {
        size_t count = (end - at - 1) / STRIDE < AHEAD ? (end - at - 1) / STRIDE : AHEAD;
        take_ahead(table, data + at, count, &w, strides);
        for (size_t one = 0; one < count; one++, at += STRIDE) {
            size_t i = found_in(table, data + at, strides + one, number, failures);
            if (i < STRIDE) {
                return at + i;
            }
        }
    }
    for (; at < end; at++) {
        if (stands(table, data + at, copia_adler32(data + at, size), number, failures)) {
            return at;
        }
    }
    return limit;
}
