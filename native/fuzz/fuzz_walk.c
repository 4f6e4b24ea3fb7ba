/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A directory of any names, walked. Sources: walk.c
 *
 * Input: names, separated by NUL; the first byte of a name says what it is. What is checked: names come back sorted, each
 * once, with a row each, and nothing is out of bounds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "row.h"
#include "walk.h"

#define CHECK(holds)                                                                                                 \
    do {                                                                                                             \
        if (!(holds)) {                                                                                              \
            perror(#holds);                                                                                          \
            abort();                                                                                                 \
        }                                                                                                            \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

/* Makes an entry below the directory; 1 if there is a new one. */
static size_t make(int directory, char kind, const char *name) {
    if (name[0] == '\0' || strchr(name, '/') != NULL) {
        return 0;
    }
    if (kind % 4 == 0) {
        return symlinkat(name, directory, name) == 0;
    }
    if (kind % 4 == 1) {
        return mkdirat(directory, name, 0700) == 0;
    }
    int made = openat(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0600);
    if (made < 0) {
        return 0;
    }
    CHECK(close(made) == 0);
    return 1;
}

static void check_names(const struct walk_found *found, size_t made, int directory) {
    const char *at = (const char *)found->names.data, *before = NULL;
    char name[256];
    for (size_t left = found->names.length, seen = 0; seen < made; seen++) {
        const char *end = memchr(at, '\0', left);
        size_t length = end == NULL ? left : (size_t)(end - at);
        CHECK(length > 0 && length < sizeof name);
        memcpy(name, at, length);
        name[length] = '\0';
        CHECK(before == NULL || strcmp(before, name) < 0);
        before = at;
        CHECK(unlinkat(directory, name, 0) == 0 || unlinkat(directory, name, AT_REMOVEDIR) == 0);
        left -= length + (end != NULL);
        at += length + (end != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    char folder[] = "/tmp/copia-fuzz.XXXXXX", text[512];
    const struct walk_how how = {.mode_mask = 07777, .owner = true, .group = true};
    struct walk_found found = {0};
    size_t made = 0;
    CHECK(mkdtemp(folder) != NULL);
    int directory = open(folder, O_RDONLY | O_DIRECTORY);
    CHECK(directory >= 0);
    for (size_t at = 0; at + 1 < length && made < 32;) {
        size_t part = strnlen((const char *)input + at + 1, length - at - 1);
        if (part < sizeof text) {
            memcpy(text, input + at + 1, part);
            text[part] = '\0';
            made += make(directory, (char)input[at], text);
        }
        at += part + 2;
    }
    CHECK(walk_directory(directory, &how, &found) == 0);
    CHECK(found.rows.length == made * ROW_SIZE && found.troubles.length == 0);
    check_names(&found, made, directory);
    walk_free(&found);
    CHECK(close(directory) == 0 && rmdir(folder) == 0);
    return 0;
}
