/*
 * qemu_migration_disks.c: which disks a storage migration copies
 *
 * The source of a migration decides once, in its Begin phase. Everything after
 * that, on either host, works from an explicit list of disks: peer-to-peer
 * migration sends the list as if the user had given it; with managed migration,
 * where the client drives both hosts, it travels in the cookie to the
 * destination and comes back from there for the Perform phase.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "domain_disk_selection.h"
#include "qemu_domain.h"
#include "qemu_migration_cookie.h"
#include "qemu_migration_disks.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QEMU_MIGRATION_DISKS_STORAGE_FLAGS \
    (VIR_MIGRATE_NON_SHARED_DISK | \
     VIR_MIGRATE_NON_SHARED_INC | \
     VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES)

VIR_LOG_INIT("qemu.qemu_migration_disks");


void
qemuMigrationDisksFree(qemuMigrationDisks *disks)
{
    if (!disks)
        return;

    g_strfreev(disks->copied);
    g_free(disks);
}


static virTristateBool
qemuMigrationDisksListed(const virDomainDiskDef *disk,
                         size_t nmigrate_disks,
                         const char **migrate_disks)
{
    size_t i;

    if (nmigrate_disks == 0)
        return VIR_TRISTATE_BOOL_ABSENT;

    for (i = 0; i < nmigrate_disks; i++) {
        if (STREQ(disk->dst, migrate_disks[i]))
            return VIR_TRISTATE_BOOL_YES;
    }

    return VIR_TRISTATE_BOOL_NO;
}


static bool
qemuMigrationDisksSelect(const virDomainDiskDef *disk,
                         virTristateBool listed,
                         virTristateBool flag,
                         virDomainDiskSelectionReason *reason)
{
    virDomainDiskMigrateFacts facts = {
        .listed = listed,
        .flag = flag,
        .empty = virStorageSourceIsEmpty(disk->src),
        .readonly = disk->src->readonly,
        .shareable = disk->src->shared,
    };

    return virDomainDiskSelectMigrate(&facts, reason);
}


/**
 * qemuMigrationDisksAnyCopies:
 * @disk: disk of the domain
 * @nmigrate_disks: number of @migrate_disks
 * @migrate_disks: targets of the disks to copy; libvirt's default if none
 *
 * For every place, on either host, that runs after the source has decided: the
 * flags of @disk are not asked again, since they are in @migrate_disks if they
 * matter and may be others on this host.
 *
 * Returns true when @disk is copied. Reports no error.
 */
bool
qemuMigrationDisksAnyCopies(const virDomainDiskDef *disk,
                            size_t nmigrate_disks,
                            const char **migrate_disks)
{
    return qemuMigrationDisksSelect(disk,
                                    qemuMigrationDisksListed(disk, nmigrate_disks, migrate_disks),
                                    VIR_TRISTATE_BOOL_ABSENT,
                                    NULL);
}


/**
 * qemuMigrationDisksSrcCopies:
 * @disk: disk of the domain
 * @nmigrate_disks: number of @migrate_disks
 * @migrate_disks: targets of the disks that the user wants to be copied
 *
 * For the source host before or while it decides.
 *
 * Returns true when @disk is copied. Reports no error.
 */
bool
qemuMigrationDisksSrcCopies(const virDomainDiskDef *disk,
                            size_t nmigrate_disks,
                            const char **migrate_disks)
{
    return qemuMigrationDisksSelect(disk,
                                    qemuMigrationDisksListed(disk, nmigrate_disks, migrate_disks),
                                    disk->flags.migrate,
                                    NULL);
}


/**
 * qemuMigrationDisksSrcDecide:
 * @def: definition of the running domain
 * @nmigrate_disks: number of @migrate_disks; updated
 * @migrate_disks: targets of the disks that the user wants to be copied; updated
 * @flags: virDomainMigrateFlags; updated
 *
 * Decides which disks the migration copies. If the disks' flags make a
 * difference, the arguments are changed so that the rest of the migration acts
 * as if the user had asked for just these disks; as an empty list would mean
 * libvirt's default, copying nothing is expressed by a migration without
 * storage. The updated @migrate_disks borrows the strings of the result.
 *
 * Returns the decision, to be freed by the caller after the last use of
 * @migrate_disks, or NULL if the migration doesn't copy storage. Reports no
 * error.
 */
qemuMigrationDisks *
qemuMigrationDisksSrcDecide(const virDomainDef *def,
                            size_t *nmigrate_disks,
                            const char ***migrate_disks,
                            unsigned int *flags)
{
    g_autoptr(qemuMigrationDisks) disks = NULL;
    size_t ncopied = 0;
    size_t i;

    /* an offline migration refuses to copy storage by itself */
    if (*flags & VIR_MIGRATE_OFFLINE ||
        !(*flags & (VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_NON_SHARED_INC)))
        return NULL;

    disks = g_new0(qemuMigrationDisks, 1);
    disks->copied = g_new0(char *, def->ndisks + 1);

    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];
        bool copied = qemuMigrationDisksSrcCopies(disk, *nmigrate_disks, *migrate_disks);

        if (copied != qemuMigrationDisksAnyCopies(disk, *nmigrate_disks, *migrate_disks))
            disks->byFlags = true;

        if (copied)
            disks->copied[ncopied++] = g_strdup(disk->dst);
    }

    qemuMigrationDisksApply(disks, nmigrate_disks, migrate_disks, flags);

    return g_steal_pointer(&disks);
}


/**
 * qemuMigrationDisksAny:
 * @disks: decision of the source; may be NULL
 *
 * Returns true when at least one disk is copied.
 */
bool
qemuMigrationDisksAny(const qemuMigrationDisks *disks)
{
    return disks && disks->copied[0];
}


/**
 * qemuMigrationDisksSrcSend:
 * @mig: migration cookie of the Begin phase
 * @disks: decision of the source, moved into @mig; may be NULL
 *
 * Where the disks' flags made a difference, a destination that doesn't know of
 * the decision would export other disks than the source copies, so that it has
 * to refuse the migration before it does anything.
 */
void
qemuMigrationDisksSrcSend(qemuMigrationCookie *mig,
                          qemuMigrationDisks **disks)
{
    if (!disks || !*disks)
        return;

    if ((*disks)->byFlags)
        mig->flagsMandatory |= QEMU_MIGRATION_COOKIE_DISK_FLAGS;

    mig->disks = g_steal_pointer(disks);
}


/**
 * qemuMigrationDisksSrcRecall:
 * @vm: domain object
 * @cookiein: cookie that the destination returned; may be NULL
 * @cookieinlen: size of @cookiein in bytes
 * @disks: filled with the decision, owned by the caller, or NULL if the flags
 *         didn't matter
 *
 * Gets back what the Begin phase decided, for the Perform phase of a managed
 * migration. Deciding anew could differ from what the destination exports.
 *
 * Returns 0 on success, -1 with an error reported when the cookie is malformed.
 */
int
qemuMigrationDisksSrcRecall(virDomainObj *vm,
                            const char *cookiein,
                            int cookieinlen,
                            qemuMigrationDisks **disks)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(qemuMigrationCookie) mig = NULL;

    if (!(mig = qemuMigrationCookieParse(priv->driver, vm, vm->def,
                                         priv->origname, priv->qemuCaps,
                                         cookiein, cookieinlen,
                                         QEMU_MIGRATION_COOKIE_DISK_FLAGS)))
        return -1;

    *disks = g_steal_pointer(&mig->disks);
    return 0;
}


/**
 * qemuMigrationDisksApply:
 * @disks: decision of the source; may be NULL
 * @nmigrate_disks: number of @migrate_disks; updated
 * @migrate_disks: targets of the disks to copy; updated, borrows from @disks
 * @flags: virDomainMigrateFlags; updated
 *
 * Makes the rest of the migration copy the disks that the source decided on.
 * Nothing is changed where the disks' flags didn't matter.
 */
void
qemuMigrationDisksApply(const qemuMigrationDisks *disks,
                        size_t *nmigrate_disks,
                        const char ***migrate_disks,
                        unsigned int *flags)
{
    if (!disks || !disks->byFlags)
        return;

    *nmigrate_disks = g_strv_length(disks->copied);
    *migrate_disks = (const char **) disks->copied;

    if (*nmigrate_disks == 0)
        *flags &= ~QEMU_MIGRATION_DISKS_STORAGE_FLAGS;

    VIR_DEBUG("the disks' flags select %zu disks to copy", *nmigrate_disks);
}


/**
 * qemuMigrationDisksContain:
 * @disks: decision of the source; may be NULL
 * @target: target of a disk
 *
 * Returns true when @disks copy @target or nothing was decided.
 */
bool
qemuMigrationDisksContain(const qemuMigrationDisks *disks,
                          const char *target)
{
    return !disks || g_strv_contains((const char * const *) disks->copied, target);
}


/**
 * qemuMigrationDisksFormat:
 * @buf: buffer of the migration cookie
 * @disks: decision of the source; may be NULL
 *
 * Formats the decision if the disks' flags made one.
 */
void
qemuMigrationDisksFormat(virBuffer *buf,
                         const qemuMigrationDisks *disks)
{
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);
    char **next;

    if (!disks || !disks->byFlags)
        return;

    for (next = disks->copied; *next; next++)
        virBufferEscapeString(&childBuf, "<disk target='%s'/>\n", *next);

    /* an empty element says that no disk is copied */
    virXMLFormatElementEmpty(buf, "diskFlags", NULL, &childBuf);
}


/**
 * qemuMigrationDisksParse:
 * @ctxt: XPath context of the migration cookie
 * @disks: filled with the decision, owned by the caller, or NULL if the cookie
 *         has none
 *
 * Returns 0 on success, -1 with an error reported when a target is missing.
 */
int
qemuMigrationDisksParse(xmlXPathContextPtr ctxt,
                        qemuMigrationDisks **disks)
{
    g_autoptr(qemuMigrationDisks) ret = NULL;
    g_autofree xmlNodePtr *nodes = NULL;
    int nnodes;
    size_t i;

    if (!virXPathNode("./diskFlags", ctxt))
        return 0;

    if ((nnodes = virXPathNodeSet("./diskFlags/disk", ctxt, &nodes)) < 0)
        return -1;

    ret = g_new0(qemuMigrationDisks, 1);
    ret->copied = g_new0(char *, nnodes + 1);
    ret->byFlags = true;

    for (i = 0; i < nnodes; i++) {
        if (!(ret->copied[i] = virXMLPropStringRequired(nodes[i], "target")))
            return -1;
    }

    *disks = g_steal_pointer(&ret);
    return 0;
}


/**
 * qemuMigrationDisksReportUnsafe:
 * @disk: disk that is neither copied nor on storage that both hosts see
 * @nmigrate_disks: number of disks that the user wants to be copied
 * @flags: virDomainMigrateFlags as the user gave them
 *
 * Reports VIR_ERR_MIGRATE_UNSAFE, and if it is the flag of @disk that keeps it
 * from being copied, says so.
 */
void
qemuMigrationDisksReportUnsafe(const virDomainDiskDef *disk,
                               size_t nmigrate_disks,
                               unsigned int flags)
{
    bool flagged = flags & (VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_NON_SHARED_INC) &&
                   nmigrate_disks == 0 &&
                   disk->flags.migrate == VIR_TRISTATE_BOOL_NO;

    if (flagged) {
        virReportError(VIR_ERR_MIGRATE_UNSAFE,
                       _("Migration without shared storage is unsafe: the flag <migrate> of disk '%s' keeps it from being copied; move the disk to shared storage, set the flag to 'true' or force the migration with VIR_MIGRATE_UNSAFE (--unsafe)"),
                       disk->dst);
        return;
    }

    virReportError(VIR_ERR_MIGRATE_UNSAFE, "%s",
                   _("Migration without shared storage is unsafe"));
}
