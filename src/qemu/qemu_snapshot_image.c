/*
 * qemu_snapshot_image.c: internal snapshots of images that no QEMU serves
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>
#include <sys/wait.h>

#include "qemu_block.h"
#include "qemu_domain.h"
#include "qemu_monitor.h"
#include "qemu_snapshot_image.h"
#include "storage_source.h"
#include "virerror.h"
#include "virfile.h"
#include "virhash.h"
#include "viridentity.h"
#include "virqemu.h"
#include "virsecret.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Seconds that a server of images is given to answer: the domain is locked. */
#define QEMU_SNAPSHOT_IMAGE_TIMEOUT 10

/* Milliseconds between two looks whether qemu-img is done. */
#define QEMU_SNAPSHOT_IMAGE_INTERVAL 5

/* Bytes that QEMU locks in an image that it writes to, and in one that it wants
 * nobody else to write to. */
#define QEMU_SNAPSHOT_IMAGE_LOCK_WRITES 101
#define QEMU_SNAPSHOT_IMAGE_LOCK_NO_WRITER 201


static virCommand *
qemuSnapshotImageNewInfo(virStorageSource *src,
                         char **name)
{
    g_autoptr(virCommand) cmd = virCommandNewArgList("qemu-img", "info", "--force-share",
                                                     "--output=json", NULL);

    if (virStorageSourceIsLocalStorage(src)) {
        /* never let the guest's data tell what format the image has */
        if (src->format > VIR_STORAGE_FILE_NONE)
            virCommandAddArgList(cmd, "-f", virStorageFileFormatTypeToString(src->format), NULL);

        *name = g_strdup(src->path);
    } else if (!(*name = qemuBlockGetBackingStoreString(src, false))) {
        return NULL;
    }

    virCommandAddArg(cmd, *name);
    return g_steal_pointer(&cmd);
}


/* Whether the process ends in time; it is still to be waited for. */
static bool
qemuSnapshotImageEnds(pid_t pid)
{
    gint64 deadline = g_get_monotonic_time() + QEMU_SNAPSHOT_IMAGE_TIMEOUT * G_USEC_PER_SEC;

    while (g_get_monotonic_time() < deadline) {
        siginfo_t info = { 0 };

        if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid)
            return true;

        g_usleep(QEMU_SNAPSHOT_IMAGE_INTERVAL * 1000);
    }

    return false;
}


/**
 * qemuSnapshotImageGetInfo:
 * @src: image with its pool resolved
 * @disk: target of the disk, for errors
 *
 * Returns the description of the image ('ImageInfo' in QEMU's schema), owned by the
 * caller, or NULL if it cannot be read (VIR_ERR_OPERATION_FAILED, or
 * VIR_ERR_OPERATION_TIMEOUT where nobody answers, naming the disk and the image).
 */
virJSONValue *
qemuSnapshotImageGetInfo(virStorageSource *src,
                         const char *disk)
{
    g_autoptr(virCommand) cmd = NULL;
    g_autofree char *name = NULL;
    g_autofree char *output = NULL;
    g_autofree char *errors = NULL;
    pid_t pid;
    int status;

    if (virStorageSourceIsEmpty(src)) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("disk '%1$s' has no image to look into"), disk);
        return NULL;
    }

    if (!(cmd = qemuSnapshotImageNewInfo(src, &name)))
        return NULL;

    virCommandSetOutputBuffer(cmd, &output);
    virCommandSetErrorBuffer(cmd, &errors);

    virCommandDoAsyncIO(cmd);

    if (virCommandRunAsync(cmd, &pid) < 0)
        return NULL;

    if (!qemuSnapshotImageEnds(pid)) {
        virCommandAbort(cmd);
        virReportError(VIR_ERR_OPERATION_TIMEOUT,
                       _("image '%1$s' of disk '%2$s' could not be read within %3$d seconds"),
                       name, disk, QEMU_SNAPSHOT_IMAGE_TIMEOUT);
        return NULL;
    }

    if (virCommandWait(cmd, &status) < 0)
        return NULL;

    if (status != 0) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("image '%1$s' of disk '%2$s' cannot be read: %3$s"),
                       name, disk, errors);
        return NULL;
    }

    return virJSONValueFromString(output);
}


static GHashTable *
qemuSnapshotImageParse(virJSONValue *info)
{
    g_autoptr(GHashTable) ret = virHashNew(g_free);
    virJSONValue *snapshots = virJSONValueObjectGetArray(info, "snapshots");
    size_t i;

    for (i = 0; snapshots && i < virJSONValueArraySize(snapshots); i++) {
        virJSONValue *snapshot = virJSONValueArrayGet(snapshots, i);
        const char *name = virJSONValueObjectGetString(snapshot, "name");
        g_autofree qemuBlockNamedNodeDataSnapshot *data = g_new0(qemuBlockNamedNodeDataSnapshot, 1);
        unsigned long long size = 0;

        /* qemu-img takes the first of several that have one name */
        if (!name || virHashHasEntry(ret, name))
            continue;

        ignore_value(virJSONValueObjectGetNumberUlong(snapshot, "vm-state-size", &size));
        ignore_value(virStrToLong_ullp(NULLSTR_EMPTY(virJSONValueObjectGetString(snapshot, "id")),
                                       NULL, 10, &data->id));
        data->vmstate = size > 0;
        g_hash_table_insert(ret, g_strdup(name), g_steal_pointer(&data));
    }

    return g_steal_pointer(&ret);
}


static const char *
qemuSnapshotImageGetBitmap(virJSONValue *info)
{
    virJSONValue *specific = virJSONValueObjectGetObject(info, "format-specific");
    virJSONValue *data = specific ? virJSONValueObjectGetObject(specific, "data") : NULL;
    virJSONValue *bitmaps = data ? virJSONValueObjectGetArray(data, "bitmaps") : NULL;

    if (!bitmaps || virJSONValueArraySize(bitmaps) == 0)
        return NULL;

    return virJSONValueObjectGetString(virJSONValueArrayGet(bitmaps, 0), "name");
}


/**
 * qemuSnapshotImageLookInto:
 * @src: image with its pool resolved; it may be in use by a running domain
 * @disk: target of the disk, for errors
 * @bitmap: filled with the name of the first dirty bitmap that the image holds,
 *          owned by the caller, or NULL; may be NULL itself
 *
 * Returns the snapshots that the image holds, qemuBlockNamedNodeDataSnapshot by
 * name, owned by the caller, or NULL if it cannot be read (VIR_ERR_OPERATION_FAILED
 * naming the disk and the image).
 */
GHashTable *
qemuSnapshotImageLookInto(virStorageSource *src,
                          const char *disk,
                          char **bitmap)
{
    g_autoptr(virJSONValue) info = NULL;

    if (!(info = qemuSnapshotImageGetInfo(src, disk)))
        return NULL;

    if (bitmap)
        *bitmap = g_strdup(qemuSnapshotImageGetBitmap(info));

    return qemuSnapshotImageParse(info);
}


/**
 * qemuSnapshotImageGetSnapshots:
 * @disk: disk whose image to look into
 * @bitmap: filled with the name of a dirty bitmap; may be NULL
 *
 * Returns what qemuSnapshotImageLookInto does of the image of @disk, or NULL also if
 * its pool cannot be resolved, with an error reported.
 */
GHashTable *
qemuSnapshotImageGetSnapshots(virDomainDiskDef *disk,
                              char **bitmap)
{
    if (virDomainDiskTranslateSourcePool(disk) < 0)
        return NULL;

    return qemuSnapshotImageLookInto(disk->src, disk->dst, bitmap);
}


/**
 * qemuSnapshotImageFindID:
 * @snapshots: snapshots of an image, qemuBlockNamedNodeDataSnapshot by name
 * @name: name of a snapshot
 *
 * Returns the name of another snapshot whose ID is @name, owned by @snapshots, or
 * NULL if there is none. Reports no error.
 */
const char *
qemuSnapshotImageFindID(GHashTable *snapshots,
                        const char *name)
{
    GHashTableIter iter;
    void *other;
    void *data;

    g_hash_table_iter_init(&iter, snapshots);

    while (g_hash_table_iter_next(&iter, &other, &data)) {
        g_autofree char *id = g_strdup_printf("%llu", ((qemuBlockNamedNodeDataSnapshot *) data)->id);

        if (STREQ(id, name) && STRNEQ(other, name))
            return other;
    }

    return NULL;
}


/**
 * qemuSnapshotImageGetNextID:
 * @snapshots: snapshots of an image, qemuBlockNamedNodeDataSnapshot by name
 *
 * Returns the ID that QEMU gives to the next snapshot, owned by the caller.
 */
char *
qemuSnapshotImageGetNextID(GHashTable *snapshots)
{
    unsigned long long last = 0;
    GHashTableIter iter;
    void *data;

    g_hash_table_iter_init(&iter, snapshots);

    while (g_hash_table_iter_next(&iter, NULL, &data))
        last = MAX(last, ((qemuBlockNamedNodeDataSnapshot *) data)->id);

    return g_strdup_printf("%llu", last + 1);
}


/* qemu-img goes back to the snapshot whose ID is asked for before it looks for one of
 * that name. Only a number can be both. */
static char *
qemuSnapshotImageGetArgument(virStorageSource *src,
                             const char *op,
                             const char *tag)
{
    g_autoptr(GHashTable) snapshots = NULL;
    qemuBlockNamedNodeDataSnapshot *data;

    if (STRNEQ(op, "-a") || strspn(tag, "0123456789") != strlen(tag))
        return g_strdup(tag);

    if (!(snapshots = qemuSnapshotImageLookInto(src, tag, NULL)))
        return NULL;

    if (!(data = virHashLookup(snapshots, tag))) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("image '%1$s' does not hold snapshot '%2$s'"), src->path, tag);
        return NULL;
    }

    return g_strdup_printf("%llu", data->id);
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
 * of an encrypted image or the ID of the snapshot cannot be had, with an error
 * reported.
 */
virCommand *
qemuSnapshotImageCommand(virStorageSource *src,
                         const char *op,
                         const char *tag)
{
    g_autoptr(virCommand) cmd = virCommandNewArgList("qemu-img", "snapshot", NULL);
    g_autofree char *argument = NULL;

    if (!(argument = qemuSnapshotImageGetArgument(src, op, tag)))
        return NULL;

    if (src->encryption &&
        src->encryption->format == VIR_STORAGE_ENCRYPTION_FORMAT_LUKS &&
        src->encryption->nsecrets > 0) {
        if (qemuSnapshotImageAddEncrypted(cmd, src, op, argument) < 0)
            return NULL;
    } else {
        virCommandAddArgList(cmd, op, argument, src->path, NULL);
    }

    return g_steal_pointer(&cmd);
}


static bool
qemuSnapshotImageIsByteLocked(int fd G_GNUC_UNUSED,
                              off_t byte G_GNUC_UNUSED)
{
#ifdef F_OFD_GETLK
    struct flock lock = {
        .l_type = F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = byte,
        .l_len = 1,
    };

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
#else
    return false;
#endif
}


/**
 * qemuSnapshotImageIsHeld:
 * @src: image that the running QEMU of the domain does not have open
 * @write: whether the domain is to write to it
 *
 * Returns true when a QEMU or a tool of it has @src open in a way that the domain
 * cannot be started with it. Where it cannot be told, false. Reports no error.
 */
bool
qemuSnapshotImageIsHeld(const virStorageSource *src,
                        bool write)
{
    VIR_AUTOCLOSE fd = -1;

    if (src->shared ||
        !virStorageSourceIsLocalStorage(src) ||
        (fd = open(src->path, O_RDONLY)) < 0)
        return false;

    return qemuSnapshotImageIsByteLocked(fd, QEMU_SNAPSHOT_IMAGE_LOCK_WRITES) ||
           (write && qemuSnapshotImageIsByteLocked(fd, QEMU_SNAPSHOT_IMAGE_LOCK_NO_WRITER));
}


/**
 * qemuSnapshotImageIsRemoved:
 * @vm: domain whose QEMU may still have the image open
 * @disk: disk of that image
 *
 * It is QEMU's user who looks where root is denied, as on NFS.
 *
 * Returns true when no file of the name of the image is there to be opened again.
 * Where it cannot be told, false. Reports no error.
 */
bool
qemuSnapshotImageIsRemoved(virDomainObj *vm,
                           virDomainDiskDef *disk)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    bool removed;

    if (!virStorageSourceIsLocalStorage(disk->src) ||
        access(virDomainDiskGetSource(disk), F_OK) == 0)
        return false;

    if (errno == ENOENT)
        return true;

    if (virStorageSourceSupportsAccess(disk->src) <= 0 ||
        qemuDomainStorageFileInit(priv->driver, vm, disk->src, NULL) < 0) {
        virResetLastError();
        return false;
    }

    removed = virStorageSourceAccess(disk->src, F_OK) < 0 && errno == ENOENT;
    virStorageSourceDeinit(disk->src);
    return removed;
}
