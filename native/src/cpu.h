/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whether the processor and the kernel have AVX2. Asked directly: the compilers' own test (__builtin_cpu_supports) lives in
 * their runtimes, and that of the compiler which builds the wheels answers no to everything. */
#ifndef COPIA_CPU_H
#define COPIA_CPU_H

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdatomic.h>

#define CPU_ASKED 1
#define CPU_AVX2 2

static inline int cpu_ask(void) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX)) {
        return 0;
    }
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    if ((low & 6U) != 6U || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        return 0;
    }
    return (b & bit_AVX2) != 0 ? CPU_AVX2 : 0;
}

/* Asked once: under a hypervisor the question takes longer than a block's sum. */
static inline int cpu_has_avx2(void) {
    static atomic_int known;
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer == 0) {
        answer = CPU_ASKED | cpu_ask();
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return (answer & CPU_AVX2) != 0;
}
#endif

#endif
