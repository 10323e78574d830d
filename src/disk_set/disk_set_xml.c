/*
 * disk_set_xml.c: little helpers around libxml2
 *
 * Strings are handed out as copies that g_free() frees, for libxml2 may have
 * been given an allocator of its own by the program.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#define GETTEXT_PACKAGE PACKAGE
#include <glib/gi18n-lib.h>

#include "disk_set_message.h"
#include "disk_set_xml.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlParserCtxt, xmlFreeParserCtxt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlBuffer, xmlBufferFree);


static void
virDiskSetXMLReportParse(xmlParserCtxtPtr ctxt,
                         const char *rootName)
{
    xmlErrorPtr error = xmlCtxtGetLastError(ctxt);
    g_autofree char *reason = g_strdup(error && error->message ? error->message :
                                       _("unknown reason"));

    virDiskSetMessageSet(_("the XML of <%1$s> is malformed: line %2$d: %3$s"),
                         rootName, error ? error->line : 0, g_strstrip(reason));
}


/**
 * virDiskSetXMLParse:
 * @xml: XML document
 * @rootName: name that its root element must have
 *
 * Returns the parsed document, to be freed by the caller, or NULL with the
 * message set.
 */
xmlDocPtr
virDiskSetXMLParse(const char *xml,
                   const char *rootName)
{
    g_autoptr(xmlParserCtxt) ctxt = xmlNewParserCtxt();
    g_autoptr(xmlDoc) doc = NULL;
    xmlNodePtr root;

    doc = xmlCtxtReadDoc(ctxt, (const xmlChar *) xml, NULL, NULL,
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!doc) {
        virDiskSetXMLReportParse(ctxt, rootName);
        return NULL;
    }

    root = xmlDocGetRootElement(doc);

    if (!xmlStrEqual(root->name, (const xmlChar *) rootName)) {
        virDiskSetMessageSet(_("the root element of the XML is <%1$s>: it must be <%2$s>"),
                             (const char *) root->name, rootName);
        return NULL;
    }

    return g_steal_pointer(&doc);
}


static xmlNodePtr
virDiskSetXMLFrom(xmlNodePtr node,
                  const char *name)
{
    while (node && !xmlStrEqual(node->name, (const xmlChar *) name))
        node = xmlNextElementSibling(node);

    return node;
}


/**
 * virDiskSetXMLChild:
 * @parent: element or NULL
 * @name: name of a child element
 *
 * Returns the first child of that name or NULL.
 */
xmlNodePtr
virDiskSetXMLChild(xmlNodePtr parent,
                   const char *name)
{
    return virDiskSetXMLFrom(xmlFirstElementChild(parent), name);
}


/**
 * virDiskSetXMLNext:
 * @node: element
 *
 * Returns the next sibling of the same name or NULL.
 */
xmlNodePtr
virDiskSetXMLNext(xmlNodePtr node)
{
    return virDiskSetXMLFrom(xmlNextElementSibling(node), (const char *) node->name);
}


static char *
virDiskSetXMLTake(xmlChar *text)
{
    char *copy = g_strdup((const char *) text);

    xmlFree(text);
    return copy;
}


/**
 * virDiskSetXMLAttribute:
 * @node: element or NULL
 * @name: name of an attribute
 *
 * Returns its value, to be freed by the caller, or NULL.
 */
char *
virDiskSetXMLAttribute(xmlNodePtr node,
                       const char *name)
{
    if (!node)
        return NULL;

    return virDiskSetXMLTake(xmlGetNoNsProp(node, (const xmlChar *) name));
}


/**
 * virDiskSetXMLText:
 * @node: element or NULL
 *
 * Returns its text without the white space around it, to be freed by the caller,
 * or NULL.
 */
char *
virDiskSetXMLText(xmlNodePtr node)
{
    char *text = virDiskSetXMLTake(xmlNodeGetContent(node));

    return text ? g_strstrip(text) : NULL;
}


/**
 * virDiskSetXMLFormat:
 * @node: element
 *
 * Returns the element as XML, to be freed by the caller.
 */
char *
virDiskSetXMLFormat(xmlNodePtr node)
{
    g_autoptr(xmlBuffer) buffer = xmlBufferCreate();

    xmlNodeDump(buffer, node->doc, node, 0, 0);

    return g_strdup((const char *) xmlBufferContent(buffer));
}
