/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The strong sum: the first 16 bytes of BLAKE3, plain mode (the BLAKE3 paper, section 2). Whole files are judged by the
 * package blake3; this is for many short blocks, where several blocks fill the lanes of a vector. */
#ifndef COPIA_BLAKE3_H
#define COPIA_BLAKE3_H

#include <stddef.h>
#include <stdint.h>

#define COPIA_STRONG 16

/* The strong sum of n bytes, any n. */
void copia_strong(const uint8_t *data, size_t n, uint8_t out[COPIA_STRONG]);

/* The strong sums of count whole blocks of size bytes that follow one another; out gets one every stride bytes. */
void copia_strong_blocks(const uint8_t *data, size_t size, size_t count, uint8_t *out, size_t stride);

#endif
