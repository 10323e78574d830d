/*
 * disk_set_change.c: setting a flag on disks, all or none
 *
 * Everything is checked before the first change. What fails half-way is put
 * back flag by flag, since the rest of a disk may meanwhile have been changed by
 * others.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#define GETTEXT_PACKAGE PACKAGE
#include <glib/gi18n-lib.h>

#include "disk_set_change.h"
#include "disk_set_message.h"

/* One disk of one definition. */
typedef struct _virDiskSetChange virDiskSetChange;
struct _virDiskSetChange {
    unsigned int impact;
    char *target;
    virDiskSetFlag before;
};

/* All that putting back needs to know. */
typedef struct _virDiskSetRollback virDiskSetRollback;
struct _virDiskSetRollback {
    const virDiskSetScope *scope;
    GPtrArray *changes;
    size_t begun; /* how many of the changes were at least tried */
    GString *message;
};


static void
virDiskSetChangeFree(void *opaque)
{
    virDiskSetChange *change = opaque;

    g_free(change->target);
    g_free(change);
}


static int
virDiskSetChangePlanDisk(const virDiskSetScope *scope,
                         unsigned int impact,
                         xmlNodePtr disk,
                         virDiskSetFlag value,
                         GPtrArray *changes)
{
    virDiskSetFlag before = virDiskSetDiskGetFlag(disk, scope->flag);
    virDiskSetChange *change;

    if (before == value)
        return 0;

    if (virDiskSetDiskCheckFlag(disk, scope->flag, value) < 0)
        return -1;

    change = g_new0(virDiskSetChange, 1);
    change->impact = impact;
    change->target = virDiskSetDiskTarget(disk);
    change->before = before;
    g_ptr_array_add(changes, change);

    return 0;
}


static int
virDiskSetChangePlan(const virDiskSetScope *scope,
                     unsigned int impact,
                     const char *name,
                     virDiskSetFlag value,
                     GPtrArray *changes)
{
    g_autoptr(xmlDoc) doc = virDiskSetDefinitionReadForUpdate(scope->dom, impact);
    xmlNodePtr disk;

    if (!doc)
        return -1;

    if (name) {
        if (!(disk = virDiskSetDefinitionFindDisk(doc, name)))
            return -1;

        return virDiskSetChangePlanDisk(scope, impact, disk, value, changes);
    }

    for (disk = virDiskSetDefinitionFirstDisk(doc); disk; disk = virDiskSetXMLNext(disk)) {
        if (virDiskSetDiskCanHaveFlag(disk, scope->flag) &&
            virDiskSetChangePlanDisk(scope, impact, disk, value, changes) < 0)
            return -1;
    }

    return 0;
}


static int
virDiskSetChangeWrite(const virDiskSetScope *scope,
                      const virDiskSetChange *change,
                      virDiskSetFlag value)
{
    g_autoptr(xmlDoc) doc = NULL;
    g_autofree char *xml = NULL;
    xmlNodePtr disk;

    if (!(doc = virDiskSetDefinitionReadForUpdate(scope->dom, change->impact)) ||
        !(disk = virDiskSetDefinitionFindDisk(doc, change->target)))
        return -1;

    if (virDiskSetDiskGetFlag(disk, scope->flag) == value)
        return 0;

    virDiskSetDiskSetFlag(disk, scope->flag, value);
    xml = virDiskSetXMLFormat(disk);

    if (virDomainUpdateDeviceFlags(scope->dom, xml, change->impact) < 0) {
        virDiskSetMessageTake();
        return -1;
    }

    return 0;
}


static int
virDiskSetChangeVerify(const virDiskSetScope *scope,
                       const virDiskSetChange *change,
                       virDiskSetFlag value)
{
    g_autoptr(xmlDoc) doc = NULL;
    xmlNodePtr disk;

    if (!(doc = virDiskSetDefinitionRead(scope->dom, change->impact)) ||
        !(disk = virDiskSetDefinitionFindDisk(doc, change->target)))
        return -1;

    if (virDiskSetDiskGetFlag(disk, scope->flag) == value)
        return 0;

    virDiskSetMessageSet(_("the flag <%s> of disk '%s' was dropped: the libvirt daemon does not know <flags>, use one that does"),
                         scope->flag, change->target);
    return -1;
}


static void *
virDiskSetRollbackRun(void *opaque)
{
    virDiskSetRollback *rollback = opaque;
    size_t i;

    for (i = rollback->begun; i > 0; i--) {
        const virDiskSetChange *change = g_ptr_array_index(rollback->changes, i - 1);

        if (virDiskSetChangeWrite(rollback->scope, change, change->before) < 0) {
            g_string_append_printf(rollback->message,
                                   _("; disk '%s' could not be put back: %s"),
                                   change->target, virDiskSetMessageGet());
        }
    }

    return NULL;
}


static void
virDiskSetChangeRollback(const virDiskSetScope *scope,
                         GPtrArray *changes,
                         size_t begun)
{
    virDiskSetRollback rollback = {
        .scope = scope,
        .changes = changes,
        .begun = begun,
        .message = g_string_new(virDiskSetMessageGet()),
    };
    GThread *thread;

    /* Each call of libvirt resets the thread's last error, which is what the
     * caller has to see. */
    if ((thread = g_thread_try_new("disk-set", virDiskSetRollbackRun, &rollback, NULL)))
        g_thread_join(thread);
    else
        virDiskSetRollbackRun(&rollback);

    virDiskSetMessageSet("%s", rollback.message->str);
    g_string_free(rollback.message, TRUE);
}


static int
virDiskSetChangeDisks(const virDiskSetScope *scope,
                      const char *name,
                      virDiskSetFlag value)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(virDiskSetChangeFree);
    size_t i;

    for (i = 0; i < scope->nimpacts; i++) {
        if (virDiskSetChangePlan(scope, scope->impacts[i], name, value, changes) < 0)
            return -1;
    }

    for (i = 0; i < changes->len; i++) {
        const virDiskSetChange *change = g_ptr_array_index(changes, i);

        if (virDiskSetChangeWrite(scope, change, value) < 0 ||
            virDiskSetChangeVerify(scope, change, value) < 0) {
            virDiskSetChangeRollback(scope, changes, i + 1);
            return -1;
        }
    }

    return changes->len > 0 ? 0 : 1;
}


/**
 * virDiskSetChangeOne:
 * @scope: domain, flag and definitions
 * @name: target or source path of the disk
 * @value: value to set
 *
 * Returns 0 when the flag was set, 1 when each of the definitions had it
 * already, -1 with the message set and nothing changed.
 */
int
virDiskSetChangeOne(const virDiskSetScope *scope,
                    const char *name,
                    virDiskSetFlag value)
{
    return virDiskSetChangeDisks(scope, name, value);
}


/**
 * virDiskSetChangeAll:
 * @scope: domain, flag and definitions
 * @value: value to set on each disk that can have the flag
 *
 * Returns 0 when all have it now, -1 with the message set and nothing changed.
 */
int
virDiskSetChangeAll(const virDiskSetScope *scope,
                    virDiskSetFlag value)
{
    return virDiskSetChangeDisks(scope, NULL, value) < 0 ? -1 : 0;
}
