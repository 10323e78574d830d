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
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QEMU_MIGRATION_DISKS_STORAGE_FLAGS \
    (VIR_MIGRATE_NON_SHARED_DISK | \
     VIR_MIGRATE_NON_SHARED_INC | \
     VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES)

/* The remote protocol takes 64 parameters, of which libvirtd itself fills up to two
 * dozen, the last of them when all disks have been copied. */
#define QEMU_MIGRATION_DISKS_PARAMS_MAX 64
#define QEMU_MIGRATION_DISKS_LISTED_MAX 40

/* How many disks QEMU's own limit of connections is good for in any case. */
#define QEMU_MIGRATION_DISKS_CONNECTED_MAX 50

VIR_LOG_INIT("qemu.qemu_migration_disks");


void
qemuMigrationDisksFree(qemuMigrationDisks *disks)
{
    if (!disks)
        return;

    g_strfreev(disks->copied);
    g_free(disks);
}


static bool
qemuMigrationDisksSelect(const virDomainDiskDef *disk,
                         const char **migrate_disks,
                         virTristateBool flag)
{
    virDomainDiskMigrateFacts facts = {
        .listed = VIR_TRISTATE_BOOL_ABSENT,
        .flag = flag,
        .empty = virStorageSourceIsEmpty(disk->src),
        .readonly = disk->src->readonly,
        .shareable = disk->src->shared,
    };

    if (migrate_disks)
        facts.listed = virTristateBoolFromBool(g_strv_contains(migrate_disks, disk->dst));

    return virDomainDiskSelectMigrate(&facts, NULL);
}


/**
 * qemuMigrationDisksSrcCopies:
 * @disk: disk of the domain
 * @migrate_disks: NULL-terminated targets of the disks that the user wants to be
 *                 copied; NULL if the user named none
 *
 * For the source host before or while it decides. Every place that runs after
 * that, on either host, asks qemuMigrationAnyCopyDisk, since the flags are in
 * the list of disks by then if they matter, and may be others on that host.
 *
 * Returns true when @disk is copied. Reports no error.
 */
bool
qemuMigrationDisksSrcCopies(const virDomainDiskDef *disk,
                            const char **migrate_disks)
{
    return qemuMigrationDisksSelect(disk, migrate_disks, disk->flags.migrate);
}


static int
qemuMigrationDisksSrcValidateDetectZeroes(const virDomainDef *def,
                                          const char **migrate_disks,
                                          const char **detect_zeroes)
{
    size_t i;

    /* what the user's own list leaves out is passed over without a word */
    if (!detect_zeroes || migrate_disks)
        return 0;

    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];

        if (disk->flags.migrate != VIR_TRISTATE_BOOL_NO ||
            !g_strv_contains(detect_zeroes, disk->dst))
            continue;

        virReportError(VIR_ERR_INVALID_ARG,
                       _("zeroes cannot be detected on disk '%1$s': its flag <migrate>%2$s</migrate> keeps it from being copied; take it off the list (--migrate-disks-detect-zeroes) or set the flag to 'true'"),
                       disk->dst, disk->flags.recreate ? "recreate" : "false");
        return -1;
    }

    return 0;
}


/**
 * qemuMigrationDisksSrcDecide:
 * @def: definition of the running domain
 * @migrate_disks: NULL-terminated targets of the disks that the user wants to be
 *                 copied, or NULL; updated
 * @detect_zeroes: NULL-terminated targets of the disks whose zeroes the user wants
 *                 to be detected, or NULL
 * @flags: virDomainMigrateFlags; updated
 * @decided: filled with the decision, to be freed by the caller after the last use
 *           of @migrate_disks, or NULL if the migration doesn't copy storage
 *
 * Decides which disks the migration copies. If the disks' flags make a
 * difference, the arguments are changed so that the rest of the migration acts
 * as if the user had asked for just these disks; copying nothing is expressed by
 * a migration without storage. The updated @migrate_disks borrows the strings of
 * the decision.
 *
 * Returns 0 on success, -1 if the flags contradict @detect_zeroes
 * (VIR_ERR_INVALID_ARG naming disk and flag).
 */
int
qemuMigrationDisksSrcDecide(const virDomainDef *def,
                            const char ***migrate_disks,
                            const char **detect_zeroes,
                            unsigned int *flags,
                            qemuMigrationDisks **decided)
{
    g_autoptr(qemuMigrationDisks) disks = NULL;
    size_t ncopied = 0;
    size_t i;

    /* an offline migration refuses to copy storage by itself */
    if (*flags & VIR_MIGRATE_OFFLINE ||
        !(*flags & (VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_NON_SHARED_INC)))
        return 0;

    if (qemuMigrationDisksSrcValidateDetectZeroes(def, *migrate_disks, detect_zeroes) < 0)
        return -1;

    disks = g_new0(qemuMigrationDisks, 1);
    disks->copied = g_new0(char *, def->ndisks + 1);

    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];
        bool copied = qemuMigrationDisksSrcCopies(disk, *migrate_disks);

        if (copied != qemuMigrationDisksSelect(disk, *migrate_disks, VIR_TRISTATE_BOOL_ABSENT))
            disks->byFlags = true;

        if (copied)
            disks->copied[ncopied++] = g_strdup(disk->dst);
    }

    qemuMigrationDisksApply(disks, migrate_disks, flags);
    *decided = g_steal_pointer(&disks);
    return 0;
}


/* Whether every host opens the same place when it opens @src. */
static int
qemuMigrationDisksIsShared(virDomainObj *vm,
                           const virStorageSource *src)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);

    if (virStorageSourceGetActualType(src) == VIR_STORAGE_TYPE_NETWORK)
        return virDomainDiskIsOnNetwork(src);

    if (virStorageSourceGetActualType(src) == VIR_STORAGE_TYPE_FILE)
        return virFileIsSharedFS(src->path, cfg->sharedFilesystems);

    return 0;
}


static int
qemuMigrationDisksSrcCheckPlace(virDomainObj *vm,
                                virDomainDiskDef *disk,
                                virDomainDef *dest,
                                unsigned int flags)
{
    virDomainDiskDef *there = virDomainDiskByTarget(dest, disk->dst);
    int shared;

    if (!there ||
        !virStorageSourceIsSameLocation(there->src, disk->src))
        return 0;

    if ((shared = qemuMigrationDisksIsShared(vm, disk->src)) <= 0)
        return shared;

    if (disk->flags.migrate != VIR_TRISTATE_BOOL_YES || flags & VIR_MIGRATE_UNSAFE) {
        VIR_WARN("disk '%s' of domain '%s' is copied to where it is already",
                 disk->dst, vm->def->name);
        return 0;
    }

    virReportError(VIR_ERR_MIGRATE_UNSAFE,
                   _("Migration would copy disk '%1$s' onto itself: both hosts reach it at the same place, and its flag is <migrate>true</migrate>; set the flag to 'false', give it another source at the destination (--xml) or force the migration with VIR_MIGRATE_UNSAFE (--unsafe)"),
                   disk->dst);
    return -1;
}


/* The guest goes on writing to an image while it is copied: onto itself, what it
 * wrote in between would be lost. */
static int
qemuMigrationDisksSrcCheckPlaces(virDomainObj *vm,
                                 const char *xmlin,
                                 unsigned int flags)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virDomainDef) dest = NULL;
    size_t i;

    if (xmlin &&
        !(dest = virDomainDefParseString(xmlin, priv->driver->xmlopt, priv->qemuCaps,
                                         VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];

        if (qemuMigrationDisksSrcCopies(disk, NULL) &&
            qemuMigrationDisksSrcCheckPlace(vm, disk, dest ? dest : vm->def, flags) < 0)
            return -1;
    }

    return 0;
}


static char *
qemuMigrationDisksListLeft(const virDomainDef *def,
                           const qemuMigrationDisks *decided)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];

        if (!virStorageSourceIsEmpty(disk->src) &&
            !g_strv_contains((const char *const *) decided->copied, disk->dst))
            virBufferAsprintf(&buf, "%s ", disk->dst);
    }

    virBufferTrim(&buf, " ");
    return virBufferContentAndReset(&buf);
}


static int
qemuMigrationDisksSrcDecideOnce(virDomainObj *vm,
                                const char *xmlin,
                                const char ***migrate_disks,
                                const char **detect_zeroes,
                                unsigned int *flags,
                                qemuMigrationDisks **decided)
{
    if (*flags & (VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_NON_SHARED_INC) &&
        !(*flags & VIR_MIGRATE_OFFLINE) &&
        !*migrate_disks &&
        qemuMigrationDisksSrcCheckPlaces(vm, xmlin, *flags) < 0)
        return -1;

    if (qemuMigrationDisksSrcDecide(vm->def, migrate_disks, detect_zeroes, flags, decided) < 0)
        return -1;

    if (*decided && (*decided)->byFlags) {
        g_autofree char *copied = g_strjoinv(" ", (*decided)->copied);
        g_autofree char *left = qemuMigrationDisksListLeft(vm->def, *decided);

        VIR_WARN("the flags of the disks of domain '%s' decide which are copied: '%s', and not '%s'; a destination that does not know flags and is not told by a list refuses the migration ('Unknown migration cookie feature disk-flags')",
                 vm->def->name, copied, NULLSTR_EMPTY(left));
    }

    return 0;
}


/**
 * qemuMigrationDisksSrcBegin:
 * @vm: running domain
 * @xmlin: XML that the user gave for the destination, or NULL
 * @migrate_disks: NULL-terminated targets of the disks that the user wants to be
 *                 copied, or NULL; updated
 * @detect_zeroes: NULL-terminated targets of the disks whose zeroes the user wants
 *                 to be detected, or NULL
 * @flags: virDomainMigrateFlags; updated
 * @decided: filled with the decision (see qemuMigrationDisksSrcDecide)
 *
 * Decides for the Begin phase. A peer-to-peer migration, which begins with
 * qemuMigrationDisksSrcPerform, has been checked by then.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_INVALID_ARG, or VIR_ERR_MIGRATE_UNSAFE
 * if a flag would have a disk copied onto itself; naming disk, flag and remedy).
 */
int
qemuMigrationDisksSrcBegin(virDomainObj *vm,
                           const char *xmlin,
                           const char ***migrate_disks,
                           const char **detect_zeroes,
                           unsigned int *flags,
                           qemuMigrationDisks **decided)
{
    if (*flags & VIR_MIGRATE_PEER2PEER)
        return qemuMigrationDisksSrcDecide(vm->def, migrate_disks, detect_zeroes, flags, decided);

    return qemuMigrationDisksSrcDecideOnce(vm, xmlin, migrate_disks, detect_zeroes, flags, decided);
}


/**
 * qemuMigrationDisksSrcPerform:
 * @vm: running domain
 * @xmlin: XML that the user gave for the destination, or NULL
 * @migrate_disks: NULL-terminated targets of the disks that the user wants to be
 *                 copied, or NULL; updated
 * @detect_zeroes: NULL-terminated targets of the disks whose zeroes the user wants
 *                 to be detected, or NULL
 * @flags: virDomainMigrateFlags; updated
 * @decided: filled with the decision (see qemuMigrationDisksSrcDecide)
 *
 * Decides for a migration that the source host performs by itself. Where the list
 * is too long for the parameters of a remote call, it is left to the Begin phase to
 * decide the same and to send it in the cookie.
 *
 * Returns 0 on success, -1 otherwise (see qemuMigrationDisksSrcBegin).
 */
int
qemuMigrationDisksSrcPerform(virDomainObj *vm,
                             const char *xmlin,
                             const char ***migrate_disks,
                             const char **detect_zeroes,
                             unsigned int *flags,
                             qemuMigrationDisks **decided)
{
    const char **asked = *migrate_disks;
    unsigned int askedFlags = *flags;

    if (qemuMigrationDisksSrcDecideOnce(vm, xmlin, migrate_disks, detect_zeroes,
                                        flags, decided) < 0)
        return -1;

    if (*decided && (*decided)->byFlags &&
        askedFlags & VIR_MIGRATE_PEER2PEER &&
        g_strv_length((*decided)->copied) > QEMU_MIGRATION_DISKS_LISTED_MAX) {
        *migrate_disks = asked;
        *flags = askedFlags;
    }

    return 0;
}


/**
 * qemuMigrationDisksSrcCheckParams:
 * @migrate_disks: NULL-terminated targets of the disks that the user wants to be
 *                 copied, or NULL
 * @nparams: number of parameters of the first call to the destination, these included
 *
 * The last call of a migration has two parameters more, and that they are too many
 * would be found out when all disks have been copied.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_INVALID_ARG with the remedy).
 */
int
qemuMigrationDisksSrcCheckParams(const char **migrate_disks,
                                 int nparams)
{
    size_t nlisted = migrate_disks ? g_strv_length((char **) migrate_disks) : 0;

    if (nlisted == 0 || nparams + 2 <= QEMU_MIGRATION_DISKS_PARAMS_MAX)
        return 0;

    virReportError(VIR_ERR_INVALID_ARG,
                   _("the list of disks to copy has %1$zu entries, %2$d more than fit into a call to the destination: set the flag <migrate> of the others to 'false' instead"),
                   nlisted, nparams + 2 - QEMU_MIGRATION_DISKS_PARAMS_MAX);
    return -1;
}


/**
 * qemuMigrationDisksSrcReportRefusal:
 *
 * Has the error of a destination that does not know the flags of disks, or does not
 * make disks anew, say what to do about it.
 */
void
qemuMigrationDisksSrcReportRefusal(void)
{
    if (strstr(virGetLastErrorMessage(), "disk-recreate")) {
        virLastErrorPrefixMessage("%s",
                                  _("the libvirt of the destination cannot make disks anew: give it one that does, or set the flags <migrate>recreate</migrate> to 'true' or 'false'"));
        return;
    }

    if (!strstr(virGetLastErrorMessage(), "disk-flags"))
        return;

    virLastErrorPrefixMessage(_("the libvirt of the destination does not know the flags of disks, and those that they select are too many to be listed for it: give it one that does, or select at most %1$d disks (<migrate>false</migrate>)"),
                              QEMU_MIGRATION_DISKS_LISTED_MAX);
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
 * @migrate_disks: NULL-terminated targets of the disks to copy, or NULL; updated,
 *                 borrows from @disks
 * @flags: virDomainMigrateFlags; updated
 *
 * Makes the rest of the migration copy the disks that the source decided on.
 * Nothing is changed where the disks' flags didn't matter.
 */
void
qemuMigrationDisksApply(const qemuMigrationDisks *disks,
                        const char ***migrate_disks,
                        unsigned int *flags)
{
    if (!disks || !disks->byFlags)
        return;

    *migrate_disks = disks->copied[0] ? (const char **) disks->copied : NULL;

    if (!*migrate_disks)
        *flags &= ~QEMU_MIGRATION_DISKS_STORAGE_FLAGS;

    VIR_DEBUG("the disks' flags select %u disks to copy", g_strv_length(disks->copied));
}


/**
 * qemuMigrationDisksGetMaxConnections:
 * @def: definition of the incoming domain
 *
 * QEMU's NBD server takes 100 connections unless it is told otherwise, and a source
 * that copies more disks would wait for ever, with its guest.
 *
 * Returns the number of connections that the server has to take, 0 for QEMU's own.
 */
unsigned int
qemuMigrationDisksGetMaxConnections(const virDomainDef *def)
{
    return def->ndisks > QEMU_MIGRATION_DISKS_CONNECTED_MAX ? 2 * def->ndisks : 0;
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
 * @migrate_disks: targets of the disks that the user wants to be copied, or NULL
 * @flags: virDomainMigrateFlags as the user gave them
 *
 * Reports VIR_ERR_MIGRATE_UNSAFE, and if it is the flag of @disk that keeps it
 * from being copied, or that would have it copied if anything were, says so.
 */
void
qemuMigrationDisksReportUnsafe(const virDomainDiskDef *disk,
                               const char **migrate_disks,
                               unsigned int flags)
{
    bool copies = flags & (VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_NON_SHARED_INC);

    if (!copies && disk->flags.migrate == VIR_TRISTATE_BOOL_YES) {
        virReportError(VIR_ERR_MIGRATE_UNSAFE,
                       _("Migration without shared storage is unsafe: disk '%1$s' has the flag <migrate>true</migrate>, but disks are copied only with VIR_MIGRATE_NON_SHARED_DISK or VIR_MIGRATE_NON_SHARED_INC (--copy-storage-all, --copy-storage-inc)"),
                       disk->dst);
        return;
    }

    if (copies && !migrate_disks && disk->flags.migrate == VIR_TRISTATE_BOOL_NO) {
        virReportError(VIR_ERR_MIGRATE_UNSAFE,
                       _("Migration without shared storage is unsafe: the flag <migrate> of disk '%1$s' keeps it from being copied; move the disk to shared storage, set the flag to 'true' or force the migration with VIR_MIGRATE_UNSAFE (--unsafe)"),
                       disk->dst);
        return;
    }

    virReportError(VIR_ERR_MIGRATE_UNSAFE, "%s",
                   _("Migration without shared storage is unsafe"));
}
