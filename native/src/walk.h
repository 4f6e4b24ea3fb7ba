/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One directory, listed, looked at, sorted and packed: the twin of the loop in disk/scan.py.
 *
 * Rules
 * 1. Everything is reached from the directory's descriptor by single names; no link is followed.
 * 2. Names are sorted as bytes. What is gone when it is looked at (ENOENT, ENOTDIR) is left out; any other error makes
 *    an unknown row, and its place and errno are reported.
 * 3. Nothing is decided here: which names matter, and what a problem means, is said in Python. */
#ifndef COPIA_WALK_H
#define COPIA_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How to look. At the top of a root our own folder (.copia, in any casing) is not seen. */
struct walk_how {
    uint32_t mode_mask;
    bool owner;
    bool group;
    bool top;
};

struct walk_bytes {
    unsigned char *data;
    size_t length;
    size_t room;
};

/* What was found. names and targets: separated by NUL; rows: ROW_SIZE bytes each; troubles: pairs of 32-bit
 * little-endian numbers, the row's index and its errno. */
struct walk_found {
    struct walk_bytes names;
    struct walk_bytes rows;
    struct walk_bytes targets;
    struct walk_bytes troubles;
};

/* 0, or the errno that the directory could not be listed with. Free what was found in either case. */
int walk_directory(int descriptor, const struct walk_how *how, struct walk_found *found);
void walk_free(struct walk_found *found);

#endif
