/*
 * qemu_snapshot_tags.h: internal snapshots as they stand in disk images
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "virjson.h"

/* What one image holds. */
typedef struct _qemuSnapshotTags qemuSnapshotTags;
struct _qemuSnapshotTags {
    char **names; /* NULL-terminated names of all internal snapshots */
    char **withMemory; /* NULL-terminated names of those that hold the memory */
    char **bitmaps; /* NULL-terminated names of the dirty bitmaps stored in it */
};

void
qemuSnapshotTagsFree(qemuSnapshotTags *tags);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuSnapshotTags, qemuSnapshotTagsFree);

qemuSnapshotTags *
qemuSnapshotTagsParse(virJSONValue *image);

bool
qemuSnapshotTagsContain(const qemuSnapshotTags *tags,
                        const char *name);

bool
qemuSnapshotTagsContainMemory(const qemuSnapshotTags *tags,
                              const char *name);
