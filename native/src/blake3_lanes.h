/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * BLAKE3's compression in several lanes at once, each lane with a message of its own. Included once for each width, with
 *     LANES   how many, WIDE  the attribute that lets the compiler use them, NAME(x)  the name for this width,
 *     LOAD    how 64 bytes of each lane become 16 vectors of words. */

typedef uint32_t NAME(vec) __attribute__((vector_size(LANES * 4)));
#define VEC NAME(vec)

WIDE static inline VEC NAME(rotated)(VEC x, int by) {
    return (x >> by) | (x << (32 - by));
}

#ifndef ROTATE16
#define ROTATE16(x) NAME(rotated)(x, 16)
#define ROTATE8(x) NAME(rotated)(x, 8)
#endif

#define MIX(a, b, c, d, x, y)                                                                                          \
    do {                                                                                                               \
        v[a] = v[a] + v[b] + m[x];                                                                                     \
        v[d] = ROTATE16(v[d] ^ v[a]);                                                                                  \
        v[c] = v[c] + v[d];                                                                                            \
        v[b] = NAME(rotated)(v[b] ^ v[c], 12);                                                                         \
        v[a] = v[a] + v[b] + m[y];                                                                                     \
        v[d] = ROTATE8(v[d] ^ v[a]);                                                                                   \
        v[c] = v[c] + v[d];                                                                                            \
        v[b] = NAME(rotated)(v[b] ^ v[c], 7);                                                                          \
    } while (0)

#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15)                                     \
    do {                                                                                                               \
        MIX(0, 4, 8, 12, s0, s1);                                                                                      \
        MIX(1, 5, 9, 13, s2, s3);                                                                                      \
        MIX(2, 6, 10, 14, s4, s5);                                                                                     \
        MIX(3, 7, 11, 15, s6, s7);                                                                                     \
        MIX(0, 5, 10, 15, s8, s9);                                                                                     \
        MIX(1, 6, 11, 12, s10, s11);                                                                                   \
        MIX(2, 7, 8, 13, s12, s13);                                                                                    \
        MIX(3, 4, 9, 14, s14, s15);                                                                                    \
    } while (0)

/* Hash LANES messages of pieces * 64 bytes, each a chunk (or a pair of chaining values), into 32 bytes each. first and
 * last are the flags that only the first and the last piece have, besides always. */
WIDE static void NAME(hash)(const uint8_t *const in[LANES], size_t pieces, const uint32_t counters[LANES],
                            uint32_t always, uint32_t first, uint32_t last, uint8_t out[LANES][32]) {
    VEC h[8], m[16], counter;
    for (int i = 0; i < 8; i++) {
        h[i] = (VEC){0} + INITIAL[i];
    }
    memcpy(&counter, counters, sizeof counter);
    for (size_t piece = 0; piece < pieces; piece++) {
        LOAD(m, in, piece * 64);
        uint32_t flags = always | (piece == 0 ? first : 0) | (piece + 1 == pieces ? last : 0);
        VEC v[16] = {h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]};
        for (int i = 0; i < 4; i++) {
            v[8 + i] = (VEC){0} + INITIAL[i];
        }
        v[12] = counter;
        v[13] = (VEC){0};
        v[14] = (VEC){0} + 64u;
        v[15] = (VEC){0} + flags;
        ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        ROUND(2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8);
        ROUND(3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1);
        ROUND(10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6);
        ROUND(12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4);
        ROUND(9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7);
        ROUND(11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13);
        for (int i = 0; i < 8; i++) {
            h[i] = v[i] ^ v[8 + i];
        }
    }
    uint32_t words[8][LANES];
    memcpy(words, h, sizeof words);
    for (int lane = 0; lane < LANES; lane++) {
        for (int i = 0; i < 8; i++) {
            memcpy(out[lane] + 4 * i, &words[i][lane], 4);
        }
    }
}

#undef VEC
#undef MIX
#undef ROUND
#undef ROTATE16
#undef ROTATE8
#undef LANES
#undef WIDE
#undef NAME
#undef LOAD
