/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The weak sum: Adler-32 (RFC 1950, section 8.2). */
#ifndef COPIA_ADLER_H
#define COPIA_ADLER_H

#include <stddef.h>
#include <stdint.h>

#define COPIA_ADLER_MODULUS 65521u

/* The weak sum of n bytes. */
uint32_t copia_adler32(const uint8_t *data, size_t n);

/* The same of bytes behind others whose weak sum is before. */
uint32_t copia_adler32_from(uint32_t before, const uint8_t *data, size_t n);

#endif
