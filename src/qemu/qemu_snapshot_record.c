/*
 * qemu_snapshot_record.c: images that a snapshot job of a domain is changing
 *
 * While QEMU saves or deletes an internal snapshot, the images and libvirt's
 * metadata say different things. The record stands in the status XML meanwhile,
 * for a libvirtd that is started before they agree again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_snapshot_record.h"
#include "viralloc.h"
#include "virevent.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_ENUM_IMPL(qemuSnapshotRecord,
              QEMU_SNAPSHOT_RECORD_LAST,
              "save",
              "delete",
);


static void
qemuSnapshotRecordAddDisk(qemuSnapshotRecord *record,
                          char *target)
{
    virDomainSnapshotDef *snapdef = record->snapdef;

    VIR_EXPAND_N(snapdef->disks, snapdef->ndisks, 1);
    snapdef->disks[snapdef->ndisks - 1].name = target;
    snapdef->disks[snapdef->ndisks - 1].snapshot = VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL;
}


/**
 * qemuSnapshotRecordNew:
 * @type: what is being done
 * @snapdef: snapshot that it is done to
 * @current: name of the snapshot that is current before it; may be NULL
 *
 * Returns a record of the internal disks of @snapdef, to be freed by the caller.
 */
qemuSnapshotRecord *
qemuSnapshotRecordNew(qemuSnapshotRecordType type,
                      const virDomainSnapshotDef *snapdef,
                      const char *current)
{
    qemuSnapshotRecord *record = g_new0(qemuSnapshotRecord, 1);
    size_t i;

    record->type = type;
    record->current = g_strdup(current);
    record->snapdef = virDomainSnapshotDefNew();
    record->snapdef->parent.name = g_strdup(snapdef->parent.name);
    record->snapdef->memorysnapshotfile = g_strdup(snapdef->memorysnapshotfile);

    for (i = 0; i < snapdef->ndisks; i++) {
        if (snapdef->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
            qemuSnapshotRecordAddDisk(record, g_strdup(snapdef->disks[i].name));
    }

    return record;
}


void
qemuSnapshotRecordFree(qemuSnapshotRecord *record)
{
    if (!record)
        return;

    if (record->unprotecting > 0)
        virEventRemoveTimeout(record->unprotecting);

    virObjectUnref(record->snapdef);
    g_free(record->current);
    g_free(record);
}


/**
 * qemuSnapshotRecordFormat:
 * @buf: buffer of the job element of the status XML
 * @record: record to format; may be NULL
 */
void
qemuSnapshotRecordFormat(virBuffer *buf,
                         const qemuSnapshotRecord *record)
{
    g_auto(virBuffer) attrBuf = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);
    size_t i;

    if (!record)
        return;

    virBufferAsprintf(&attrBuf, " type='%s'", qemuSnapshotRecordTypeToString(record->type));
    virBufferEscapeString(&attrBuf, " tag='%s'", record->snapdef->parent.name);
    virBufferEscapeString(&attrBuf, " current='%s'", record->current);
    virBufferEscapeString(&attrBuf, " memory='%s'", record->snapdef->memorysnapshotfile);

    if (record->stopped)
        virBufferAddLit(&attrBuf, " stopped='yes'");

    for (i = 0; i < record->snapdef->ndisks; i++)
        virBufferEscapeString(&childBuf, "<disk target='%s'/>\n", record->snapdef->disks[i].name);

    virXMLFormatElement(buf, "snapshotRecord", &attrBuf, &childBuf);
}


/**
 * qemuSnapshotRecordParse:
 * @ctxt: XPath context of the job element of the status XML
 * @record: filled with the record, owned by the caller, or NULL if there is none
 *
 * Returns 0 on success, -1 with an error reported when the record is malformed.
 */
int
qemuSnapshotRecordParse(xmlXPathContextPtr ctxt,
                        qemuSnapshotRecord **record)
{
    g_autoptr(qemuSnapshotRecord) ret = NULL;
    g_autofree xmlNodePtr *nodes = NULL;
    xmlNodePtr node = virXPathNode("./snapshotRecord", ctxt);
    virTristateBool stopped;
    int nnodes;
    size_t i;

    if (!node)
        return 0;

    if ((nnodes = virXPathNodeSet("./snapshotRecord/disk", ctxt, &nodes)) < 0)
        return -1;

    ret = g_new0(qemuSnapshotRecord, 1);
    ret->snapdef = virDomainSnapshotDefNew();

    if (virXMLPropEnum(node, "type", qemuSnapshotRecordTypeFromString,
                       VIR_XML_PROP_REQUIRED, &ret->type) < 0 ||
        !(ret->snapdef->parent.name = virXMLPropStringRequired(node, "tag")) ||
        virXMLPropTristateBool(node, "stopped", VIR_XML_PROP_NONE, &stopped) < 0)
        return -1;

    ret->stopped = stopped == VIR_TRISTATE_BOOL_YES;
    ret->current = virXMLPropString(node, "current");
    ret->snapdef->memorysnapshotfile = virXMLPropString(node, "memory");

    for (i = 0; i < nnodes; i++) {
        char *target = virXMLPropStringRequired(nodes[i], "target");

        if (!target)
            return -1;

        qemuSnapshotRecordAddDisk(ret, target);
    }

    *record = g_steal_pointer(&ret);
    return 0;
}
