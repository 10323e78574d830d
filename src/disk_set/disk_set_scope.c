/*
 * disk_set_scope.c: what the flags word of a call picks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#define GETTEXT_PACKAGE PACKAGE
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt-disk-set.h>

#include "disk_set_message.h"
#include "disk_set_scope.h"

#define VIR_DISK_SET_SETS (VIR_DOMAIN_DISK_SET_SNAPSHOT | VIR_DOMAIN_DISK_SET_BACKUP)
#define VIR_DISK_SET_IMPACTS (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)


static int
virDiskSetScopeCheckFlags(unsigned int flags)
{
    unsigned int unknown = flags & ~(VIR_DISK_SET_SETS | VIR_DISK_SET_IMPACTS);

    if (unknown) {
        virDiskSetMessageSet(_("unsupported flags (0x%1$x): only VIR_DOMAIN_DISK_SET_SNAPSHOT, VIR_DOMAIN_DISK_SET_BACKUP, VIR_DOMAIN_AFFECT_LIVE and VIR_DOMAIN_AFFECT_CONFIG are known"),
                             unknown);
        return -1;
    }

    if ((flags & VIR_DISK_SET_SETS) == VIR_DISK_SET_SETS) {
        virDiskSetMessageSet("%s", _("VIR_DOMAIN_DISK_SET_SNAPSHOT and VIR_DOMAIN_DISK_SET_BACKUP are two sets: name one of them"));
        return -1;
    }

    return 0;
}


static const char *
virDiskSetScopeGetFlag(unsigned int flags)
{
    if (flags & VIR_DOMAIN_DISK_SET_SNAPSHOT)
        return "snapshot";

    if (flags & VIR_DOMAIN_DISK_SET_BACKUP)
        return "backup";

    return "migrate";
}


static int
virDiskSetScopeAddLive(virDiskSetScope *scope,
                       int active)
{
    if (!active) {
        virDiskSetMessageSet(_("domain '%1$s' is not running: VIR_DOMAIN_AFFECT_LIVE cannot be used"),
                             virDomainGetName(scope->dom));
        return -1;
    }

    scope->impacts[scope->nimpacts++] = VIR_DOMAIN_AFFECT_LIVE;
    return 0;
}


static int
virDiskSetScopeAddConfig(virDiskSetScope *scope)
{
    int persistent = virDomainIsPersistent(scope->dom);

    if (persistent < 0) {
        virDiskSetMessageTake();
        return -1;
    }

    if (!persistent) {
        virDiskSetMessageSet(_("domain '%1$s' is transient: VIR_DOMAIN_AFFECT_CONFIG cannot be used"),
                             virDomainGetName(scope->dom));
        return -1;
    }

    scope->impacts[scope->nimpacts++] = VIR_DOMAIN_AFFECT_CONFIG;
    return 0;
}


/**
 * virDiskSetScopeInit:
 * @scope: filled
 * @dom: domain
 * @flags: flags word of the call
 *
 * The current state is settled here, so that a domain which starts or stops
 * later in the call is not given the XML of the one as the other.
 *
 * Returns 0, or -1 with the message set.
 */
int
virDiskSetScopeInit(virDiskSetScope *scope,
                    virDomainPtr dom,
                    unsigned int flags)
{
    int active;

    if (!dom) {
        virDiskSetMessageSet("%s", _("the domain must not be NULL"));
        return -1;
    }

    if (virDiskSetScopeCheckFlags(flags) < 0)
        return -1;

    scope->dom = dom;
    scope->flag = virDiskSetScopeGetFlag(flags);
    scope->nimpacts = 0;

    if ((active = virDomainIsActive(dom)) < 0) {
        virDiskSetMessageTake();
        return -1;
    }

    if (!(flags & VIR_DISK_SET_IMPACTS))
        flags |= active ? VIR_DOMAIN_AFFECT_LIVE : VIR_DOMAIN_AFFECT_CONFIG;

    if (flags & VIR_DOMAIN_AFFECT_LIVE &&
        virDiskSetScopeAddLive(scope, active) < 0)
        return -1;

    if (flags & VIR_DOMAIN_AFFECT_CONFIG &&
        virDiskSetScopeAddConfig(scope) < 0)
        return -1;

    return 0;
}


/**
 * virDiskSetScopeInitOne:
 * @scope: filled
 * @dom: domain
 * @flags: flags word of a call that reads
 *
 * Like virDiskSetScopeInit(), for calls with one answer: the running domain and
 * its persistent definition have a set each.
 *
 * Returns 0, or -1 with the message set.
 */
int
virDiskSetScopeInitOne(virDiskSetScope *scope,
                       virDomainPtr dom,
                       unsigned int flags)
{
    if ((flags & VIR_DISK_SET_IMPACTS) == VIR_DISK_SET_IMPACTS) {
        virDiskSetMessageSet("%s", _("VIR_DOMAIN_AFFECT_LIVE and VIR_DOMAIN_AFFECT_CONFIG are two sets: ask for one of them"));
        return -1;
    }

    return virDiskSetScopeInit(scope, dom, flags);
}
