/*
 * qemu_snapshot_image.c: internal snapshots of images that no QEMU serves
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_block.h"
#include "qemu_domain.h"
#include "qemu_snapshot_image.h"
#include "virerror.h"
#include "viridentity.h"
#include "virqemu.h"
#include "virsecret.h"

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


/* Only --image-opts says that the image is encrypted and with what; the passphrase
 * is in no argument. */
static int
qemuSnapshotImageAddEncrypted(virCommand *cmd,
                              virStorageSource *src,
                              const char *op,
                              const char *tag)
{
    VIR_IDENTITY_AUTORESTORE virIdentity *oldident = virIdentityElevateCurrent();
    g_autoptr(virConnect) conn = oldident ? virGetConnectSecret() : NULL;
    g_autofree unsigned char *passphrase = NULL;
    g_auto(virBuffer) opts = VIR_BUFFER_INITIALIZER;
    size_t len;
    int fd;

    if (!conn ||
        virSecretGetSecretString(conn, &src->encryption->secrets[0]->seclookupdef,
                                 VIR_SECRET_USAGE_TYPE_VOLUME, &passphrase, &len) < 0 ||
        (fd = virCommandSetSendBuffer(cmd, &passphrase, len)) < 0)
        return -1;

    virBufferAsprintf(&opts, "driver=qcow2,encrypt.format=luks,encrypt.key-secret=luks,file.driver=%s,file.filename=",
                      virStorageSourceIsBlockLocal(src) ? "host_device" : "file");
    virQEMUBuildBufferEscapeComma(&opts, src->path);

    virCommandAddArg(cmd, "--object");
    virCommandAddArgFormat(cmd, "secret,id=luks,file=/proc/self/fd/%d", fd);
    virCommandAddArgList(cmd, "--image-opts", op, tag, NULL);
    virCommandAddArgBuffer(cmd, &opts);
    return 0;
}


/**
 * qemuSnapshotImageCommand:
 * @src: image on local storage that no QEMU has open
 * @op: 'qemu-img snapshot' operation, one of "-c", "-d", "-a"
 * @tag: name of the snapshot
 *
 * Returns the command that does @op, owned by the caller, or NULL if the passphrase
 * of an encrypted image cannot be had, with an error reported.
 */
virCommand *
qemuSnapshotImageCommand(virStorageSource *src,
                         const char *op,
                         const char *tag)
{
    g_autoptr(virCommand) cmd = virCommandNewArgList("qemu-img", "snapshot", NULL);

    if (src->encryption &&
        src->encryption->format == VIR_STORAGE_ENCRYPTION_FORMAT_LUKS &&
        src->encryption->nsecrets > 0) {
        if (qemuSnapshotImageAddEncrypted(cmd, src, op, tag) < 0)
            return NULL;
    } else {
        virCommandAddArgList(cmd, op, tag, src->path, NULL);
    }

    return g_steal_pointer(&cmd);
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
