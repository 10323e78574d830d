/*
 * libvirt-disk-set.c: Interfaces for the disk-set library
 *
 * It is written on libvirt's public API alone, so that one binary works with any
 * libvirt client library: nothing of libvirt's internal headers is used here or
 * below disk_set/. GLib serves for strings, arrays and what belongs to a thread;
 * libvirt itself brings it into every process that loads libvirt.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#define GETTEXT_PACKAGE PACKAGE
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt-disk-set.h>

#include "disk_set/disk_set_change.h"
#include "disk_set/disk_set_definition.h"
#include "disk_set/disk_set_message.h"
#include "disk_set/disk_set_scope.h"
#include "disk_set/disk_set_snapshot.h"
#include "disk_set/disk_set_xml.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainSnapshot, virDomainSnapshotFree);


static int
virDomainDiskSetCheckArgument(const void *argument,
                              const char *name)
{
    if (argument)
        return 0;

    virDiskSetMessageSet(_("the argument '%1$s' must not be NULL"), name);
    return -1;
}


static int
virDomainDiskSetChange(virDomainPtr dom,
                       const char *disk,
                       virDiskSetFlag value,
                       unsigned int flags)
{
    virDiskSetScope scope;

    virDiskSetMessageReset();

    if (virDiskSetScopeInit(&scope, dom, flags) < 0 ||
        virDomainDiskSetCheckArgument(disk, "disk") < 0)
        return -1;

    return virDiskSetChangeFlag(&scope, disk, value);
}


/**
 * virDomainDiskSetAdd:
 * @dom: a domain object
 * @disk: target or source path of the disk
 * @flags: bitwise-OR of virDomainDiskSetFlags and virDomainModificationImpact
 *
 * Takes a disk into the set by setting its flag to true; nothing else of the
 * disk changes. With VIR_DOMAIN_AFFECT_LIVE and VIR_DOMAIN_AFFECT_CONFIG both,
 * the disk is looked up and changed in each definition by itself, and neither is
 * changed when one of them fails.
 *
 * The flag is read back: a daemon that does not know it drops it silently, which
 * is an error.
 *
 * Returns 0 when the disk was taken in, 1 when it already was in the set, -1 in
 * case of error: see virDomainDiskSetGetLastMessage().
 *
 * Since: 11.3.0
 */
int
virDomainDiskSetAdd(virDomainPtr dom,
                    const char *disk,
                    unsigned int flags)
{
    return virDomainDiskSetChange(dom, disk, VIR_DISK_SET_FLAG_TRUE, flags);
}


/**
 * virDomainDiskSetRemove:
 * @dom: a domain object
 * @disk: target or source path of the disk
 * @flags: bitwise-OR of virDomainDiskSetFlags and virDomainModificationImpact
 *
 * Takes a disk out of the set by setting its flag to false, as
 * virDomainDiskSetAdd() sets it to true. A disk whose flag was never set is not
 * out yet: libvirt's default may take it. One that a migration makes anew is out of
 * the migrate set, and stays as it is.
 *
 * Returns 0 when the disk was taken out, 1 when it already was out, its flag
 * being false or "recreate", -1 in case of error: see virDomainDiskSetGetLastMessage().
 *
 * Since: 11.3.0
 */
int
virDomainDiskSetRemove(virDomainPtr dom,
                       const char *disk,
                       unsigned int flags)
{
    return virDomainDiskSetChange(dom, disk, VIR_DISK_SET_FLAG_FALSE, flags);
}


static int
virDomainDiskSetChangeAll(virDomainPtr dom,
                          virDiskSetFlag value,
                          unsigned int flags)
{
    virDiskSetScope scope;

    virDiskSetMessageReset();

    if (virDiskSetScopeInit(&scope, dom, flags) < 0)
        return -1;

    return virDiskSetChangeFlag(&scope, NULL, value) < 0 ? -1 : 0;
}


/**
 * virDomainDiskSetAddAll:
 * @dom: a domain object
 * @flags: bitwise-OR of virDomainDiskSetFlags and virDomainModificationImpact
 *
 * Takes every disk into the set that can have the flag, which a read-only disk,
 * a CD-ROM, a floppy and a vhost-user disk cannot, nor, for the snapshot set, a
 * disk with snapshot='no'. All or none: when one fails, those before it get back
 * the flags that they had.
 *
 * Returns 0 on success, -1 in case of error: see
 * virDomainDiskSetGetLastMessage(), which also names a disk that could not be
 * put back.
 *
 * Since: 11.3.0
 */
int
virDomainDiskSetAddAll(virDomainPtr dom,
                       unsigned int flags)
{
    return virDomainDiskSetChangeAll(dom, VIR_DISK_SET_FLAG_TRUE, flags);
}


/**
 * virDomainDiskSetRemoveAll:
 * @dom: a domain object
 * @flags: bitwise-OR of virDomainDiskSetFlags and virDomainModificationImpact
 *
 * Takes every disk out of the set that virDomainDiskSetAddAll() would take in,
 * all or none likewise. One with snapshot='internal', 'external' or 'manual'
 * cannot be taken out of the snapshot set.
 *
 * Returns 0 on success, -1 in case of error: see
 * virDomainDiskSetGetLastMessage(), which also names a disk that could not be
 * put back.
 *
 * Since: 11.3.0
 */
int
virDomainDiskSetRemoveAll(virDomainPtr dom,
                          unsigned int flags)
{
    return virDomainDiskSetChangeAll(dom, VIR_DISK_SET_FLAG_FALSE, flags);
}


static GPtrArray *
virDomainDiskSetGetTargets(const virDiskSetScope *scope)
{
    g_autoptr(xmlDoc) doc = virDiskSetDefinitionRead(scope->dom, scope->impacts[0]);
    GPtrArray *targets;
    xmlNodePtr disk;

    if (!doc)
        return NULL;

    targets = g_ptr_array_new_with_free_func(g_free);

    for (disk = virDiskSetDefinitionFirstDisk(doc); disk; disk = virDiskSetXMLNext(disk)) {
        if (virDiskSetDiskGetFlag(disk, scope->flag) == VIR_DISK_SET_FLAG_TRUE)
            g_ptr_array_add(targets, virDiskSetDiskTarget(disk));
    }

    return targets;
}


/**
 * virDomainDiskSetSize:
 * @dom: a domain object
 * @flags: bitwise-OR of virDomainDiskSetFlags and one of
 *         virDomainModificationImpact
 *
 * Returns the number of disks in the set, -1 in case of error: see
 * virDomainDiskSetGetLastMessage().
 *
 * Since: 11.3.0
 */
int
virDomainDiskSetSize(virDomainPtr dom,
                     unsigned int flags)
{
    g_autoptr(GPtrArray) targets = NULL;
    virDiskSetScope scope;

    virDiskSetMessageReset();

    if (virDiskSetScopeInitOne(&scope, dom, flags) < 0 ||
        !(targets = virDomainDiskSetGetTargets(&scope)))
        return -1;

    return targets->len;
}


/**
 * virDomainDiskSetList:
 * @dom: a domain object
 * @array: array of at least @n pointers; may be NULL when @n is 0
 * @n: size of @array
 * @flags: bitwise-OR of virDomainDiskSetFlags and one of
 *         virDomainModificationImpact
 *
 * Fills @array with the targets of at most @n disks of the set, in the order of
 * the domain XML. The caller must free each of them with free(). In case of
 * error @array is left as it was.
 *
 * Returns the number of entries filled, -1 in case of error: see
 * virDomainDiskSetGetLastMessage().
 *
 * Since: 11.3.0
 */
int
virDomainDiskSetList(virDomainPtr dom,
                     char **array,
                     int n,
                     unsigned int flags)
{
    g_autoptr(GPtrArray) targets = NULL;
    virDiskSetScope scope;
    size_t i;

    virDiskSetMessageReset();

    if (virDiskSetScopeInitOne(&scope, dom, flags) < 0)
        return -1;

    if (n < 0) {
        virDiskSetMessageSet(_("the size of the array is %1$d: it must not be negative"), n);
        return -1;
    }

    if (n > 0 && virDomainDiskSetCheckArgument(array, "array") < 0)
        return -1;

    if (!(targets = virDomainDiskSetGetTargets(&scope)))
        return -1;

    for (i = 0; i < n && i < targets->len; i++)
        array[i] = g_strdup(g_ptr_array_index(targets, i));

    return i;
}


static int
virDomainDiskSetCheckParams(virTypedParameterPtr *params,
                            int *nparams,
                            int *maxparams)
{
    if (virDomainDiskSetCheckArgument(params, "params") < 0 ||
        virDomainDiskSetCheckArgument(nparams, "nparams") < 0 ||
        virDomainDiskSetCheckArgument(maxparams, "maxparams") < 0)
        return -1;

    if (virTypedParamsGet(*params, *nparams, VIR_MIGRATE_PARAM_MIGRATE_DISKS)) {
        virDiskSetMessageSet(_("the parameters already have '%1$s': remove it to migrate with the set"),
                             VIR_MIGRATE_PARAM_MIGRATE_DISKS);
        return -1;
    }

    return 0;
}


static int
virDomainDiskSetFillParams(GPtrArray *targets,
                           virTypedParameterPtr *params,
                           int *nparams,
                           int *maxparams)
{
    int before = *nparams;
    size_t i;

    for (i = 0; i < targets->len; i++) {
        if (virTypedParamsAddString(params, nparams, maxparams,
                                    VIR_MIGRATE_PARAM_MIGRATE_DISKS,
                                    g_ptr_array_index(targets, i)) < 0) {
            virDiskSetMessageTake();
            virTypedParamsClear(*params + before, *nparams - before);
            *nparams = before;
            return -1;
        }
    }

    return targets->len;
}


/**
 * virDomainDiskSetMigrateParams:
 * @dom: a domain object
 * @params: pointer to the array of typed parameters
 * @nparams: number of parameters in the @params array
 * @maxparams: maximum number of parameters that can be stored in @params
 *             without allocating additional memory
 * @flags: one of virDomainModificationImpact
 *
 * Adds the disks of the migrate set as VIR_MIGRATE_PARAM_MIGRATE_DISKS, so that
 * virDomainMigrate3() and virDomainMigrateToURI3() copy them and no other when
 * called with VIR_MIGRATE_NON_SHARED_DISK or VIR_MIGRATE_NON_SHARED_INC. Arguments
 * and ownership are those of virTypedParamsAddString().
 *
 * An empty set is an error, since libvirt reads an empty list as "all": migrate
 * without copying storage instead. So is a list that @params already has. In
 * case of error the parameters are left as they were.
 *
 * Returns the number of disks added, -1 in case of error: see
 * virDomainDiskSetGetLastMessage().
 *
 * Since: 11.3.0
 */
int
virDomainDiskSetMigrateParams(virDomainPtr dom,
                              virTypedParameterPtr *params,
                              int *nparams,
                              int *maxparams,
                              unsigned int flags)
{
    g_autoptr(GPtrArray) targets = NULL;
    virDiskSetScope scope;

    virDiskSetMessageReset();

    if (virDiskSetScopeInitOne(&scope, dom, flags) < 0)
        return -1;

    if (flags & (VIR_DOMAIN_DISK_SET_SNAPSHOT | VIR_DOMAIN_DISK_SET_BACKUP)) {
        virDiskSetMessageSet("%s", _("a migration copies the disks of the migrate set: VIR_DOMAIN_DISK_SET_SNAPSHOT and VIR_DOMAIN_DISK_SET_BACKUP cannot be used"));
        return -1;
    }

    if (virDomainDiskSetCheckParams(params, nparams, maxparams) < 0 ||
        !(targets = virDomainDiskSetGetTargets(&scope)))
        return -1;

    if (targets->len == 0) {
        virDiskSetMessageSet(_("the migrate set of domain '%1$s' is empty, which libvirt would read as all disks: add a disk or migrate without copying storage"),
                             virDomainGetName(dom));
        return -1;
    }

    return virDomainDiskSetFillParams(targets, params, nparams, maxparams);
}


/**
 * virDomainDiskSetSnapshotXML:
 * @dom: a domain object
 * @xmlDesc: snapshot XML, or NULL for an empty <domainsnapshot/>
 * @flags: one of virDomainModificationImpact; VIR_DOMAIN_DISK_SET_SNAPSHOT may
 *         be given, but is meant in any case
 *
 * Restricts a snapshot XML to the disks of the snapshot set, for
 * virDomainSnapshotCreateXML(): each disk outside of the set gets snapshot='no'.
 * A disk that @xmlDesc mentions, by its target or source path, is kept as it is
 * there; a disk of the set that it does not mention is left to libvirt's default.
 * Everything else of @xmlDesc is kept.
 *
 * With an empty set all disks that @xmlDesc does not mention are left out.
 *
 * Returns the snapshot XML, which the caller must free with free(), NULL in case
 * of error: see virDomainDiskSetGetLastMessage().
 *
 * Since: 11.3.0
 */
char *
virDomainDiskSetSnapshotXML(virDomainPtr dom,
                            const char *xmlDesc,
                            unsigned int flags)
{
    g_autoptr(xmlDoc) doc = NULL;
    virDiskSetScope scope;

    virDiskSetMessageReset();

    if (virDiskSetScopeInitOne(&scope, dom, flags | VIR_DOMAIN_DISK_SET_SNAPSHOT) < 0 ||
        !(doc = virDiskSetDefinitionRead(dom, scope.impacts[0])))
        return NULL;

    return virDiskSetSnapshotRestrict(doc, xmlDesc ? xmlDesc : "<domainsnapshot/>");
}


static void *
virDomainDiskSetResume(void *opaque)
{
    virDomainResume(opaque);
    return NULL;
}


/* A domain that is to end stands still from the instant of the snapshot on. */
static int
virDomainDiskSetHalt(virDomainPtr dom,
                     const char *xml)
{
    g_autoptr(virDomainSnapshot) snapshot = NULL;
    GThread *thread;
    int state;

    if (virDomainGetState(dom, &state, NULL, 0) < 0 ||
        virDomainSuspend(dom) < 0) {
        virDiskSetMessageTake();
        return -1;
    }

    if (!(snapshot = virDomainSnapshotCreateXML(dom, xml, VIR_DOMAIN_SNAPSHOT_CREATE_LIVE))) {
        virDiskSetMessageTake();

        /* in another thread, so that libvirt's error of this one stays */
        if (state == VIR_DOMAIN_RUNNING &&
            (thread = g_thread_try_new("disk-set", virDomainDiskSetResume, dom, NULL)))
            g_thread_join(thread);

        return -1;
    }

    if (virDomainDestroy(dom) < 0) {
        virDiskSetMessageTake();
        return -1;
    }

    return 0;
}


/**
 * virDomainDiskSetSave:
 * @dom: a domain object, running or paused
 * @to: file for the memory, which must not exist
 * @xmlDesc: snapshot XML without <memory>
 * @flags: 0 or VIR_DOMAIN_DISK_SET_HALT; VIR_DOMAIN_DISK_SET_SNAPSHOT and
 *         VIR_DOMAIN_AFFECT_LIVE may be given, but are meant in any case
 *
 * Takes a live snapshot: the disks of the snapshot set internally, and the memory into
 * the file @to, both of one instant. The domain goes on meanwhile or, with
 * VIR_DOMAIN_DISK_SET_HALT, is halted and ended once all is written. A disk that
 * @xmlDesc mentions, by its target or source path, is taken as it says there. Without
 * @xmlDesc no disk would be saved, which is virDomainSaveParams()' matter and refused.
 *
 * With the snapshot, which libvirt knows by the name that @xmlDesc has or libvirt
 * chooses, one can go back to that instant, or delete disks' state and @to together.
 *
 * Returns 0, or -1 in case of error: see virDomainDiskSetGetLastMessage(). Nothing is
 * left of the snapshot then, and the domain goes on, unless it is the ending of it that
 * failed: the snapshot is whole then, and the domain paused.
 *
 * Since: 11.3.0
 */
int
virDomainDiskSetSave(virDomainPtr dom,
                     const char *to,
                     const char *xmlDesc,
                     unsigned int flags)
{
    unsigned int scopeFlags = flags & ~VIR_DOMAIN_DISK_SET_HALT;
    g_autoptr(virDomainSnapshot) snapshot = NULL;
    g_autoptr(xmlDoc) doc = NULL;
    g_autofree char *file = NULL;
    g_autofree char *xml = NULL;
    virDiskSetScope scope;

    virDiskSetMessageReset();

    if (virDiskSetScopeInitOne(&scope, dom, (scopeFlags | VIR_DOMAIN_DISK_SET_SNAPSHOT |
                                             VIR_DOMAIN_AFFECT_LIVE)) < 0 ||
        virDomainDiskSetCheckArgument(to, "to") < 0)
        return -1;

    if (!xmlDesc) {
        virDiskSetMessageSet("%s", _("without a snapshot XML no disk is saved: call virDomainSaveParams() to save the memory alone"));
        return -1;
    }

    file = g_canonicalize_filename(to, NULL);

    if (!(doc = virDiskSetDefinitionRead(dom, scope.impacts[0])) ||
        !(xml = virDiskSetSnapshotForSave(doc, xmlDesc, file)))
        return -1;

    if (flags & VIR_DOMAIN_DISK_SET_HALT)
        return virDomainDiskSetHalt(dom, xml);

    if (!(snapshot = virDomainSnapshotCreateXML(dom, xml, VIR_DOMAIN_SNAPSHOT_CREATE_LIVE))) {
        virDiskSetMessageTake();
        return -1;
    }

    return 0;
}


/**
 * virDomainDiskSetGetLastMessage:
 *
 * Tells why the last call of this library in the calling thread failed. When it
 * was libvirt that failed, this is the text of its error, and virGetLastError()
 * has the whole of it. When this library refused by itself, virGetLastError()
 * returns NULL.
 *
 * Returns the message, owned by the library and valid until the thread calls it
 * again or ends, NULL when the last call did not fail.
 *
 * Since: 11.3.0
 */
const char *
virDomainDiskSetGetLastMessage(void)
{
    return virDiskSetMessageGet();
}
