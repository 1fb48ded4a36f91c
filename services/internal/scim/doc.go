// Package scim contains the semantics of SCIM 2.0 (RFC 7643, RFC 7644) that need no I/O: schemas, resources in canonical form, PATCH,
// filters, and the rendering of responses. It is a shared package because identity stores the documents that it makes, and the gateway
// parses requests and serves discovery with the same rules. It imports only the standard library.
//
// # Canonical documents
//
// A [Document] is a valid resource, with attribute names as the schema spells them, in the schema's order, `schemas` computed from the
// attributes that are present, and no unassigned values (RFC 7643 §2.5). Equal documents have equal bytes, so a comparison of bytes
// tells whether something changed. A document does not contain what the client cannot set or what is stored elsewhere: id, meta, a
// user's groups, a group's members. A password is accepted and not stored.
//
// # Main types
//
// [UserType] and [GroupType] are the resource types, and Extend adds extensions to them. New, Replace and Patch make a document from a
// message; [ParsePatch], [ParseFilter], [ResourceType.ParseSort] and [ParseProjection] parse the other inputs of clients.
// [Filter.Condition] returns a condition that an index of a store can answer, and Match decides about the resources that it finds.
// [ResourceType.RenderUser] and [ResourceType.RenderGroup] write the response. Nothing in this package depends on HTTP or on a
// database. Everything is safe for concurrent use.
//
// # Tolerant and strict
//
// [Tolerant] understands what identity providers really send. Each such departure from the RFCs is a quirk with a name (the Quirk
// constants), and [Result.Quirks] reports it; [Result.Ignored] reports each value that was not stored. [Strict] refuses both, except
// for read-only values in POST and PUT bodies, which RFC 7644 §3.3 and §3.5.1 say to ignore. It also refuses something that the RFCs
// allow and the SCIM 2.0 Interoperability Profile (draft-zollner-scim-interop-profile-01) says to reject: operations without a path.
//
// # Choices where the RFCs leave room, and departures from them
//
//   - RFC 7643 §4.1.2, §4.2, §4.3: members.value, groups.value and manager.value are
//     caseExact here. They are ids, and ids compare exactly.
//   - RFC 7643 §4.2: members.display is readOnly: it is derived from the member, so a
//     value from a client is reported as ignored.
//   - RFC 7644 §3.5.2.2: a remove with a value filter that matches nothing succeeds and
//     changes nothing. The resource already has the state that the client asked for.
//   - RFC 7644 §3.5.2.2: a remove with a value removes only the given values, which are
//     identified by "value" and "type"; strict mode refuses it. Ignoring the value would
//     remove all values of the attribute.
//   - RFC 7644 §3.5.2.3: a replace with a value filter that matches nothing creates
//     the value in tolerant mode, if the filter is a conjunction of equalities
//     and none of them is on the "value" sub-attribute: a request that names a missing
//     value must not grant it. Otherwise, and in strict mode, it is noTarget.
//   - RFC 7644 §3.4.2.2: the strings "True" and "False" in a filter are read as booleans,
//     in strict mode too: a filter has no mode.
//   - RFC 7644 §3.4.2.2: a filter may compare a sub-attribute of a value path, as in
//     emails[type eq "work"].value eq "x", which Microsoft's tutorial for Entra ID sends
//     and figure 1 lacks. It matches if it matches a value that the brackets select.
//   - RFC 7644 §3.5.2: in tolerant mode a path-less value may contain read-only and unknown
//     attributes, which are ignored; a path that names one is an error in both modes.
//   - RFC 7644 §3.5.2: in tolerant mode the value of an operation without a path may be a
//     string that contains the object as JSON, as SCIM for Keycloak sends it, and so may a value
//     of any attribute whose values are objects, except roles, which keep the text. An
//     attribute with a "value" also keeps the text if all keys of the object are unknown.
//   - RFC 7644 §3.5.2.1: an add of null adds nothing.
//   - RFC 7644 §3.4.2.2: a comparison on a multi-valued attribute is true if it is true
//     for some value; "ne" is also true if there is no value at all.
//   - RFC 7644 §3.5.1: an inactive user stays inactive until a message says that it is active;
//     after a message without "active", its document says false.
//   - RFC 7643 §2.3.7: a changed value removes a $ref beside it that was not sent with it,
//     and the reverse: both name the same resource, and an old one would name another.
//
// The text of an error never contains personal values: it appears in logs and failed events.
package scim
