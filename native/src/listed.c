/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "listed.h"

#include <errno.h>
#include <stdbool.h>

#include "kernel.h"

int32_t listed_open(int parent, const char *name, const struct row *row, int *descriptor) {
    *descriptor = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*descriptor < 0) {
        return errno;
    }
    int32_t answer = listed_compare(*descriptor, row);
    if (answer != 0) {
        close(*descriptor);
    }
    return answer;
}

int32_t listed_compare(int descriptor, const struct row *row) {
    struct stat seen;
    if (kernel_fstat(descriptor, &seen) < 0) {
        return errno;
    }
    bool same = S_ISREG(seen.st_mode) && (uint64_t)seen.st_size == row->size && kernel_mtime(&seen) == row->mtime_ns;
    return same ? 0 : LISTED_CHANGED;
}

int32_t listed_read(int descriptor, const struct row *row, unsigned char *data) {
    size_t most = (size_t)row->size + 1;
    size_t got = 0;
    while (got < most) {
        ssize_t more = read(descriptor, data + got, most - got);
        if (more < 0) {
            return errno;
        }
        if (more == 0) {
            break;
        }
        got += (size_t)more;
    }
    return got == row->size ? listed_compare(descriptor, row) : LISTED_CHANGED;
}
