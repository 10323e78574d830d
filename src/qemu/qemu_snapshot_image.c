/*
 * qemu_snapshot_image.c: internal snapshots of images that no QEMU serves
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_block.h"
#include "qemu_domain.h"
#include "qemu_snapshot_image.h"
#include "vircommand.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU


static char *
qemuSnapshotImageGetName(virDomainDiskDef *disk)
{
    if (virDomainDiskTranslateSourcePool(disk) < 0)
        return NULL;

    if (virStorageSourceIsEmpty(disk->src)) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("disk '%1$s' has no image to look for snapshots in"),
                       disk->dst);
        return NULL;
    }

    if (virStorageSourceIsLocalStorage(disk->src))
        return g_strdup(virDomainDiskGetSource(disk));

    return qemuBlockGetBackingStoreString(disk->src, false);
}


/**
 * qemuSnapshotImageGetInfo:
 * @disk: disk whose image to look into; it may be in use by a running domain
 *
 * Returns the description of the image of @disk ('ImageInfo' in QEMU's schema),
 * owned by the caller, or NULL if it cannot be read (VIR_ERR_OPERATION_FAILED
 * naming the disk and the image).
 */
virJSONValue *
qemuSnapshotImageGetInfo(virDomainDiskDef *disk)
{
    g_autoptr(virCommand) cmd = NULL;
    g_autofree char *name = NULL;
    g_autofree char *output = NULL;
    g_autofree char *errors = NULL;
    int status;

    if (!(name = qemuSnapshotImageGetName(disk)))
        return NULL;

    cmd = virCommandNewArgList("qemu-img", "info", "--force-share", "--output=json", NULL);

    /* never let the guest's data tell what format the image has */
    if (virStorageSourceIsLocalStorage(disk->src))
        virCommandAddArgList(cmd, "-f",
                             virStorageFileFormatTypeToString(virDomainDiskGetFormat(disk)),
                             NULL);

    virCommandAddArg(cmd, name);
    virCommandSetOutputBuffer(cmd, &output);
    virCommandSetErrorBuffer(cmd, &errors);

    if (virCommandRun(cmd, &status) < 0)
        return NULL;

    if (status != 0) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("cannot look for snapshots in image '%1$s' of disk '%2$s': %3$s"),
                       name, disk->dst, errors);
        return NULL;
    }

    return virJSONValueFromString(output);
}


/**
 * qemuSnapshotImageIsRemoved:
 * @disk: disk whose image a running QEMU may still have open
 *
 * Returns true when no file of the name of the image is there to be opened again.
 * Where it cannot be told, false. Reports no error.
 */
bool
qemuSnapshotImageIsRemoved(const virDomainDiskDef *disk)
{
    return virStorageSourceIsLocalStorage(disk->src) &&
           access(virDomainDiskGetSource(disk), F_OK) < 0 &&
           errno == ENOENT;
}


/**
 * qemuSnapshotImageInfoHasTag:
 * @info: description of an image
 * @tag: name of a snapshot
 * @memory: set to true when the image holds the memory of the snapshot, too; may
 *          be NULL
 *
 * Returns true when the image holds a snapshot named @tag. Reports no error.
 */
bool
qemuSnapshotImageInfoHasTag(virJSONValue *info,
                            const char *tag,
                            bool *memory)
{
    virJSONValue *snapshots = virJSONValueObjectGetArray(info, "snapshots");
    bool found = false;
    size_t i;

    for (i = 0; snapshots && i < virJSONValueArraySize(snapshots); i++) {
        virJSONValue *snapshot = virJSONValueArrayGet(snapshots, i);
        unsigned long long size = 0;

        if (STRNEQ_NULLABLE(virJSONValueObjectGetString(snapshot, "name"), tag))
            continue;

        found = true;
        ignore_value(virJSONValueObjectGetNumberUlong(snapshot, "vm-state-size", &size));

        if (memory && size > 0)
            *memory = true;
    }

    return found;
}


/**
 * qemuSnapshotImageInfoGetBitmap:
 * @info: description of an image
 *
 * Returns the name of the first dirty bitmap that the image holds, owned by @info,
 * or NULL if it holds none. Reports no error.
 */
const char *
qemuSnapshotImageInfoGetBitmap(virJSONValue *info)
{
    virJSONValue *specific = virJSONValueObjectGetObject(info, "format-specific");
    virJSONValue *data = specific ? virJSONValueObjectGetObject(specific, "data") : NULL;
    virJSONValue *bitmaps = data ? virJSONValueObjectGetArray(data, "bitmaps") : NULL;

    if (!bitmaps || virJSONValueArraySize(bitmaps) == 0)
        return NULL;

    return virJSONValueObjectGetString(virJSONValueArrayGet(bitmaps, 0), "name");
}
