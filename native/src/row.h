/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The packed row of one entry, byte by byte as in docs/formats/listing.md: little-endian, 28 bytes. */
#ifndef COPIA_ROW_H
#define COPIA_ROW_H

#include <stddef.h>
#include <stdint.h>

#define ROW_SIZE 28U
#define ROW_UNLISTED 1
#define ROW_NOT_RECORDED 0xFFFFFFFFU

enum row_kind { ROW_UNKNOWN = 0, ROW_FILE = 1, ROW_DIRECTORY = 2, ROW_LINK = 3, ROW_SPECIAL = 4 };

struct row {
    uint8_t kind;
    uint8_t flags;
    uint16_t mode;
    uint32_t uid;
    uint32_t gid;
    uint64_t size;
    int64_t mtime_ns;
};

static inline void row_put(unsigned char *to, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (unsigned char)(value >> (8U * i));
    }
}

static inline uint64_t row_get(const unsigned char *from, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint64_t)from[i] << (8U * i);
    }
    return value;
}

static inline void row_pack(unsigned char to[ROW_SIZE], const struct row *row) {
    to[0] = row->kind;
    to[1] = row->flags;
    row_put(to + 2, row->mode, 2);
    row_put(to + 4, row->uid, 4);
    row_put(to + 8, row->gid, 4);
    row_put(to + 12, row->size, 8);
    row_put(to + 20, (uint64_t)row->mtime_ns, 8);
}

static inline struct row row_unpack(const unsigned char from[ROW_SIZE]) {
    struct row row = {
        .kind = from[0],
        .flags = from[1],
        .mode = (uint16_t)row_get(from + 2, 2),
        .uid = (uint32_t)row_get(from + 4, 4),
        .gid = (uint32_t)row_get(from + 8, 4),
        .size = row_get(from + 12, 8),
        .mtime_ns = (int64_t)row_get(from + 20, 8),
    };
    return row;
}

#endif
