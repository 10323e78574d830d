/*
 * disk_set_snapshot.c: snapshot XML for the disks of a set
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "disk_set_definition.h"
#include "disk_set_snapshot.h"


static bool
virDiskSetSnapshotMentions(xmlNodePtr root,
                           xmlNodePtr disk)
{
    xmlNodePtr disks;
    xmlNodePtr node;

    for (disks = virDiskSetXMLChild(root, "disks"); disks; disks = virDiskSetXMLNext(disks)) {
        for (node = virDiskSetXMLChild(disks, "disk"); node; node = virDiskSetXMLNext(node)) {
            g_autofree char *name = virDiskSetXMLAttribute(node, "name");

            if (name && virDiskSetDiskIsNamed(disk, name))
                return true;
        }
    }

    return false;
}


static void
virDiskSetSnapshotLeaveOut(xmlNodePtr disks,
                           xmlNodePtr disk)
{
    g_autofree char *target = virDiskSetDiskTarget(disk);
    xmlNodePtr node = xmlNewChild(disks, NULL, (const xmlChar *) "disk", NULL);

    xmlNewProp(node, (const xmlChar *) "name", (const xmlChar *) target);
    xmlNewProp(node, (const xmlChar *) "snapshot", (const xmlChar *) "no");
}


/**
 * virDiskSetSnapshotRestrict:
 * @definition: definition of the domain
 * @xml: the caller's snapshot XML
 *
 * Returns the snapshot XML with each disk outside of the set left out that it
 * does not mention, to be freed by the caller, or NULL with the message set.
 */
char *
virDiskSetSnapshotRestrict(xmlDocPtr definition,
                           const char *xml)
{
    g_autoptr(xmlDoc) doc = virDiskSetXMLParse(xml, "domainsnapshot");
    xmlNodePtr root;
    xmlNodePtr disks;
    xmlNodePtr disk;

    if (!doc)
        return NULL;

    root = xmlDocGetRootElement(doc);

    if (!(disks = virDiskSetXMLChild(root, "disks")))
        disks = xmlNewChild(root, NULL, (const xmlChar *) "disks", NULL);

    for (disk = virDiskSetDefinitionFirstDisk(definition); disk; disk = virDiskSetXMLNext(disk)) {
        if (virDiskSetDiskGetFlag(disk, "snapshot") != VIR_DISK_SET_FLAG_TRUE &&
            !virDiskSetSnapshotMentions(root, disk))
            virDiskSetSnapshotLeaveOut(disks, disk);
    }

    return virDiskSetXMLFormat(root);
}
