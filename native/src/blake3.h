/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * BLAKE3, plain mode (the BLAKE3 paper, section 2), of many short blocks, where several blocks fill the lanes of a vector.
 * The strong sum of a block is the first 16 bytes. */
#ifndef COPIA_BLAKE3_H
#define COPIA_BLAKE3_H

#include <stddef.h>
#include <stdint.h>

#define COPIA_STRONG 16
#define COPIA_DIGEST 32

/* The BLAKE3 of n bytes, any n. */
void copia_digest(const uint8_t *data, size_t n, uint8_t out[COPIA_DIGEST]);

/* The BLAKE3s, one behind the other, of the blocks of size bytes in n bytes; the last may be short. */
void copia_digests(const uint8_t *data, size_t n, size_t size, uint8_t *out);

/* The same, with at most so many lanes (4 are always there): for tests of each width. */
void copia_digests_in(size_t most, const uint8_t *data, size_t n, size_t size, uint8_t *out);

#endif
