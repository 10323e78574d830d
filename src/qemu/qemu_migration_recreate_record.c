/*
 * qemu_migration_recreate_record.c: disks that a migration has taken out of a domain
 *
 * While a domain migrates without the disks that are made anew, neither its definition
 * nor QEMU knows them. The record has them meanwhile, in the status XML, too, for a
 * libvirtd that is started before the migration has ended.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_migration_recreate_record.h"
#include "viralloc.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU


static void
qemuMigrationRecreateRecordDiskClear(qemuMigrationRecreateRecordDisk *disk)
{
    g_free(disk->target);
    g_free(disk->xml);
}


void
qemuMigrationRecreateRecordFree(qemuMigrationRecreateRecord *record)
{
    size_t i;

    if (!record)
        return;

    for (i = 0; i < record->ndisks; i++)
        qemuMigrationRecreateRecordDiskClear(record->disks + i);

    g_free(record->disks);
    g_free(record);
}


/**
 * qemuMigrationRecreateRecordAdd:
 * @record: record of the domain, made if there is none
 * @incoming: whether the domain arrives
 * @target: target of the disk; one that is in the record already stays as it is
 * @xml: <disk> element, moved into the record
 */
void
qemuMigrationRecreateRecordAdd(qemuMigrationRecreateRecord **record,
                               bool incoming,
                               const char *target,
                               char **xml)
{
    qemuMigrationRecreateRecordDisk disk = { 0 };
    size_t i;

    if (!*record)
        *record = g_new0(qemuMigrationRecreateRecord, 1);

    (*record)->incoming = incoming;

    for (i = 0; i < (*record)->ndisks; i++) {
        if (STREQ((*record)->disks[i].target, target))
            return;
    }

    disk.target = g_strdup(target);
    disk.xml = g_steal_pointer(xml);
    VIR_APPEND_ELEMENT((*record)->disks, (*record)->ndisks, disk);
}


/**
 * qemuMigrationRecreateRecordRemove:
 * @record: record of the domain; freed and NULL when its last disk is gone
 * @target: target of a disk, which need not be in the record
 */
void
qemuMigrationRecreateRecordRemove(qemuMigrationRecreateRecord **record,
                                  const char *target)
{
    size_t i;

    if (!*record)
        return;

    for (i = 0; i < (*record)->ndisks; i++) {
        if (STRNEQ((*record)->disks[i].target, target))
            continue;

        qemuMigrationRecreateRecordDiskClear((*record)->disks + i);
        VIR_DELETE_ELEMENT((*record)->disks, i, (*record)->ndisks);
        break;
    }

    if ((*record)->ndisks == 0)
        g_clear_pointer(record, qemuMigrationRecreateRecordFree);
}


/**
 * qemuMigrationRecreateRecordFormat:
 * @buf: buffer of the status XML
 * @record: record to format; may be NULL
 */
void
qemuMigrationRecreateRecordFormat(virBuffer *buf,
                                  const qemuMigrationRecreateRecord *record)
{
    g_auto(virBuffer) attrBuf = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);
    size_t i;

    if (!record)
        return;

    virBufferAsprintf(&attrBuf, " incoming='%s'", record->incoming ? "yes" : "no");

    for (i = 0; i < record->ndisks; i++) {
        virBufferAddStr(&childBuf, record->disks[i].xml);
        virBufferAddLit(&childBuf, "\n");
    }

    virXMLFormatElement(buf, "migrationRecreate", &attrBuf, &childBuf);
}


/**
 * qemuMigrationRecreateRecordParse:
 * @ctxt: XPath context of the status XML
 * @record: filled with the record, owned by the caller, or NULL if there is none
 *
 * Returns 0 on success, -1 with an error reported when the record is malformed.
 */
int
qemuMigrationRecreateRecordParse(xmlXPathContextPtr ctxt,
                                 qemuMigrationRecreateRecord **record)
{
    g_autoptr(qemuMigrationRecreateRecord) ret = NULL;
    g_autofree xmlNodePtr *nodes = NULL;
    xmlNodePtr node = virXPathNode("./migrationRecreate", ctxt);
    virTristateBool incoming;
    int nnodes;
    size_t i;

    if (!node)
        return 0;

    if (virXMLPropTristateBool(node, "incoming", VIR_XML_PROP_REQUIRED, &incoming) < 0 ||
        (nnodes = virXPathNodeSet("./migrationRecreate/disk", ctxt, &nodes)) < 0)
        return -1;

    for (i = 0; i < nnodes; i++) {
        VIR_XPATH_NODE_AUTORESTORE(ctxt)
        g_autofree char *target = NULL;
        g_autofree char *xml = NULL;

        ctxt->node = nodes[i];

        if (!(target = virXPathString("string(./target/@dev)", ctxt))) {
            virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                           _("a disk that is to be made anew has no target in the status XML"));
            return -1;
        }

        if (!(xml = virXMLNodeToString(nodes[i]->doc, nodes[i])))
            return -1;

        qemuMigrationRecreateRecordAdd(&ret, incoming == VIR_TRISTATE_BOOL_YES, target, &xml);
    }

    *record = g_steal_pointer(&ret);
    return 0;
}
