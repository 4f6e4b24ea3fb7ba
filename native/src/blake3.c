/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * BLAKE3 of many blocks at once: eight lanes take chunks of different blocks (section 5.3 of the BLAKE3 paper), so that
 * blocks of a few KiB run as fast as long files. Written from the specification; compiled for AVX2 and for the baseline. */
#include <string.h>

#include "cpu.h"
#include "match.h"

#define LANES 8
#define CHUNK 1024u
#define MAX_CHUNKS (COPIA_BATCH * (COPIA_MAX_BLOCK / CHUNK))
enum { CHUNK_START = 1, CHUNK_END = 2, PARENT = 4, ROOT = 8 };

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

/* One message a lane, all of the same shape: `blocks` times 64 bytes, of which the last counts `last` bytes. */
typedef struct {
    const uint8_t *in[LANES];
    uint32_t counter[LANES];
    size_t blocks;
    uint32_t last, start_flags, end_flags, flags;
} job;

static const uint32_t IV[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                               0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};
static const uint8_t ORDER[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1}, {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4}, {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13}};

#define ALWAYS static inline __attribute__((always_inline))
#define ROTATE(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (lanes){__VA_ARGS__})
#define UNROLL _Pragma("GCC unroll 7")
#endif
#define G(a, b, c, d, x, y)                                                                                          \
    v[a] += v[b] + (x), v[d] = ROTATE(v[d] ^ v[a], 16), v[c] += v[d], v[b] = ROTATE(v[b] ^ v[c], 12);                \
    v[a] += v[b] + (y), v[d] = ROTATE(v[d] ^ v[a], 8), v[c] += v[d], v[b] = ROTATE(v[b] ^ v[c], 7)

ALWAYS void transpose(lanes r[LANES]) {
    lanes s[LANES], t[LANES];
    for (int i = 0; i < 8; i += 2) {
        s[i] = SHUFFLE(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        s[i + 1] = SHUFFLE(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; j++) {
            t[i + 2 * j] = SHUFFLE(s[i + j], s[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            t[i + 2 * j + 1] = SHUFFLE(s[i + j], s[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int i = 0; i < 4; i++) {
        r[i] = SHUFFLE(t[i], t[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        r[i + 4] = SHUFFLE(t[i], t[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

ALWAYS void compress_lanes(const job *work, uint8_t *out) {
    lanes h[8], counter;
    for (int i = 0; i < 8; i++) {
        h[i] = (lanes){0} + IV[i];
    }
    memcpy(&counter, work->counter, sizeof counter);
    for (size_t block = 0; block < work->blocks; block++) {
        lanes m[16], v[16] = {{0}};
        for (int half = 0; half < 2; half++) {
            for (int lane = 0; lane < LANES; lane++) {
                memcpy(&m[8 * half + lane], work->in[lane] + 64 * block + 32 * (size_t)half, 32);
            }
            transpose(m + 8 * half);
        }
        uint32_t flags = work->flags | (block == 0 ? work->start_flags : 0);
        uint32_t length = 64;
        if (block + 1 == work->blocks) {
            flags |= work->end_flags;
            length = work->last;
        }
        for (int i = 0; i < 8; i++) {
            v[i] = h[i];
        }
        for (int i = 0; i < 4; i++) {
            v[8 + i] = (lanes){0} + IV[i];
        }
        v[12] = counter;
        v[13] = (lanes){0};
        v[14] = (lanes){0} + length;
        v[15] = (lanes){0} + flags;
        UNROLL
        for (int round = 0; round < 7; round++) {
            const uint8_t *o = ORDER[round];
            G(0, 4, 8, 12, m[o[0]], m[o[1]]);
            G(1, 5, 9, 13, m[o[2]], m[o[3]]);
            G(2, 6, 10, 14, m[o[4]], m[o[5]]);
            G(3, 7, 11, 15, m[o[6]], m[o[7]]);
            G(0, 5, 10, 15, m[o[8]], m[o[9]]);
            G(1, 6, 11, 12, m[o[10]], m[o[11]]);
            G(2, 7, 8, 13, m[o[12]], m[o[13]]);
            G(3, 4, 9, 14, m[o[14]], m[o[15]]);
        }
        for (int i = 0; i < 8; i++) {
            h[i] = v[i] ^ v[i + 8];
        }
    }
    transpose(h);
    memcpy(out, h, sizeof h);
}

static void compress_baseline(const job *work, uint8_t *out) {
    compress_lanes(work, out);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void compress_avx2(const job *work, uint8_t *out) {
    compress_lanes(work, out);
}
#endif

static void compress(const job *work, uint8_t *out) {
#if defined(__x86_64__)
    if (cpu_has_avx2()) {
        compress_avx2(work, out);
        return;
    }
#endif
    compress_baseline(work, out);
}

/* `count` messages at in[i] with counters by[i]; 32 bytes each to out, which holds a multiple of LANES. */
static void run(job *work, const uint8_t **in, const uint32_t *by, size_t count, uint8_t *out) {
    for (size_t at = 0; at < count; at += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            size_t from = at + lane < count ? at + lane : count - 1;
            work->in[lane] = in[from];
            work->counter[lane] = by ? by[from] : 0;
        }
        compress(work, out + 32 * at);
    }
}

void copia_blake3_many(const uint8_t *const *blocks, size_t count, size_t n, uint8_t *out) {
    static const uint8_t nothing[64];
    uint8_t values[2][32 * (MAX_CHUNKS + LANES)], tail[CHUNK];
    const uint8_t *in[MAX_CHUNKS];
    uint32_t by[MAX_CHUNKS];
    size_t whole = n / CHUNK, rest = n % CHUNK, chunks = whole + (rest || n == 0), side = 0;
    uint32_t root = chunks == 1 ? ROOT : 0;
    /* values[0][i * chunks + c] is the value of chunk c of block i */
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < whole; c++) {
            in[i * whole + c] = blocks[i] + c * CHUNK;
            by[i * whole + c] = (uint32_t)c;
        }
    }
    job work = {.blocks = CHUNK / 64, .last = 64, .start_flags = CHUNK_START, .end_flags = CHUNK_END | root};
    run(&work, in, by, count * whole, values[chunks != whole]);
    if (chunks != whole) {
        work.blocks = rest ? (rest + 63) / 64 : 1;
        work.last = (uint32_t)(rest ? rest - 64 * (work.blocks - 1) : 0);
        for (size_t i = 0; i < count; i++) {
            uint8_t one[32 * LANES];
            uint32_t number = (uint32_t)whole;
            memset(tail, 0, sizeof tail);
            memcpy(tail, rest ? blocks[i] + whole * CHUNK : nothing, rest);
            const uint8_t *last = tail;
            run(&work, &last, &number, 1, one);
            memcpy(values[0] + 32 * i * chunks, values[1] + 32 * i * whole, 32 * whole);
            memcpy(values[0] + 32 * (i * chunks + whole), one, 32);
        }
    }
    job join = {.blocks = 1, .last = 64, .flags = PARENT};
    for (; chunks > 1; side ^= 1, chunks = (chunks + 1) / 2) {
        /* neighbours are joined, an odd one moves up: the left-full tree of the specification */
        size_t pairs = chunks / 2, next = (chunks + 1) / 2;
        uint8_t joined[32 * (MAX_CHUNKS / 2 + LANES)];
        for (size_t i = 0; i < count; i++) {
            for (size_t p = 0; p < pairs; p++) {
                in[i * pairs + p] = values[side] + 32 * (i * chunks + 2 * p);
            }
        }
        join.end_flags = chunks == 2 ? ROOT : 0;
        run(&join, in, NULL, count * pairs, joined);
        for (size_t i = 0; i < count; i++) {
            memcpy(values[side ^ 1] + 32 * i * next, joined + 32 * i * pairs, 32 * pairs);
            if (next > pairs) {
                memcpy(values[side ^ 1] + 32 * (i * next + pairs), values[side] + 32 * (i * chunks + chunks - 1), 32);
            }
        }
    }
    memcpy(out, values[side], 32 * count);
}
