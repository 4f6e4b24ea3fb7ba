/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cpu.h"

#if COPIA_X86
#include <cpuid.h>

#define AVX2 1
#define AVX512 2

/* By hand: __builtin_cpu_supports needs a run-time library that not every tool chain brings. */
static int ask(void) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27)) || !(c & (1u << 28))) {
        return 0; /* no OSXSAVE, or no AVX */
    }
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 0x06u) != 0x06u || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        return 0; /* the kernel does not save these registers */
    }
    int wide = (b & (1u << 5)) && (b & (1u << 8)) ? AVX2 : 0;
    int widest = (low & 0xE0u) == 0xE0u && (b & (1u << 16)) ? AVX512 : 0; /* masks, upper halves, upper registers */
    return wide | widest;
}

static int known(void) {
    static int answer = -1; /* RACE: two threads may both ask; they get the same answer */
    if (answer < 0) {
        answer = ask();
    }
    return answer;
}

int copia_has_avx2(void) {
    return known() & AVX2;
}

int copia_has_avx512(void) {
    return known() & AVX512;
}
#else
int copia_has_avx2(void) {
    return 0;
}

int copia_has_avx512(void) {
    return 0;
}
#endif
