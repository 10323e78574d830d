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
    xmlNodePtr disk; /* in a document of the plan */
};

/* All that is to be changed. Each definition is read once for it, and once more
 * in the end: reading it for each disk would take time by the square of their
 * number. */
typedef struct _virDiskSetPlan virDiskSetPlan;
struct _virDiskSetPlan {
    GPtrArray *docs; /* the definitions as they were */
    GPtrArray *changes;
};

/* All that putting back needs to know. */
typedef struct _virDiskSetRollback virDiskSetRollback;
struct _virDiskSetRollback {
    const virDiskSetScope *scope;
    const virDiskSetPlan *plan;
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


static void
virDiskSetPlanClear(virDiskSetPlan *plan)
{
    g_ptr_array_unref(plan->changes);
    g_ptr_array_unref(plan->docs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virDiskSetPlan, virDiskSetPlanClear);


static int
virDiskSetChangePlanDisk(const virDiskSetScope *scope,
                         unsigned int impact,
                         xmlNodePtr disk,
                         virDiskSetFlag value,
                         virDiskSetPlan *plan)
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
    change->disk = disk;
    g_ptr_array_add(plan->changes, change);

    return 0;
}


static int
virDiskSetChangePlan(const virDiskSetScope *scope,
                     unsigned int impact,
                     const char *name,
                     virDiskSetFlag value,
                     virDiskSetPlan *plan)
{
    xmlDocPtr doc = virDiskSetDefinitionReadForUpdate(scope->dom, impact);
    xmlNodePtr disk;

    if (!doc)
        return -1;

    g_ptr_array_add(plan->docs, doc);

    if (name) {
        if (!(disk = virDiskSetDefinitionFindDisk(doc, name)))
            return -1;

        return virDiskSetChangePlanDisk(scope, impact, disk, value, plan);
    }

    for (disk = virDiskSetDefinitionFirstDisk(doc); disk; disk = virDiskSetXMLNext(disk)) {
        if (virDiskSetDiskCanHaveFlag(disk, scope->flag) &&
            virDiskSetChangePlanDisk(scope, impact, disk, value, plan) < 0)
            return -1;
    }

    return 0;
}


static int
virDiskSetChangeWrite(const virDiskSetScope *scope,
                      const virDiskSetChange *change,
                      xmlNodePtr disk,
                      virDiskSetFlag value)
{
    g_autofree char *xml = NULL;

    virDiskSetDiskSetFlag(disk, scope->flag, value);
    xml = virDiskSetXMLFormat(disk);

    if (virDomainUpdateDeviceFlags(scope->dom, xml, change->impact) < 0) {
        virDiskSetMessageTake();
        return -1;
    }

    return 0;
}


static int
virDiskSetChangePutBack(const virDiskSetScope *scope,
                        const virDiskSetChange *change)
{
    g_autoptr(xmlDoc) doc = NULL;
    xmlNodePtr disk;

    if (!(doc = virDiskSetDefinitionReadForUpdate(scope->dom, change->impact)) ||
        !(disk = virDiskSetDefinitionFindDisk(doc, change->target)))
        return -1;

    if (virDiskSetDiskGetFlag(disk, scope->flag) == change->before)
        return 0;

    return virDiskSetChangeWrite(scope, change, disk, change->before);
}


static int
virDiskSetChangeVerify(const virDiskSetScope *scope,
                       unsigned int impact,
                       virDiskSetFlag value,
                       const virDiskSetPlan *plan)
{
    g_autoptr(xmlDoc) doc = virDiskSetDefinitionRead(scope->dom, impact);
    g_autoptr(GHashTable) disks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    xmlNodePtr disk;
    size_t i;

    if (!doc)
        return -1;

    for (disk = virDiskSetDefinitionFirstDisk(doc); disk; disk = virDiskSetXMLNext(disk))
        g_hash_table_insert(disks, virDiskSetDiskTarget(disk), disk);

    for (i = 0; i < plan->changes->len; i++) {
        const virDiskSetChange *change = g_ptr_array_index(plan->changes, i);

        if (change->impact != impact)
            continue;

        disk = g_hash_table_lookup(disks, change->target);

        if (disk && virDiskSetDiskGetFlag(disk, scope->flag) == value)
            continue;

        virDiskSetMessageSet(_("the flag <%s> of disk '%s' was dropped: the libvirt daemon does not know <flags>, use one that does"),
                             scope->flag, change->target);
        return -1;
    }

    return 0;
}


static void *
virDiskSetRollbackRun(void *opaque)
{
    virDiskSetRollback *rollback = opaque;
    size_t i;

    for (i = rollback->begun; i > 0; i--) {
        const virDiskSetChange *change = g_ptr_array_index(rollback->plan->changes, i - 1);

        if (virDiskSetChangePutBack(rollback->scope, change) < 0) {
            g_string_append_printf(rollback->message,
                                   _("; disk '%s' could not be put back: %s"),
                                   change->target, virDiskSetMessageGet());
        }
    }

    return NULL;
}


static void
virDiskSetChangeRollback(const virDiskSetScope *scope,
                         const virDiskSetPlan *plan,
                         size_t begun)
{
    virDiskSetRollback rollback = {
        .scope = scope,
        .plan = plan,
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
    g_auto(virDiskSetPlan) plan = {
        .docs = g_ptr_array_new_with_free_func((GDestroyNotify) xmlFreeDoc),
        .changes = g_ptr_array_new_with_free_func(virDiskSetChangeFree),
    };
    size_t i;

    for (i = 0; i < scope->nimpacts; i++) {
        if (virDiskSetChangePlan(scope, scope->impacts[i], name, value, &plan) < 0)
            return -1;
    }

    if (plan.changes->len == 0)
        return 1;

    for (i = 0; i < plan.changes->len; i++) {
        const virDiskSetChange *change = g_ptr_array_index(plan.changes, i);

        if (virDiskSetChangeWrite(scope, change, change->disk, value) < 0) {
            virDiskSetChangeRollback(scope, &plan, i + 1);
            return -1;
        }
    }

    for (i = 0; i < scope->nimpacts; i++) {
        if (virDiskSetChangeVerify(scope, scope->impacts[i], value, &plan) < 0) {
            virDiskSetChangeRollback(scope, &plan, plan.changes->len);
            return -1;
        }
    }

    return 0;
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
