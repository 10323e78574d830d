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

/* For how many microseconds a definition counts as the present one. An update writes
 * a whole disk, so that what others change since the definition was read is lost;
 * reading it for each disk would take time by the square of their number. */
#define VIR_DISK_SET_CHANGE_FRESH (100 * 1000)

/* A definition as it was lately. */
typedef struct _virDiskSetView virDiskSetView;
struct _virDiskSetView {
    unsigned int impact;
    xmlDocPtr doc;
    gint64 read; /* when, in microseconds */
};

/* One disk of one definition. */
typedef struct _virDiskSetChange virDiskSetChange;
struct _virDiskSetChange {
    virDiskSetView *view; /* of the plan */
    char *target;
    virDiskSetFlag before;
};

/* All that is to be changed. */
typedef struct _virDiskSetPlan virDiskSetPlan;
struct _virDiskSetPlan {
    const virDiskSetScope *scope;
    virDiskSetFlag value;
    virDiskSetView views[G_N_ELEMENTS(((virDiskSetScope *) NULL)->impacts)];
    GPtrArray *changes;
};

/* All that putting back needs to know. */
typedef struct _virDiskSetRollback virDiskSetRollback;
struct _virDiskSetRollback {
    virDiskSetPlan *plan;
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
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(plan->views); i++)
        xmlFreeDoc(plan->views[i].doc);

    g_ptr_array_unref(plan->changes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virDiskSetPlan, virDiskSetPlanClear);


static int
virDiskSetViewRefresh(virDomainPtr dom,
                      virDiskSetView *view)
{
    gint64 now = g_get_monotonic_time();
    xmlDocPtr doc;

    if (view->doc && now - view->read < VIR_DISK_SET_CHANGE_FRESH)
        return 0;

    if (!(doc = virDiskSetDefinitionReadForUpdate(dom, view->impact)))
        return -1;

    xmlFreeDoc(view->doc);
    view->doc = doc;
    view->read = now;

    return 0;
}


static void
virDiskSetViewForget(virDiskSetView *view)
{
    g_clear_pointer(&view->doc, xmlFreeDoc);
}


static int
virDiskSetChangePlanDisk(virDiskSetPlan *plan,
                         virDiskSetView *view,
                         xmlNodePtr disk)
{
    const char *flag = plan->scope->flag;
    virDiskSetFlag before = virDiskSetDiskGetFlag(disk, flag);
    virDiskSetChange *change;

    if (before == plan->value)
        return 0;

    if (virDiskSetDiskCheckFlag(disk, flag, plan->value) < 0)
        return -1;

    change = g_new0(virDiskSetChange, 1);
    change->view = view;
    change->target = virDiskSetDiskTarget(disk);
    change->before = before;
    g_ptr_array_add(plan->changes, change);

    return 0;
}


static int
virDiskSetChangePlan(virDiskSetPlan *plan,
                     virDiskSetView *view,
                     const char *name)
{
    xmlNodePtr disk;

    if (virDiskSetViewRefresh(plan->scope->dom, view) < 0)
        return -1;

    if (name) {
        if (!(disk = virDiskSetDefinitionFindDisk(view->doc, name)))
            return -1;

        return virDiskSetChangePlanDisk(plan, view, disk);
    }

    for (disk = virDiskSetDefinitionFirstDisk(view->doc); disk; disk = virDiskSetXMLNext(disk)) {
        if (virDiskSetDiskCanHaveFlag(disk, plan->scope->flag) &&
            virDiskSetChangePlanDisk(plan, view, disk) < 0)
            return -1;
    }

    return 0;
}


/* Returns the disk as it is now, or NULL with the message set. */
static xmlNodePtr
virDiskSetChangeFindDisk(const virDiskSetPlan *plan,
                         const virDiskSetChange *change)
{
    if (virDiskSetViewRefresh(plan->scope->dom, change->view) < 0)
        return NULL;

    return virDiskSetDefinitionFindDisk(change->view->doc, change->target);
}


static int
virDiskSetChangeUpdate(const virDiskSetPlan *plan,
                       const virDiskSetChange *change,
                       xmlNodePtr disk,
                       virDiskSetFlag value)
{
    g_autofree char *xml = NULL;

    virDiskSetDiskSetFlag(disk, plan->scope->flag, value);
    xml = virDiskSetXMLFormat(disk);

    if (virDomainUpdateDeviceFlags(plan->scope->dom, xml, change->view->impact) < 0) {
        virDiskSetMessageTake();
        return -1;
    }

    return 0;
}


static int
virDiskSetChangeWrite(const virDiskSetPlan *plan,
                      const virDiskSetChange *change)
{
    xmlNodePtr disk = virDiskSetChangeFindDisk(plan, change);

    if (!disk)
        return -1;

    if (virDiskSetDiskGetFlag(disk, plan->scope->flag) == plan->value)
        return 0;

    return virDiskSetChangeUpdate(plan, change, disk, plan->value);
}


/* What others have set since then is left alone. */
static int
virDiskSetChangePutBack(const virDiskSetPlan *plan,
                        const virDiskSetChange *change)
{
    xmlNodePtr disk = virDiskSetChangeFindDisk(plan, change);

    if (!disk)
        return -1;

    if (virDiskSetDiskGetFlag(disk, plan->scope->flag) != plan->value)
        return 0;

    return virDiskSetChangeUpdate(plan, change, disk, change->before);
}


static int
virDiskSetChangeVerifyDisk(const virDiskSetPlan *plan,
                           const virDiskSetChange *change,
                           xmlNodePtr disk)
{
    const char *flag = plan->scope->flag;
    virDiskSetFlag now;

    if (!disk) {
        virDiskSetMessageSet(_("disk '%1$s' was taken out of the domain meanwhile: look at the domain and try again"),
                             change->target);
        return -1;
    }

    if ((now = virDiskSetDiskGetFlag(disk, flag)) == plan->value)
        return 0;

    if (now == VIR_DISK_SET_FLAG_ABSENT)
        virDiskSetMessageSet(_("the flag <%1$s> of disk '%2$s' was dropped: the libvirt daemon does not know <flags>, use one that does"),
                             flag, change->target);
    else
        virDiskSetMessageSet(_("the flag <%1$s> of disk '%2$s' was set otherwise by another program meanwhile: look at the domain and try again"),
                             flag, change->target);

    return -1;
}


/* Looks at the first @count changes, as far as they are of that definition. */
static int
virDiskSetChangeVerify(const virDiskSetPlan *plan,
                       const virDiskSetView *view,
                       size_t count)
{
    g_autoptr(xmlDoc) doc = virDiskSetDefinitionRead(plan->scope->dom, view->impact);
    g_autoptr(GHashTable) disks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    xmlNodePtr disk;
    size_t i;

    if (!doc)
        return -1;

    for (disk = virDiskSetDefinitionFirstDisk(doc); disk; disk = virDiskSetXMLNext(disk))
        g_hash_table_insert(disks, virDiskSetDiskTarget(disk), disk);

    for (i = 0; i < count; i++) {
        const virDiskSetChange *change = g_ptr_array_index(plan->changes, i);

        if (change->view == view &&
            virDiskSetChangeVerifyDisk(plan, change,
                                       g_hash_table_lookup(disks, change->target)) < 0)
            return -1;
    }

    return 0;
}


static void *
virDiskSetRollbackRun(void *opaque)
{
    virDiskSetRollback *rollback = opaque;
    virDiskSetPlan *plan = rollback->plan;
    size_t i;

    /* They say what should have become of the disks, not what did. */
    for (i = 0; i < G_N_ELEMENTS(plan->views); i++)
        virDiskSetViewForget(plan->views + i);

    for (i = rollback->begun; i > 0; i--) {
        const virDiskSetChange *change = g_ptr_array_index(plan->changes, i - 1);

        if (virDiskSetChangePutBack(plan, change) < 0) {
            g_string_append_printf(rollback->message,
                                   _("; disk '%1$s' could not be put back: %2$s"),
                                   change->target, virDiskSetMessageGet());
        }
    }

    return NULL;
}


static void
virDiskSetChangeRollback(virDiskSetPlan *plan,
                         size_t begun)
{
    virDiskSetRollback rollback = {
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
virDiskSetChangeApply(virDiskSetPlan *plan)
{
    size_t i;

    for (i = 0; i < plan->changes->len; i++) {
        const virDiskSetChange *change = g_ptr_array_index(plan->changes, i);

        /* a daemon that drops flags is found out by the first one */
        if (virDiskSetChangeWrite(plan, change) < 0 ||
            (i == 0 && virDiskSetChangeVerify(plan, change->view, 1) < 0)) {
            virDiskSetChangeRollback(plan, i + 1);
            return -1;
        }
    }

    for (i = 0; plan->changes->len > 1 && i < plan->scope->nimpacts; i++) {
        if (virDiskSetChangeVerify(plan, plan->views + i, plan->changes->len) < 0) {
            virDiskSetChangeRollback(plan, plan->changes->len);
            return -1;
        }
    }

    return 0;
}


static int
virDiskSetChangeDisks(const virDiskSetScope *scope,
                      const char *name,
                      virDiskSetFlag value)
{
    g_auto(virDiskSetPlan) plan = {
        .scope = scope,
        .value = value,
        .changes = g_ptr_array_new_with_free_func(virDiskSetChangeFree),
    };
    size_t i;

    for (i = 0; i < scope->nimpacts; i++) {
        plan.views[i].impact = scope->impacts[i];

        if (virDiskSetChangePlan(&plan, plan.views + i, name) < 0)
            return -1;
    }

    if (plan.changes->len == 0)
        return 1;

    return virDiskSetChangeApply(&plan);
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
