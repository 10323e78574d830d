/*
 * qemu_snapshot_image.c: internal snapshots of images that no QEMU serves
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_block.h"
#include "qemu_domain.h"
#include "qemu_snapshot_image.h"
#include "virbuffer.h"
#include "vircommand.h"
#include "virerror.h"
#include "virjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU


static char *
qemuSnapshotImageGetName(virDomainDiskDef *disk)
{
    if (virDomainDiskTranslateSourcePool(disk) < 0)
        return NULL;

    if (virStorageSourceIsEmpty(disk->src)) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("disk '%s' has no image to look for snapshots in"),
                       disk->dst);
        return NULL;
    }

    if (virStorageSourceIsLocalStorage(disk->src))
        return g_strdup(virDomainDiskGetSource(disk));

    return qemuBlockGetBackingStoreString(disk->src, false);
}


static virCommand *
qemuSnapshotImageCommand(virQEMUDriver *driver,
                         const char *verb)
{
    const char *qemuimg = qemuFindQemuImgBinary(driver);

    if (!qemuimg)
        return NULL;

    return virCommandNewArgList(qemuimg, verb, NULL);
}


/**
 * qemuSnapshotImageGetTags:
 * @driver: qemu driver data
 * @disk: disk whose image to look into; it may be in use by a running domain
 *
 * Returns what the image of @disk holds, owned by the caller, or NULL if it
 * cannot be read (VIR_ERR_OPERATION_FAILED naming the disk and the image).
 */
qemuSnapshotTags *
qemuSnapshotImageGetTags(virQEMUDriver *driver,
                         virDomainDiskDef *disk)
{
    g_autoptr(virCommand) cmd = NULL;
    g_autoptr(virJSONValue) image = NULL;
    g_autofree char *name = NULL;
    g_autofree char *output = NULL;
    g_autofree char *errors = NULL;
    int status;

    if (!(name = qemuSnapshotImageGetName(disk)) ||
        !(cmd = qemuSnapshotImageCommand(driver, "info")))
        return NULL;

    virCommandAddArgList(cmd, "--force-share", "--output=json", NULL);

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
                       _("cannot look for snapshots in image '%s' of disk '%s': %s"),
                       name, disk->dst, errors);
        return NULL;
    }

    if (!(image = virJSONValueFromString(output)))
        return NULL;

    return qemuSnapshotTagsParse(image);
}


/**
 * qemuSnapshotImageDelete:
 * @driver: qemu driver data
 * @disk: disk whose image to clean; no QEMU may have it open
 * @tag: name of the snapshot
 *
 * Deletes the snapshot from the image of @disk. An image that doesn't hold it is
 * clean already.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_OPERATION_FAILED naming the disk
 * and the image).
 */
int
qemuSnapshotImageDelete(virQEMUDriver *driver,
                        virDomainDiskDef *disk,
                        const char *tag)
{
    g_autoptr(qemuSnapshotTags) tags = NULL;
    g_autoptr(virCommand) cmd = NULL;
    g_autofree char *name = NULL;
    g_autofree char *errors = NULL;
    int status;

    if (!(tags = qemuSnapshotImageGetTags(driver, disk)))
        return -1;

    if (!qemuSnapshotTagsContain(tags, tag))
        return 0;

    if (!(name = qemuSnapshotImageGetName(disk)) ||
        !(cmd = qemuSnapshotImageCommand(driver, "snapshot")))
        return -1;

    virCommandAddArgList(cmd, "-d", tag, name, NULL);
    virCommandSetErrorBuffer(cmd, &errors);

    if (virCommandRun(cmd, &status) < 0)
        return -1;

    if (status != 0) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("cannot delete snapshot '%s' from image '%s' of disk '%s': %s"),
                       tag, name, disk->dst, errors);
        return -1;
    }

    return 0;
}
