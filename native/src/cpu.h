/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What this processor can do, asked at run time: one binary serves all of them. */
#ifndef COPIA_CPU_H
#define COPIA_CPU_H

#if defined(__x86_64__)
#define COPIA_X86 1
#else
#define COPIA_X86 0
#endif

/* Whether AVX2 and BMI2 may be used; asks the processor and the kernel once. */
int copia_has_avx2(void);

/* Whether AVX-512's foundation may be used, no more of it; asks likewise. */
int copia_has_avx512(void);

#endif
