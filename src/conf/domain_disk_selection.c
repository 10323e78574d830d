/*
 * domain_disk_selection.c: which disks an operation takes, and why
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "domain_disk_selection.h"

VIR_ENUM_IMPL(virDomainDiskSelectionReason,
              VIR_DOMAIN_DISK_SELECTION_LAST,
              "default",
              "list",
              "flag",
              "empty",
              "read-only",
              "shareable",
              "attribute",
);


/* What is common to operations that take a disk or leave it out. @otherwise is what
 * leaves out a disk that is neither listed nor flagged; default: nothing. */
static bool
virDomainDiskSelect(virTristateBool listed,
                    virTristateBool flag,
                    bool empty,
                    bool readonly,
                    virDomainDiskSelectionReason otherwise,
                    virDomainDiskSelectionReason *reason)
{
    virDomainDiskSelectionReason decided = otherwise;
    bool selected = false;

    if (listed != VIR_TRISTATE_BOOL_ABSENT) {
        decided = VIR_DOMAIN_DISK_SELECTION_LIST;
        selected = listed == VIR_TRISTATE_BOOL_YES;
    } else if (flag == VIR_TRISTATE_BOOL_NO) {
        decided = VIR_DOMAIN_DISK_SELECTION_FLAG;
    } else if (empty) {
        decided = VIR_DOMAIN_DISK_SELECTION_EMPTY;
    } else if (readonly) {
        decided = VIR_DOMAIN_DISK_SELECTION_READONLY;
    } else if (flag == VIR_TRISTATE_BOOL_YES) {
        decided = VIR_DOMAIN_DISK_SELECTION_FLAG;
        selected = true;
    } else {
        selected = otherwise == VIR_DOMAIN_DISK_SELECTION_DEFAULT;
    }

    if (reason)
        *reason = decided;

    return selected;
}


/**
 * virDomainDiskSelectMigrate:
 * @facts: what is known of the disk
 * @reason: filled with what decided; may be NULL
 *
 * Tells whether a migration that copies storage copies the disk. The caller's
 * list is taken by its word; without one the disk's flag decides, and where
 * that is not set, libvirt's default: every disk that has a medium, can be
 * written and is not shared. A flag does not copy what cannot be written.
 *
 * Returns true when the disk is copied. Reports no error.
 */
bool
virDomainDiskSelectMigrate(const virDomainDiskMigrateFacts *facts,
                           virDomainDiskSelectionReason *reason)
{
    return virDomainDiskSelect(facts->listed, facts->flag, facts->empty, facts->readonly,
                               facts->shareable ? VIR_DOMAIN_DISK_SELECTION_SHAREABLE :
                                                  VIR_DOMAIN_DISK_SELECTION_DEFAULT,
                               reason);
}


static bool
virDomainDiskIsHostLocal(const virStorageNetHostDef *host)
{
    return host->transport == VIR_STORAGE_NET_HOST_TRANS_UNIX ||
           STREQ_NULLABLE(host->name, "localhost") ||
           STREQ_NULLABLE(host->name, "::1") ||
           (host->name && STRPREFIX(host->name, "127."));
}


/**
 * virDomainDiskIsOnNetwork:
 * @src: source of a disk
 *
 * Returns true when @src is on a server that other hosts reach under the same name,
 * so that they open the same data. Reports no error.
 */
bool
virDomainDiskIsOnNetwork(const virStorageSource *src)
{
    size_t i;

    if (src->type != VIR_STORAGE_TYPE_NETWORK)
        return false;

    for (i = 0; i < src->nhosts; i++) {
        if (virDomainDiskIsHostLocal(src->hosts + i))
            return false;
    }

    return true;
}


/**
 * virDomainDiskSelectBackup:
 * @facts: what is known of the disk
 * @reason: filled with what decided; may be NULL
 *
 * Tells whether a backup takes the disk, and a checkpoint records its changes. What
 * the XML says of the disk goes first; of one that it does not mention the disk's flag
 * decides, and where that is not set, libvirt's default: every disk that has a medium
 * and can be written if the XML has no list, and none otherwise. A flag does not back
 * up what cannot be written, as libvirt has it.
 *
 * Returns true when the disk is taken. Reports no error.
 */
bool
virDomainDiskSelectBackup(const virDomainDiskBackupFacts *facts,
                          virDomainDiskSelectionReason *reason)
{
    return virDomainDiskSelect(facts->listed, facts->flag, facts->empty, facts->readonly,
                               facts->others ? VIR_DOMAIN_DISK_SELECTION_LIST :
                                               VIR_DOMAIN_DISK_SELECTION_DEFAULT,
                               reason);
}


/**
 * virDomainDiskIsBackedUp:
 * @disk: disk that the XML of a backup or a checkpoint does not mention
 * @others: whether it mentions others
 *
 * Returns true when the backup takes @disk, or the checkpoint records its changes.
 * Reports no error.
 */
bool
virDomainDiskIsBackedUp(const virDomainDiskDef *disk,
                        bool others)
{
    virDomainDiskBackupFacts facts = {
        .flag = disk->flags.backup,
        .others = others,
        .empty = virStorageSourceIsEmpty(disk->src),
        .readonly = disk->src->readonly,
    };

    return virDomainDiskSelectBackup(&facts, NULL);
}


/**
 * virDomainDiskSelectSnapshot:
 * @facts: what is known of the disk
 * @reason: filled with what decided whether the disk is taken; may be NULL
 *
 * Tells whether a snapshot takes the disk and how. What the snapshot XML asks
 * for goes first, then the disk's flag, which says only whether, then the disk's
 * snapshot='...', then libvirt's default: every disk with a medium.
 *
 * A disk that the snapshot XML lists without saying how is taken, where
 * @facts->uniform is set, in the same way as all others. What is empty or read-only
 * is in no internal snapshot, whatever says so.
 *
 * Returns VIR_DOMAIN_SNAPSHOT_LOCATION_NO when the disk is left out, how it is
 * taken otherwise. Reports no error.
 */
virDomainSnapshotLocation
virDomainDiskSelectSnapshot(const virDomainDiskSnapshotFacts *facts,
                            virDomainDiskSelectionReason *reason)
{
    virDomainDiskSelectionReason decided;
    virDomainSnapshotLocation location = VIR_DOMAIN_SNAPSHOT_LOCATION_NO;
    bool attribute = facts->attribute != VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT &&
                     !(facts->listed && facts->uniform);

    if (facts->asked != VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT) {
        decided = VIR_DOMAIN_DISK_SELECTION_LIST;
        location = facts->asked;
    } else if (facts->flag == VIR_TRISTATE_BOOL_NO) {
        decided = VIR_DOMAIN_DISK_SELECTION_FLAG;
    } else if (facts->empty && !facts->listed) {
        decided = VIR_DOMAIN_DISK_SELECTION_EMPTY;
    } else if (facts->attribute == VIR_DOMAIN_SNAPSHOT_LOCATION_NO) {
        /* read-only disks get the attribute from libvirt itself */
        decided = facts->readonly ? VIR_DOMAIN_DISK_SELECTION_READONLY :
                                    VIR_DOMAIN_DISK_SELECTION_ATTRIBUTE;
    } else if (facts->flag == VIR_TRISTATE_BOOL_YES) {
        decided = VIR_DOMAIN_DISK_SELECTION_FLAG;
        location = attribute ? facts->attribute : facts->fallback;
    } else if (attribute) {
        decided = VIR_DOMAIN_DISK_SELECTION_ATTRIBUTE;
        location = facts->attribute;
    } else {
        decided = VIR_DOMAIN_DISK_SELECTION_DEFAULT;
        location = facts->fallback;
    }

    /* neither QEMU nor qemu-img can save what has no image or cannot be written */
    if (location == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL &&
        (facts->empty || facts->readonly)) {
        decided = facts->empty ? VIR_DOMAIN_DISK_SELECTION_EMPTY :
                                 VIR_DOMAIN_DISK_SELECTION_READONLY;
        location = VIR_DOMAIN_SNAPSHOT_LOCATION_NO;
    }

    if (reason)
        *reason = decided;

    return location;
}
