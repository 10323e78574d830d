/*
 * disk_set_scope.h: what the flags word of a call picks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

typedef struct _virDiskSetScope virDiskSetScope;
struct _virDiskSetScope {
    virDomainPtr dom;
    const char *flag; /* element of the disk's <flags> that makes up the set */
    unsigned int impacts[2]; /* each VIR_DOMAIN_AFFECT_LIVE or _CONFIG */
    size_t nimpacts;
};

int
virDiskSetScopeInit(virDiskSetScope *scope,
                    virDomainPtr dom,
                    unsigned int flags);

int
virDiskSetScopeInitOne(virDiskSetScope *scope,
                       virDomainPtr dom,
                       unsigned int flags);
