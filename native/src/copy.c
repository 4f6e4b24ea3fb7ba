/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "copy.h"

#include <errno.h>
#include <time.h>

#include "kernel.h"
#include "listed.h"

#define STEP (8U << 20)

static const struct copy_outcome fine = {0, 0};

static struct copy_outcome said(int32_t number) {
    return (struct copy_outcome){.said = number};
}

static struct copy_outcome refused(int number) {
    return (struct copy_outcome){.refused = number};
}

static bool is_bad(struct copy_outcome outcome) {
    return outcome.said != 0 || outcome.refused != 0;
}

static struct copy_outcome write_all(int to, const unsigned char *data, size_t length) {
    while (length > 0) {
        ssize_t written = write(to, data, length);
        if (written < 0) {
            return refused(errno);
        }
        data += written;
        length -= (size_t)written;
    }
    return fine;
}

/* Owner before mode (a change of owner clears special bits), time last. */
static struct copy_outcome finish(int to, const struct row *row, bool durable) {
    int64_t seconds = row->mtime_ns / 1000000000;
    int64_t rest = row->mtime_ns % 1000000000;
    if (rest < 0) {
        seconds -= 1;
        rest += 1000000000;
    }
    struct timespec when = {.tv_sec = (time_t)seconds, .tv_nsec = (long)rest};
    struct timespec both[2] = {when, when};
    bool owned = row->uid != ROW_NOT_RECORDED || row->gid != ROW_NOT_RECORDED;
    if ((owned && fchown(to, (uid_t)row->uid, (gid_t)row->gid) < 0) || fchmod(to, row->mode) < 0 ||
        futimens(to, both) < 0 || (durable && fsync(to) < 0)) {
        return refused(errno);
    }
    return fine;
}

/* Read and write from where both descriptors stand, until `left` bytes went over. */
static struct copy_outcome stream(int from, int to, uint64_t left, struct copy_buffer buffer) {
    while (left > 0) {
        ssize_t got = read(from, buffer.data, left < buffer.size ? (size_t)left : buffer.size);
        if (got <= 0) {
            return said(got < 0 ? errno : LISTED_CHANGED);
        }
        struct copy_outcome outcome = write_all(to, buffer.data, (size_t)got);
        if (is_bad(outcome)) {
            return outcome;
        }
        left -= (uint64_t)got;
    }
    return fine;
}

/* The kernel copies by itself where it can. Whatever it says against that, reading and writing go on from there, and
 * tell which side the trouble is on. */
static struct copy_outcome transfer(int from, int to, uint64_t size, struct copy_buffer buffer) {
    uint64_t left = size;
    while (left > 0) {
        ssize_t moved = kernel_copy_range(from, to, left < STEP ? (size_t)left : STEP);
        if (moved <= 0) {
            return stream(from, to, left, buffer);
        }
        left -= (uint64_t)moved;
    }
    return fine;
}

static int create(const struct copy_job *job, const char *to_name) {
    return openat(job->to, to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static struct copy_outcome close_new(int to, struct copy_outcome outcome) {
    if (close(to) < 0 && !is_bad(outcome)) {
        return refused(errno);
    }
    return outcome;
}

/* A file that fits the buffer is read and found as listed before anything is made for it. */
static struct copy_outcome copy_small(
    const struct copy_job *job, int from, const char *to_name, const struct row *row, struct copy_buffer buffer
) {
    struct copy_outcome outcome = said(listed_read(from, row, buffer.data));
    if (is_bad(outcome)) {
        return outcome;
    }
    int to = create(job, to_name);
    if (to < 0) {
        return refused(errno);
    }
    outcome = write_all(to, buffer.data, (size_t)row->size);
    return close_new(to, is_bad(outcome) ? outcome : finish(to, row, job->durable));
}

static struct copy_outcome copy_large(
    const struct copy_job *job, int from, const char *to_name, const struct row *row, struct copy_buffer buffer
) {
    int to = create(job, to_name);
    if (to < 0) {
        return refused(errno);
    }
    struct copy_outcome outcome = transfer(from, to, row->size, buffer);
    if (!is_bad(outcome)) {
        outcome = said(listed_compare(from, row));
    }
    outcome = close_new(to, is_bad(outcome) ? outcome : finish(to, row, job->durable));
    if (outcome.said != 0 && unlinkat(job->to, to_name, 0) < 0) {
        return refused(errno);
    }
    return outcome;
}

struct copy_outcome copy_file(
    const struct copy_job *job, const char *name, const char *to_name, const unsigned char *packed, struct copy_buffer buffer
) {
    struct row row = row_unpack(packed);
    int from;
    int32_t answer = listed_open(job->from, name, &row, &from);
    if (answer != 0) {
        return said(answer);
    }
    bool small = row.size < buffer.size;
    struct copy_outcome outcome =
        small ? copy_small(job, from, to_name, &row, buffer) : copy_large(job, from, to_name, &row, buffer);
    close(from);
    return outcome;
}

int write_file(const struct copy_job *job, const char *to_name, const unsigned char *packed, const unsigned char *data) {
    struct row row = row_unpack(packed);
    int to = create(job, to_name);
    if (to < 0) {
        return errno;
    }
    struct copy_outcome outcome = write_all(to, data, (size_t)row.size);
    return close_new(to, is_bad(outcome) ? outcome : finish(to, &row, job->durable)).refused;
}
