/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Calls of the kernel that an old C library lacks, or has only under a new version's name: made directly, so that one
 * binary loads everywhere. Where the kernel's struct stat is not the library's, the library is asked. */
#ifndef COPIA_KERNEL_H
#define COPIA_KERNEL_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__aarch64__)

static inline int kernel_lstat_at(int parent, const char *name, struct stat *found) {
    return (int)syscall(SYS_newfstatat, parent, name, found, AT_SYMLINK_NOFOLLOW);
}

static inline int kernel_fstat(int descriptor, struct stat *found) {
    return (int)syscall(SYS_fstat, descriptor, found);
}

#else

static inline int kernel_lstat_at(int parent, const char *name, struct stat *found) {
    return fstatat(parent, name, found, AT_SYMLINK_NOFOLLOW);
}

static inline int kernel_fstat(int descriptor, struct stat *found) {
    return fstat(descriptor, found);
}

#endif

static inline ssize_t kernel_getdents(int descriptor, void *buffer, size_t size) {
    return (ssize_t)syscall(SYS_getdents64, descriptor, buffer, size);
}

static inline ssize_t kernel_copy_range(int from, int to, size_t length) {
    return (ssize_t)syscall(SYS_copy_file_range, from, NULL, to, NULL, length, 0U);
}

/* Nanoseconds since the epoch. */
static inline int64_t kernel_mtime(const struct stat *found) {
    return (int64_t)((uint64_t)found->st_mtim.tv_sec * 1000000000U + (uint64_t)found->st_mtim.tv_nsec);
}

#endif
