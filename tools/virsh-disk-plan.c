/*
 * virsh-disk-plan.c: which disks of a domain an operation would take
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "virsh-disk-plan.h"

#include "conf/domain_conf.h"
#include "virxml.h"


void
virshDiskPlanListFree(virshDiskPlanList *list)
{
    size_t i;

    if (!list)
        return;

    for (i = 0; i < list->ndisks; i++) {
        g_free(list->disks[i].target);
        g_free(list->disks[i].source);
        g_free(list->disks[i].format);
    }

    g_free(list->disks);
    g_free(list);
}


static char *
virshDiskPlanGetSource(xmlXPathContextPtr ctxt)
{
    g_autofree char *source = virXPathString("string(./source/@file"
                                             "|./source/@dev"
                                             "|./source/@dir"
                                             "|./source/@name"
                                             "|./source/@volume"
                                             "|./source/@path)", ctxt);

    if (!source && virXPathNode("./source/address", ctxt))
        source = virXPathString("string(./@type)", ctxt);

    return g_steal_pointer(&source);
}


static virDomainDiskDevice
virshDiskPlanGetDevice(xmlXPathContextPtr ctxt)
{
    g_autofree char *device = virXPathString("string(./@device)", ctxt);

    if (STREQ_NULLABLE(device, "cdrom"))
        return VIR_DOMAIN_DISK_DEVICE_CDROM;

    if (STREQ_NULLABLE(device, "floppy"))
        return VIR_DOMAIN_DISK_DEVICE_FLOPPY;

    return VIR_DOMAIN_DISK_DEVICE_DISK;
}


static virDomainSnapshotLocation
virshDiskPlanGetAttribute(xmlXPathContextPtr ctxt,
                          const virDomainDiskDef *disk)
{
    g_autofree char *attribute = virXPathString("string(./@snapshot)", ctxt);
    int location;

    if (attribute &&
        (location = virDomainSnapshotLocationTypeFromString(attribute)) > 0)
        return location;

    /* libvirt sets it for read-only disks but doesn't show it */
    if (disk->src->readonly)
        return VIR_DOMAIN_SNAPSHOT_LOCATION_NO;

    return VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT;
}


static int
virshDiskPlanParseHosts(xmlXPathContextPtr ctxt,
                        virStorageSource *src)
{
    g_autofree xmlNodePtr *nodes = NULL;
    int nnodes;
    size_t i;

    if ((nnodes = virXPathNodeSet("./source/host", ctxt, &nodes)) < 0)
        return -1;

    src->hosts = g_new0(virStorageNetHostDef, nnodes);

    for (i = 0; i < nnodes; i++) {
        if (virDomainStorageNetworkParseHost(nodes[i], &src->hosts[src->nhosts++], false) < 0)
            return -1;
    }

    return 0;
}


/**
 * virshDiskPlanParseDisk:
 * @ctxt: XPath context of the domain XML
 * @node: <disk> element
 * @source: filled with where its data are, owned by the caller, or NULL; may be
 *          NULL itself
 *
 * Reads as much of the disk as its flags have to do with.
 *
 * Returns the disk, owned by the caller, or NULL with a libvirt error reported.
 */
virDomainDiskDef *
virshDiskPlanParseDisk(xmlXPathContextPtr ctxt,
                       xmlNodePtr node,
                       char **source)
{
    VIR_XPATH_NODE_AUTORESTORE(ctxt)
    g_autoptr(virDomainDiskDef) disk = virDomainDiskDefNew(NULL);
    g_autofree char *type = NULL;

    ctxt->node = node;

    disk->dst = virXPathString("string(./target/@dev)", ctxt);
    disk->device = virshDiskPlanGetDevice(ctxt);
    disk->src->readonly = disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM ||
                          virXPathNode("./readonly", ctxt);
    disk->src->shared = !!virXPathNode("./shareable", ctxt);
    disk->snapshot = virshDiskPlanGetAttribute(ctxt, disk);

    if ((type = virXPathString("string(./@type)", ctxt)))
        disk->src->type = virStorageTypeFromString(type);

    if (virDomainDiskFlagsParseXML(disk, ctxt) < 0 ||
        virshDiskPlanParseHosts(ctxt, disk->src) < 0)
        return NULL;

    if (source)
        *source = virshDiskPlanGetSource(ctxt);

    return g_steal_pointer(&disk);
}


static void
virshDiskPlanSetMigrate(virshDiskPlan *plan,
                        const virDomainDiskDef *disk)
{
    virDomainDiskMigrateFacts facts = {
        .flag = disk->flags.migrate,
        .empty = !plan->source,
        .readonly = disk->src->readonly,
        .shareable = disk->src->shared,
    };

    plan->migrate = virDomainDiskSelectMigrate(&facts, &plan->migrateReason);

    plan->migrateOntoItself = plan->migrate &&
                              plan->migrateReason == VIR_DOMAIN_DISK_SELECTION_FLAG &&
                              virDomainDiskIsOnNetwork(disk->src);

    /* libvirt takes block devices and network disks for shared, and looks at the
     * file system of all others */
    plan->migrateUnsure = !plan->migrate &&
                          !disk->flags.recreate &&
                          !facts.empty &&
                          !facts.readonly &&
                          disk->src->type != VIR_STORAGE_TYPE_BLOCK &&
                          disk->src->type != VIR_STORAGE_TYPE_NETWORK;
}


static void
virshDiskPlanSetSnapshot(virshDiskPlan *plan,
                         const virDomainDiskDef *disk)
{
    virDomainDiskSnapshotFacts facts = {
        .flag = disk->flags.snapshot,
        .attribute = disk->snapshot,
        .fallback = VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL,
        .uniform = true,
        .empty = !plan->source,
        .readonly = disk->src->readonly,
    };

    plan->snapshot = virDomainDiskSelectSnapshot(&facts, &plan->snapshotReason);

    if (plan->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL &&
        STRNEQ_NULLABLE(plan->format, "qcow2"))
        plan->snapshotRefusal = plan->format;
}


static void
virshDiskPlanSetBackup(virshDiskPlan *plan,
                       const virDomainDiskDef *disk)
{
    virDomainDiskBackupFacts facts = {
        .flag = disk->flags.backup,
        .empty = !plan->source,
        .readonly = disk->src->readonly,
    };

    plan->backup = virDomainDiskSelectBackup(&facts, &plan->backupReason);
}


/* Internal and external can't be mixed, and the memory of a running domain is
 * saved internally unless the snapshot XML says otherwise. */
static void
virshDiskPlanListCheckMixing(virshDiskPlanList *list,
                             bool active)
{
    bool internal = active;
    size_t i;

    for (i = 0; i < list->ndisks; i++) {
        if (list->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
            internal = true;
    }

    for (i = 0; i < list->ndisks; i++) {
        if (internal &&
            (list->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL ||
             list->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_MANUAL))
            list->disks[i].snapshotRefusal = virDomainSnapshotLocationTypeToString(list->disks[i].snapshot);
    }
}


/**
 * virshDiskPlanListNew:
 * @ctxt: XPath context of the domain XML
 * @active: whether the XML is that of a running domain
 *
 * Tells for each disk, in the order of the XML, whether a migration that copies
 * storage would copy it and whether a snapshot and a backup would take it, if none is
 * told anything about disks.
 *
 * Returns the plan, owned by the caller, or NULL with a libvirt error reported.
 */
virshDiskPlanList *
virshDiskPlanListNew(xmlXPathContextPtr ctxt,
                     bool active)
{
    g_autoptr(virshDiskPlanList) list = g_new0(virshDiskPlanList, 1);
    g_autofree xmlNodePtr *nodes = NULL;
    int nnodes;
    size_t i;

    if ((nnodes = virXPathNodeSet("./devices/disk", ctxt, &nodes)) < 0)
        return NULL;

    list->disks = g_new0(virshDiskPlan, nnodes);

    for (i = 0; i < nnodes; i++) {
        VIR_XPATH_NODE_AUTORESTORE(ctxt)
        virshDiskPlan *plan = &list->disks[list->ndisks++];
        g_autoptr(virDomainDiskDef) disk = NULL;

        if (!(disk = virshDiskPlanParseDisk(ctxt, nodes[i], &plan->source)))
            return NULL;

        ctxt->node = nodes[i];

        if (!(plan->format = virXPathString("string(./driver/@type)", ctxt)))
            plan->format = g_strdup("raw");

        plan->target = g_strdup(disk->dst);
        plan->flags = disk->flags;
        virshDiskPlanSetMigrate(plan, disk);
        virshDiskPlanSetSnapshot(plan, disk);
        virshDiskPlanSetBackup(plan, disk);
    }

    virshDiskPlanListCheckMixing(list, active);

    return g_steal_pointer(&list);
}
