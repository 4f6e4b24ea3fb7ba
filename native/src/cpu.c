/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cpu.h"

#if COPIA_X86
#include <cpuid.h>

/* By hand: __builtin_cpu_supports needs a run-time library that not every tool chain brings. */
static int ask(void) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27)) || !(c & (1u << 28))) {
        return 0; /* no OSXSAVE, or no AVX */
    }
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 6u) != 6u) {
        return 0; /* the kernel does not save these registers */
    }
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 5)) && (b & (1u << 8));
}

int copia_has_avx2(void) {
    static int known = -1; /* RACE: two threads may both ask; they get the same answer */
    if (known < 0) {
        known = ask() ? 1 : 0;
    }
    return known;
}
#else
int copia_has_avx2(void) {
    return 0;
}
#endif
