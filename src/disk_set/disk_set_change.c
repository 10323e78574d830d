/*
 * disk_set_change.c: setting flags on disks, all or none
 *
 * Everything is checked before the first change. What fails half-way is put
 * back flag by flag, since the rest of a disk may meanwhile have been changed by
 * others. An update writes a whole disk, so that one of somebody else who had read
 * the disk before takes back what was set: it is looked for once everybody who had
 * must be done, and set again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#define GETTEXT_PACKAGE PACKAGE
#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>

#include "disk_set_change.h"
#include "disk_set_definition.h"
#include "disk_set_message.h"

/* For how many microseconds a definition counts as the present one. An update writes
 * a whole disk, so that what others change since the definition was read is lost;
 * reading it for each disk would take time by the square of their number. */
#define VIR_DISK_SET_CHANGE_FRESH (100 * 1000)

/* After how many microseconds those are done who do the same, and how often to set
 * again what they took back. */
#define VIR_DISK_SET_CHANGE_SETTLE (150 * 1000)
#define VIR_DISK_SET_CHANGE_ATTEMPTS 20

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
    const virDiskSetWish *wish; /* of the plan */
    char *target;
    virDiskSetFlag before[VIR_DISK_SET_CHANGE_REQUESTS]; /* in the order of the requests */
};

/* All that is to be changed. */
typedef struct _virDiskSetPlan virDiskSetPlan;
struct _virDiskSetPlan {
    const virDiskSetScope *scope;
    const virDiskSetWish *wishes;
    size_t nwishes;
    bool lenient; /* leave out a disk that cannot have what is asked for */
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


/* Returns 1 if the disk may have all that is asked for, 0 if it is to be left out, -1
 * with the message set. */
static int
virDiskSetChangeCheckDisk(const virDiskSetPlan *plan,
                          const virDiskSetWish *wish,
                          xmlNodePtr disk)
{
    size_t i;

    for (i = 0; i < wish->nrequests; i++) {
        if (virDiskSetDiskCheckFlag(disk, wish->requests[i].flag, wish->requests[i].value) == 0)
            continue;

        if (!plan->lenient)
            return -1;

        virDiskSetMessageReset();
        return 0;
    }

    return 1;
}


/* A disk that is made anew is not copied, and is to stay so when it leaves the set. */
static bool
virDiskSetRequestIsMet(const virDiskSetWish *wish,
                       const virDiskSetRequest *request,
                       virDiskSetFlag now)
{
    return now == request->value ||
           (wish->membership &&
            request->value == VIR_DISK_SET_FLAG_FALSE &&
            now == VIR_DISK_SET_FLAG_RECREATE);
}


static bool
virDiskSetChangeIsDone(const virDiskSetWish *wish,
                       xmlNodePtr disk)
{
    size_t i;

    for (i = 0; i < wish->nrequests; i++) {
        const virDiskSetRequest *request = wish->requests + i;

        if (!virDiskSetRequestIsMet(wish, request, virDiskSetDiskGetFlag(disk, request->flag)))
            return false;
    }

    return true;
}


static int
virDiskSetChangePlanDisk(virDiskSetPlan *plan,
                         virDiskSetView *view,
                         const virDiskSetWish *wish,
                         xmlNodePtr disk)
{
    virDiskSetChange *change;
    int rc;
    size_t i;

    if (virDiskSetChangeIsDone(wish, disk))
        return 0;

    if ((rc = virDiskSetChangeCheckDisk(plan, wish, disk)) <= 0)
        return rc;

    change = g_new0(virDiskSetChange, 1);
    change->view = view;
    change->wish = wish;
    change->target = virDiskSetDiskTarget(disk);
    for (i = 0; i < wish->nrequests; i++)
        change->before[i] = virDiskSetDiskGetFlag(disk, wish->requests[i].flag);
    g_ptr_array_add(plan->changes, change);

    return 0;
}


static bool
virDiskSetChangeCanHaveFlags(const virDiskSetWish *wish,
                             xmlNodePtr disk)
{
    size_t i;

    for (i = 0; i < wish->nrequests; i++) {
        if (!virDiskSetDiskCanHaveFlag(disk, wish->requests[i].flag))
            return false;
    }

    return true;
}


static int
virDiskSetChangePlanAll(virDiskSetPlan *plan,
                        virDiskSetView *view,
                        const virDiskSetWish *wish)
{
    xmlNodePtr disk;

    for (disk = virDiskSetDefinitionFirstDisk(view->doc); disk; disk = virDiskSetXMLNext(disk)) {
        if (virDiskSetChangeCanHaveFlags(wish, disk) &&
            virDiskSetChangePlanDisk(plan, view, wish, disk) < 0)
            return -1;
    }

    return 0;
}


static int
virDiskSetChangePlanWish(virDiskSetPlan *plan,
                         virDiskSetView *view,
                         const virDiskSetWish *wish)
{
    xmlNodePtr disk;

    if (!wish->name)
        return virDiskSetChangePlanAll(plan, view, wish);

    if ((disk = virDiskSetDefinitionFindDisk(view->doc, wish->name)))
        return virDiskSetChangePlanDisk(plan, view, wish, disk);

    if (plan->scope->nimpacts > 1)
        virDiskSetMessageSet(view->impact == VIR_DOMAIN_AFFECT_LIVE ?
                             _("%1$s in the running definition") :
                             _("%1$s in the persistent definition"),
                             virDiskSetMessageGet());

    return -1;
}


static int
virDiskSetChangePlan(virDiskSetPlan *plan,
                     virDiskSetView *view)
{
    size_t i;

    if (virDiskSetViewRefresh(plan->scope->dom, view) < 0)
        return -1;

    for (i = 0; i < plan->nwishes; i++) {
        if (virDiskSetChangePlanWish(plan, view, plan->wishes + i) < 0)
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
                       xmlNodePtr disk)
{
    g_autofree char *xml = virDiskSetXMLFormat(disk);

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
    size_t i;

    if (!disk)
        return -1;

    if (virDiskSetChangeIsDone(change->wish, disk))
        return 0;

    for (i = 0; i < change->wish->nrequests; i++)
        virDiskSetDiskSetFlag(disk, change->wish->requests[i].flag, change->wish->requests[i].value);

    return virDiskSetChangeUpdate(plan, change, disk);
}


/* What others have set since then is left alone. */
static int
virDiskSetChangePutBack(const virDiskSetPlan *plan,
                        const virDiskSetChange *change)
{
    xmlNodePtr disk = virDiskSetChangeFindDisk(plan, change);
    bool changed = false;
    size_t i;

    if (!disk)
        return -1;

    for (i = 0; i < change->wish->nrequests; i++) {
        const virDiskSetRequest *request = change->wish->requests + i;

        if (change->before[i] == request->value ||
            virDiskSetDiskGetFlag(disk, request->flag) != request->value)
            continue;

        virDiskSetDiskSetFlag(disk, request->flag, change->before[i]);
        changed = true;
    }

    return changed ? virDiskSetChangeUpdate(plan, change, disk) : 0;
}


/* Returns 1 if the disk has what is asked for, 0 if it has what it had before, so that
 * somebody else took it back or the daemon dropped it, -1 with the message set. */
static int
virDiskSetChangeVerifyDisk(const virDiskSetChange *change,
                           xmlNodePtr disk)
{
    bool done = true;
    size_t i;

    if (!disk) {
        virDiskSetMessageSet(_("disk '%1$s' was taken out of the domain meanwhile: look at the domain and try again"),
                             change->target);
        return -1;
    }

    for (i = 0; i < change->wish->nrequests; i++) {
        const virDiskSetRequest *request = change->wish->requests + i;
        virDiskSetFlag now = virDiskSetDiskGetFlag(disk, request->flag);

        if (virDiskSetRequestIsMet(change->wish, request, now))
            continue;

        if (now != change->before[i] && now != VIR_DISK_SET_FLAG_ABSENT) {
            virDiskSetMessageSet(_("the flag <%1$s> of disk '%2$s' was set otherwise by another program meanwhile: look at the domain and try again"),
                                 request->flag, change->target);
            return -1;
        }

        done = false;
    }

    return done;
}


/* Looks at the first @count changes, as far as they are of that definition. Returns
 * like virDiskSetChangeVerifyDisk, with the first one in @lost that is not done. */
static int
virDiskSetChangeVerify(const virDiskSetPlan *plan,
                       const virDiskSetView *view,
                       size_t count,
                       const virDiskSetChange **lost)
{
    g_autoptr(xmlDoc) doc = virDiskSetDefinitionRead(plan->scope->dom, view->impact);
    g_autoptr(GHashTable) disks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    xmlNodePtr disk;
    size_t i;
    int rc;

    if (!doc)
        return -1;

    for (disk = virDiskSetDefinitionFirstDisk(doc); disk; disk = virDiskSetXMLNext(disk))
        g_hash_table_insert(disks, virDiskSetDiskTarget(disk), disk);

    for (i = 0; i < count; i++) {
        const virDiskSetChange *change = g_ptr_array_index(plan->changes, i);

        if (change->view != view)
            continue;

        if ((rc = virDiskSetChangeVerifyDisk(change,
                                             g_hash_table_lookup(disks, change->target))) <= 0) {
            *lost = change;
            return rc;
        }
    }

    return 1;
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


/* A daemon that knows flags refuses a value that is none; one that does not takes the
 * disk as it is. */
static int
virDiskSetChangeCheckDaemon(const virDiskSetPlan *plan,
                            const virDiskSetChange *change)
{
    const char *flag = change->wish->requests[0].flag;
    g_autofree char *xml = NULL;
    xmlNodePtr disk;
    virErrorPtr error;

    virDiskSetViewForget(change->view);

    if (!(disk = virDiskSetChangeFindDisk(plan, change)))
        return -1;

    virDiskSetDiskSetFlag(disk, flag, VIR_DISK_SET_FLAG_INVALID);
    xml = virDiskSetXMLFormat(disk);
    virDiskSetViewForget(change->view);

    if (virDomainUpdateDeviceFlags(plan->scope->dom, xml, change->view->impact) < 0) {
        error = virGetLastError();

        if (error && error->code == VIR_ERR_XML_ERROR) {
            virResetLastError();
            return 0;
        }

        virDiskSetMessageTake();
        return -1;
    }

    virDiskSetMessageSet(_("the flag <%1$s> of disk '%2$s' was dropped: the libvirt daemon does not know <flags>, use one that does"),
                         flag, change->target);
    return -1;
}


static int
virDiskSetChangeWriteAll(virDiskSetPlan *plan,
                         size_t *begun)
{
    const virDiskSetChange *lost = NULL;
    size_t i;

    for (i = 0; i < plan->changes->len; i++) {
        const virDiskSetChange *change = g_ptr_array_index(plan->changes, i);
        bool first = *begun == 0;
        int rc;

        *begun = MAX(*begun, i + 1);

        if (virDiskSetChangeWrite(plan, change) < 0)
            return -1;

        /* a daemon that drops flags is found out by the first one */
        if (first &&
            ((rc = virDiskSetChangeVerify(plan, change->view, 1, &lost)) < 0 ||
             (rc == 0 && virDiskSetChangeCheckDaemon(plan, change) < 0)))
            return -1;
    }

    return 0;
}


static int
virDiskSetChangeVerifyAll(const virDiskSetPlan *plan,
                          const virDiskSetChange **lost)
{
    size_t i;
    int rc;

    for (i = 0; i < plan->scope->nimpacts; i++) {
        if ((rc = virDiskSetChangeVerify(plan, plan->views + i, plan->changes->len, lost)) <= 0)
            return rc;
    }

    return 1;
}


static int
virDiskSetChangeTry(virDiskSetPlan *plan,
                    size_t *begun)
{
    const virDiskSetChange *lost = NULL;
    size_t attempt;
    size_t i;
    int rc;

    for (attempt = 0; attempt < VIR_DISK_SET_CHANGE_ATTEMPTS; attempt++) {
        if (virDiskSetChangeWriteAll(plan, begun) < 0)
            return -1;

        g_usleep(VIR_DISK_SET_CHANGE_SETTLE);

        if ((rc = virDiskSetChangeVerifyAll(plan, &lost)) != 0)
            return rc < 0 ? -1 : 0;

        for (i = 0; i < plan->scope->nimpacts; i++)
            virDiskSetViewForget(plan->views + i);
    }

    virDiskSetMessageSet(_("the flags of disk '%1$s' were taken back by another program %2$d times: see what changes the domain and try again"),
                         lost->target, VIR_DISK_SET_CHANGE_ATTEMPTS);
    return -1;
}


/**
 * virDiskSetChangeDisks:
 * @scope: domain and definitions
 * @wishes: what flags of which disks are to be
 * @nwishes: number of @wishes
 * @lenient: leave out a disk that cannot have what is asked for
 *
 * Returns 0 when the flags were set, 1 when each of the definitions had them
 * already, -1 with the message set and nothing changed.
 */
int
virDiskSetChangeDisks(const virDiskSetScope *scope,
                      const virDiskSetWish *wishes,
                      size_t nwishes,
                      bool lenient)
{
    g_auto(virDiskSetPlan) plan = {
        .scope = scope,
        .wishes = wishes,
        .nwishes = nwishes,
        .lenient = lenient,
        .changes = g_ptr_array_new_with_free_func(virDiskSetChangeFree),
    };
    size_t begun = 0;
    size_t i;

    for (i = 0; i < scope->nimpacts; i++) {
        plan.views[i].impact = scope->impacts[i];

        if (virDiskSetChangePlan(&plan, plan.views + i) < 0)
            return -1;
    }

    if (plan.changes->len == 0)
        return 1;

    if (virDiskSetChangeTry(&plan, &begun) < 0) {
        virDiskSetChangeRollback(&plan, begun);
        return -1;
    }

    return 0;
}


/**
 * virDiskSetChangeFlag:
 * @scope: domain, flag and definitions
 * @name: target or source path of the disk, or NULL for all that can have the flag
 * @value: value to set
 *
 * Returns 0 when the flag was set, 1 when each of the definitions had it
 * already, -1 with the message set and nothing changed.
 */
int
virDiskSetChangeFlag(const virDiskSetScope *scope,
                     const char *name,
                     virDiskSetFlag value)
{
    virDiskSetWish wish = {
        .name = name,
        .requests = { { .flag = scope->flag, .value = value } },
        .nrequests = 1,
        .membership = true,
    };

    return virDiskSetChangeDisks(scope, &wish, 1, false);
}
