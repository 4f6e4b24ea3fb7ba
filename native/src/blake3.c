/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rules
 * 1. A message is cut into chunks of 1 KiB; each is hashed from pieces of 64 bytes, with its number as the counter.
 * 2. Two chaining values are hashed into one until one is left; the left subtree is the largest power of two.
 * 3. The very last compression has the flag ROOT.
 * 4. A block whose size is a power of two has a perfect tree: its chunks, and the pairs of each level, go through the
 *    lanes together with those of its neighbours. Everything else goes through one lane.
 * 5. How many lanes there are is the processor's to say (WIDTHS); the digests do not depend on it. */
#include "blake3.h"

#include <string.h>

#include "cpu.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "BLAKE3's words are little endian, and so is this code"
#endif

#define CHUNK 1024
#define PIECE 64
#define CHUNK_START 1u
#define CHUNK_END 2u
#define PARENT 4u
#define ROOT 8u

static const uint32_t INITIAL[8] = {0x6A09E667u, 0xBB67AE85u, 0x3C6EF372u, 0xA54FF53Au,
                                    0x510E527Fu, 0x9B05688Cu, 0x1F83D9ABu, 0x5BE0CD19u};

/* One lane of one word is the plain function: it takes pieces shorter than 64 bytes too. */
static const uint8_t SCHEDULE[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1}, {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4}, {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13}};
static const uint8_t QUARTERS[8][4] = {{0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15},
                                       {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13}, {3, 4, 9, 14}};

static uint32_t rotated(uint32_t x, int by) {
    return x >> by | x << (32 - by);
}

static void compress(uint32_t h[8], const uint8_t piece[PIECE], uint32_t length, uint32_t counter, uint32_t flags) {
    uint32_t m[16], v[16];
    memcpy(m, piece, sizeof m);
    memcpy(v, h, 32);
    memcpy(v + 8, INITIAL, 16);
    v[12] = counter;
    v[13] = 0;
    v[14] = length;
    v[15] = flags;
    for (int round = 0; round < 7; round++) {
        for (int i = 0; i < 8; i++) {
            uint32_t *a = v + QUARTERS[i][0], *b = v + QUARTERS[i][1], *c = v + QUARTERS[i][2], *d = v + QUARTERS[i][3];
            *a += *b + m[SCHEDULE[round][2 * i]];
            *d = rotated(*d ^ *a, 16);
            *c += *d;
            *b = rotated(*b ^ *c, 12);
            *a += *b + m[SCHEDULE[round][2 * i + 1]];
            *d = rotated(*d ^ *a, 8);
            *c += *d;
            *b = rotated(*b ^ *c, 7);
        }
    }
    for (int i = 0; i < 8; i++) {
        h[i] = v[i] ^ v[8 + i];
    }
}

/* One chunk of 0 to 1024 bytes. */
static void chunk(const uint8_t *data, size_t n, uint32_t counter, uint32_t root, uint32_t h[8]) {
    uint32_t flags = CHUNK_START;
    memcpy(h, INITIAL, 32);
    while (n > PIECE) {
        compress(h, data, PIECE, counter, flags);
        flags = 0;
        data += PIECE;
        n -= PIECE;
    }
    uint8_t piece[PIECE] = {0};
    if (n > 0) {
        memcpy(piece, data, n);
    }
    compress(h, piece, (uint32_t)n, counter, flags | CHUNK_END | root);
}

/* A message of any length below 2^42 bytes; the depth is that of its tree. */
static void tree(const uint8_t *data, size_t n, uint32_t counter, uint32_t root, uint32_t h[8]) {
    if (n <= CHUNK) {
        chunk(data, n, counter, root, h);
        return;
    }
    size_t left = CHUNK;
    while (left * 2 < n) {
        left *= 2;
    }
    uint32_t pair[16];
    tree(data, left, counter, 0, pair);
    tree(data + left, n - left, counter + (uint32_t)(left / CHUNK), 0, pair + 8);
    memcpy(h, INITIAL, 32);
    compress(h, (const uint8_t *)pair, PIECE, 0, PARENT | root);
}

void copia_digest(const uint8_t *data, size_t n, uint8_t out[COPIA_DIGEST]) {
    uint32_t h[8];
    tree(data, n, 0, ROOT, h);
    memcpy(out, h, COPIA_DIGEST);
}

#define LANES 4
#define WIDE
#define NAME(x) x##_4
#define LOAD(m, in, at)                                                                                                \
    for (int word = 0; word < 16; word++) {                                                                            \
        uint32_t gathered[4];                                                                                          \
        for (int lane = 0; lane < 4; lane++) {                                                                         \
            memcpy(gathered + lane, (in)[lane] + (at) + 4 * word, 4);                                                  \
        }                                                                                                              \
        memcpy((m) + word, gathered, sizeof gathered);                                                                 \
    }
#include "blake3_lanes.h"

#if COPIA_X86
#include <immintrin.h>

/* Half of each lane's 64 bytes: eight rows of eight words become eight columns. */
__attribute__((target("avx2"))) static inline void transpose_8(const uint8_t *const in[8], size_t at, __m256i m[8]) {
    __m256i r[8], t[8];
    for (int i = 0; i < 8; i++) {
        r[i] = _mm256_loadu_si256((const __m256i *)(const void *)(in[i] + at));
    }
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        m[i] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
        m[i + 4] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
    }
}

__attribute__((target("avx2"))) static inline __m256i shuffled(__m256i x, __m256i order) {
    return _mm256_shuffle_epi8(x, order);
}

#define ORDER(a, b, c, d)                                                                                              \
    _mm256_setr_epi8(a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12,        \
                     d + 12, a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, a + 12, b + 12,        \
                     c + 12, d + 12)
#define LANES 8
#define WIDE __attribute__((target("avx2")))
#define NAME(x) x##_8
#define ROTATE16(x) ((vec_8)shuffled((__m256i)(x), ORDER(2, 3, 0, 1)))
#define ROTATE8(x) ((vec_8)shuffled((__m256i)(x), ORDER(1, 2, 3, 0)))
#define LOAD(m, in, at)                                                                                                \
    do {                                                                                                               \
        transpose_8((in), (at), (__m256i *)(void *)(m));                                                                 \
        transpose_8((in), (at) + 32, (__m256i *)(void *)((m) + 8));                                                      \
    } while (0)
#include "blake3_lanes.h"

#define WIDEST __attribute__((target("avx512f")))

/* All of 16 lanes' 64 bytes: in each quarter of a vector four rows become columns, then the quarters change places. */
WIDEST static inline void transpose_16(const uint8_t *const in[16], size_t at, __m512i m[16]) {
    __m512i r[16], t[16];
    for (int i = 0; i < 16; i++) {
        r[i] = _mm512_loadu_si512((const void *)(in[i] + at));
    }
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
    }
    for (int i = 0; i < 8; i++) {
        m[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        m[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xDD);
    }
}

#define LANES 16
#define WIDE WIDEST
#define NAME(x) x##_16
#define LOAD(m, in, at) transpose_16((in), (at), (__m512i *)(void *)(m))
#include "blake3_lanes.h"
#endif

typedef void hashes(const uint8_t *const in[], size_t pieces, const uint32_t counters[], uint32_t always, uint32_t first,
                    uint32_t last, uint8_t out[][32]);

static int always_there(void) {
    return 1;
}

struct width {
    size_t lanes;
    int (*is_there)(void);
    hashes *hash;
};

/* The narrowest first; that is on every processor. */
static const struct width WIDTHS[] = {
    {4, always_there, hash_4},
#if COPIA_X86
    {8, copia_has_avx2, hash_8},
    {16, copia_has_avx512, hash_16},
#endif
};

#define MOST_LANES 16
#define BATCH 512 /* chaining values that are held at once: 16 KiB */

/* The narrowest width that has count lanes, or else the widest; of those with at most so many lanes. */
static const struct width *width_for(size_t count, size_t most) {
    const struct width *found = WIDTHS;
    for (size_t i = 1; i < sizeof WIDTHS / sizeof *WIDTHS && found->lanes < count; i++) {
        if (WIDTHS[i].lanes <= most && WIDTHS[i].is_there()) {
            found = WIDTHS + i;
        }
    }
    return found;
}

struct level {
    size_t pieces;              /* of 64 bytes in one message */
    size_t chunks;              /* messages of one block, a power of two: their numbers are the counters */
    uint32_t always, first, last;
};

/* Hash count messages that follow one another at in, into 32 bytes each at out; in and out may be the same place. */
static void hash_all(const uint8_t *in, size_t count, const struct level *level, size_t most, uint8_t *out) {
    size_t size = level->pieces * PIECE;
    for (size_t done = 0; done < count;) {
        const struct width *width = width_for(count - done, most);
        const uint8_t *places[MOST_LANES];
        uint32_t counters[MOST_LANES];
        uint8_t found[MOST_LANES][32];
        size_t real = count - done < width->lanes ? count - done : width->lanes;
        for (size_t lane = 0; lane < width->lanes; lane++) {
            size_t message = done + (lane < real ? lane : real - 1);
            places[lane] = in + message * size;
            counters[lane] = level->always & PARENT ? 0 : (uint32_t)(message & (level->chunks - 1));
        }
        width->hash(places, level->pieces, counters, level->always, level->first, level->last, found);
        memcpy(out + done * 32, found, real * 32);
        done += real;
    }
}

/* Blocks of 64 bytes to 512 KiB, a power of two; at most BATCH chunks in all. */
static void perfect(const uint8_t *data, size_t size, size_t count, size_t most, uint8_t *out) {
    uint8_t values[BATCH * COPIA_DIGEST];
    size_t chunks = size < CHUNK ? 1 : size / CHUNK;
    uint32_t root = chunks == 1 ? ROOT : 0;
    struct level leaves = {(size < CHUNK ? size : CHUNK) / PIECE, chunks, 0, CHUNK_START, CHUNK_END | root};
    hash_all(data, count * chunks, &leaves, most, values);
    for (; chunks > 1; chunks /= 2) {
        struct level pairs = {1, chunks / 2, PARENT, 0, chunks == 2 ? ROOT : 0};
        hash_all(values, count * chunks / 2, &pairs, most, values);
    }
    memcpy(out, values, count * COPIA_DIGEST);
}

void copia_digests_in(size_t most, const uint8_t *data, size_t n, size_t size, uint8_t *out) {
    size_t chunks = size < CHUNK ? 1 : size / CHUNK;
    if (size >= PIECE && (size & (size - 1)) == 0 && chunks <= BATCH) {
        while (n >= size) {
            size_t take = n / size < BATCH / chunks ? n / size : BATCH / chunks;
            perfect(data, size, take, most, out);
            data += take * size;
            out += take * COPIA_DIGEST;
            n -= take * size;
        }
    }
    for (; n > 0; out += COPIA_DIGEST) {
        size_t take = n < size ? n : size;
        copia_digest(data, take, out);
        data += take;
        n -= take;
    }
}

void copia_digests(const uint8_t *data, size_t n, size_t size, uint8_t *out) {
    copia_digests_in(MOST_LANES, data, n, size, out);
}
