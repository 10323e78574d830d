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
);


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
    virDomainDiskSelectionReason decided;
    bool selected = false;

    if (facts->listed != VIR_TRISTATE_BOOL_ABSENT) {
        decided = VIR_DOMAIN_DISK_SELECTION_LIST;
        selected = facts->listed == VIR_TRISTATE_BOOL_YES;
    } else if (facts->flag == VIR_TRISTATE_BOOL_NO) {
        decided = VIR_DOMAIN_DISK_SELECTION_FLAG;
    } else if (facts->empty) {
        decided = VIR_DOMAIN_DISK_SELECTION_EMPTY;
    } else if (facts->readonly) {
        decided = VIR_DOMAIN_DISK_SELECTION_READONLY;
    } else if (facts->flag == VIR_TRISTATE_BOOL_YES) {
        decided = VIR_DOMAIN_DISK_SELECTION_FLAG;
        selected = true;
    } else if (facts->shareable) {
        decided = VIR_DOMAIN_DISK_SELECTION_SHAREABLE;
    } else {
        decided = VIR_DOMAIN_DISK_SELECTION_DEFAULT;
        selected = true;
    }

    if (reason)
        *reason = decided;

    return selected;
}
