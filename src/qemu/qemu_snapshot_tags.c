/*
 * qemu_snapshot_tags.c: internal snapshots as they stand in disk images
 *
 * The monitor and qemu-img describe an image in the same words.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "internal.h"
#include "qemu_snapshot_tags.h"


void
qemuSnapshotTagsFree(qemuSnapshotTags *tags)
{
    if (!tags)
        return;

    g_strfreev(tags->names);
    g_strfreev(tags->withMemory);
    g_strfreev(tags->bitmaps);
    g_free(tags);
}


static void
qemuSnapshotTagsParseSnapshots(virJSONValue *snapshots,
                               qemuSnapshotTags *tags)
{
    size_t nsnapshots = snapshots ? virJSONValueArraySize(snapshots) : 0;
    size_t nnames = 0;
    size_t nmemory = 0;
    size_t i;

    tags->names = g_new0(char *, nsnapshots + 1);
    tags->withMemory = g_new0(char *, nsnapshots + 1);

    for (i = 0; i < nsnapshots; i++) {
        virJSONValue *snapshot = virJSONValueArrayGet(snapshots, i);
        const char *name = virJSONValueObjectGetString(snapshot, "name");
        unsigned long long size = 0;

        if (!name)
            continue;

        ignore_value(virJSONValueObjectGetNumberUlong(snapshot, "vm-state-size", &size));

        tags->names[nnames++] = g_strdup(name);

        if (size > 0)
            tags->withMemory[nmemory++] = g_strdup(name);
    }
}


static void
qemuSnapshotTagsParseBitmaps(virJSONValue *image,
                             qemuSnapshotTags *tags)
{
    virJSONValue *specific = virJSONValueObjectGetObject(image, "format-specific");
    virJSONValue *data = specific ? virJSONValueObjectGetObject(specific, "data") : NULL;
    virJSONValue *bitmaps = data ? virJSONValueObjectGetArray(data, "bitmaps") : NULL;
    size_t nbitmaps = bitmaps ? virJSONValueArraySize(bitmaps) : 0;
    size_t n = 0;
    size_t i;

    tags->bitmaps = g_new0(char *, nbitmaps + 1);

    for (i = 0; i < nbitmaps; i++) {
        virJSONValue *bitmap = virJSONValueArrayGet(bitmaps, i);
        const char *name = virJSONValueObjectGetString(bitmap, "name");

        if (name)
            tags->bitmaps[n++] = g_strdup(name);
    }
}


/**
 * qemuSnapshotTagsParse:
 * @image: description of an image ('ImageInfo' in QEMU's schema)
 *
 * Returns the internal snapshots and dirty bitmaps of the image, owned by the
 * caller. An image without any is no error; reports no error.
 */
qemuSnapshotTags *
qemuSnapshotTagsParse(virJSONValue *image)
{
    qemuSnapshotTags *tags = g_new0(qemuSnapshotTags, 1);

    qemuSnapshotTagsParseSnapshots(virJSONValueObjectGetArray(image, "snapshots"), tags);
    qemuSnapshotTagsParseBitmaps(image, tags);

    return tags;
}


/**
 * qemuSnapshotTagsContain:
 * @tags: what an image holds
 * @name: name of a snapshot
 *
 * Returns true when the image holds a snapshot @name.
 */
bool
qemuSnapshotTagsContain(const qemuSnapshotTags *tags,
                        const char *name)
{
    return g_strv_contains((const char * const *) tags->names, name);
}


/**
 * qemuSnapshotTagsContainMemory:
 * @tags: what an image holds
 * @name: name of a snapshot
 *
 * Returns true when the image holds the memory of snapshot @name.
 */
bool
qemuSnapshotTagsContainMemory(const qemuSnapshotTags *tags,
                              const char *name)
{
    return g_strv_contains((const char * const *) tags->withMemory, name);
}
