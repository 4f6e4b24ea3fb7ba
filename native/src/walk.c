/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "walk.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kernel.h"
#include "row.h"

#define LIST_BUFFER 65536U
#define RESERVED ".copia"

/* What getdents64 fills its buffer with. */
struct dirent64_head {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* Room for more bytes at the end; NULL when there is no memory. */
static unsigned char *more(struct walk_bytes *bytes, size_t length) {
    if (bytes->room - bytes->length < length) {
        size_t room = bytes->room * 2 + length + 256;
        unsigned char *data = realloc(bytes->data, room);
        if (data == NULL) {
            return NULL;
        }
        bytes->data = data;
        bytes->room = room;
    }
    unsigned char *place = bytes->data + bytes->length;
    bytes->length += length;
    return place;
}

static int append(struct walk_bytes *bytes, const void *data, size_t length) {
    unsigned char *place = more(bytes, length);
    if (place == NULL) {
        return ENOMEM;
    }
    memcpy(place, data, length);
    return 0;
}

/* Append a text, after a NUL when it is not the first. */
static int append_text(struct walk_bytes *bytes, bool first, const char *text, size_t length) {
    int trouble = first ? 0 : append(bytes, "", 1);
    return trouble != 0 ? trouble : append(bytes, text, length);
}

static bool is_wanted(const char *name, bool top) {
    if (name[0] != '.') {
        return true;
    }
    if (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')) {
        return false;
    }
    return !(top && strcasecmp(name, RESERVED) == 0);
}

static int take_names(const unsigned char *buffer, size_t filled, bool top, struct walk_bytes *arena, size_t *count) {
    for (size_t at = 0; at < filled;) {
        const struct dirent64_head *entry = (const struct dirent64_head *)(const void *)(buffer + at);
        if (is_wanted(entry->name, top)) {
            int trouble = append(arena, entry->name, strlen(entry->name) + 1);
            if (trouble != 0) {
                return trouble;
            }
            (*count)++;
        }
        at += entry->length;
    }
    return 0;
}

/* All names, each with its NUL, in the order of the file system. */
static int list_names(int descriptor, bool top, struct walk_bytes *arena, size_t *count) {
    unsigned char *buffer = malloc(LIST_BUFFER);
    int trouble = buffer == NULL ? ENOMEM : 0;
    if (trouble == 0 && lseek(descriptor, 0, SEEK_SET) < 0) {
        trouble = errno;
    }
    while (trouble == 0) {
        ssize_t filled = kernel_getdents(descriptor, buffer, LIST_BUFFER);
        if (filled < 0) {
            trouble = errno;
        } else if (filled == 0) {
            break;
        } else {
            trouble = take_names(buffer, (size_t)filled, top, arena, count);
        }
    }
    free(buffer);
    return trouble;
}

static int by_bytes(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static const char **sorted_names(const struct walk_bytes *arena, size_t count) {
    const char **names = malloc((count + 1) * sizeof *names);
    if (names == NULL) {
        return NULL;
    }
    const char *name = (const char *)arena->data;
    for (size_t i = 0; i < count; i++) {
        names[i] = name;
        name += strlen(name) + 1;
    }
    qsort(names, count, sizeof *names, by_bytes);
    return names;
}

static struct row describe(const struct stat *seen, const struct walk_how *how) {
    struct row row = {
        .kind = ROW_SPECIAL,
        .mode = (uint16_t)(seen->st_mode & 07777U & how->mode_mask),
        .uid = how->owner ? (uint32_t)seen->st_uid : ROW_NOT_RECORDED,
        .gid = how->group ? (uint32_t)seen->st_gid : ROW_NOT_RECORDED,
        .mtime_ns = kernel_mtime(seen),
    };
    if (S_ISREG(seen->st_mode)) {
        row.kind = ROW_FILE;
        row.size = (uint64_t)seen->st_size;
    } else if (S_ISDIR(seen->st_mode)) {
        row.kind = ROW_DIRECTORY;
    } else if (S_ISLNK(seen->st_mode)) {
        row.kind = ROW_LINK;
        row.mode = 0777;
    }
    return row;
}

/* The text of a link; 0 or the errno of reading it, negated when it is ours (no memory). */
static int take_target(int descriptor, const char *name, size_t *links, struct walk_bytes *targets) {
    char text[PATH_MAX];
    ssize_t length = readlinkat(descriptor, name, text, sizeof text);
    if (length < 0) {
        return errno;
    }
    if (append_text(targets, *links == 0, text, (size_t)length) != 0) {
        return -ENOMEM;
    }
    (*links)++;
    return 0;
}

static int note_trouble(struct walk_bytes *troubles, size_t index, int number) {
    unsigned char *place = more(troubles, 8);
    if (place == NULL) {
        return ENOMEM;
    }
    row_put(place, index, 4);
    row_put(place + 4, (uint32_t)number, 4);
    return 0;
}

/* Look at one name and take it in. */
static int take_entry(
    int descriptor, const char *name, const struct walk_how *how, size_t *links, struct walk_found *found
) {
    struct stat seen;
    struct row row = {.flags = ROW_UNLISTED};
    int number = kernel_lstat_at(descriptor, name, &seen) < 0 ? errno : 0;
    if (number == 0) {
        row = describe(&seen, how);
        if (row.kind == ROW_LINK) {
            number = take_target(descriptor, name, links, &found->targets);
        }
    }
    if (number == ENOENT || number == ENOTDIR) {
        return 0;
    }
    if (number < 0) {
        return -number;
    }
    size_t index = found->rows.length / ROW_SIZE;
    if (number > 0) {
        row = (struct row){.flags = ROW_UNLISTED};
        if (note_trouble(&found->troubles, index, number) != 0) {
            return ENOMEM;
        }
    }
    unsigned char *place = more(&found->rows, ROW_SIZE);
    if (place == NULL) {
        return ENOMEM;
    }
    row_pack(place, &row);
    return append_text(&found->names, index == 0, name, strlen(name));
}

int walk_directory(int descriptor, const struct walk_how *how, struct walk_found *found) {
    struct walk_bytes arena = {0};
    size_t count = 0;
    size_t links = 0;
    int trouble = list_names(descriptor, how->top, &arena, &count);
    const char **names = trouble == 0 ? sorted_names(&arena, count) : NULL;
    if (trouble == 0 && names == NULL) {
        trouble = ENOMEM;
    }
    for (size_t i = 0; trouble == 0 && i < count; i++) {
        trouble = take_entry(descriptor, names[i], how, &links, found);
    }
    free(names);
    free(arena.data);
    return trouble;
}

void walk_free(struct walk_found *found) {
    free(found->names.data);
    free(found->rows.data);
    free(found->targets.data);
    free(found->troubles.data);
}
