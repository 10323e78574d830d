/* -*- c -*-
 * libvirt-disk-set.h: sets of disks that an operation on a domain takes
 * Summary: sets of disks of a domain
 * Description: Provides the interfaces of the disk-set library, which keeps the
 *              disks that storage migration copies, or that a snapshot or a
 *              backup takes, as a set
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef LIBVIRT_DISK_SET_H
# define LIBVIRT_DISK_SET_H

# include <libvirt/libvirt.h>

# ifdef __cplusplus
extern "C" {
# endif

/**
 * virDomainDiskSetFlags:
 *
 * Picks the set. Whether the set of the running domain, of the persistent
 * definition, or of both is meant is said by virDomainModificationImpact in the
 * same flags word, so that no bit here may be one of those, nor one of
 * virDomainDeviceModifyFlags.
 *
 * Since: 11.3.0
 */
typedef enum {
    VIR_DOMAIN_DISK_SET_MIGRATE  = 0, /* disks that storage migration copies (Since: 11.3.0) */
    VIR_DOMAIN_DISK_SET_SNAPSHOT = 1 << 16, /* disks that a snapshot takes (Since: 11.3.0) */
    VIR_DOMAIN_DISK_SET_HALT     = 1 << 17, /* the domain ends once it is saved (Since: 11.3.0) */
    VIR_DOMAIN_DISK_SET_BACKUP   = 1 << 18, /* disks that a backup takes (Since: 11.3.0) */
} virDomainDiskSetFlags;

int virDomainDiskSetAdd(virDomainPtr dom,
                        const char *disk,
                        unsigned int flags);

int virDomainDiskSetRemove(virDomainPtr dom,
                           const char *disk,
                           unsigned int flags);

int virDomainDiskSetAddAll(virDomainPtr dom,
                           unsigned int flags);

int virDomainDiskSetRemoveAll(virDomainPtr dom,
                              unsigned int flags);

int virDomainDiskSetSize(virDomainPtr dom,
                         unsigned int flags);

int virDomainDiskSetList(virDomainPtr dom,
                         char **array,
                         int n,
                         unsigned int flags);

int virDomainDiskSetMigrateParams(virDomainPtr dom,
                                  virTypedParameterPtr *params,
                                  int *nparams,
                                  int *maxparams,
                                  unsigned int flags);

char *virDomainDiskSetSnapshotXML(virDomainPtr dom,
                                  const char *xmlDesc,
                                  unsigned int flags);

int virDomainDiskSetSave(virDomainPtr dom,
                         const char *to,
                         const char *xmlDesc,
                         unsigned int flags);

const char *virDomainDiskSetGetLastMessage(void);

# ifdef __cplusplus
}
# endif

#endif /* LIBVIRT_DISK_SET_H */
