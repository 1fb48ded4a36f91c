// Package scim holds the semantics of SCIM 2.0 (RFC 7643, RFC 7644) that need no
// I/O: schemas, resources in canonical form, PATCH, filters, and the rendering of
// what a client gets back. It lives in a shared room because identity stores the
// documents that it makes while the gateway parses requests and serves discovery
// with the same rules. It imports the standard library only.
//
// # Canonical documents
//
// A [Document] is a resource that has passed validation, with attribute names
// as the schema spells them, in the schema's order, `schemas` computed from what
// is present, and nothing unassigned (RFC 7643 §2.5). Equal documents have equal
// bytes, so "did this change anything?" is a comparison of bytes. What is not the
// client's, or lives elsewhere, is not in it: id, meta, a user's groups, a
// group's members. A password is accepted and forgotten.
//
// # What it is made of
//
// [UserType] and [GroupType] are the resource types, and Extend adds extensions to them. New, Replace and Patch make a
// document of a message; [ParsePatch], [ParseFilter], [ResourceType.ParseSort] and [ParseProjection] read the other things that clients send.
// [Filter.Condition] tells a store what to look up by an index, and Match decides on what it finds. [ResourceType.RenderUser] and [ResourceType.RenderGroup]
// write what a client gets. Nothing here knows of HTTP or of a database, and everything is safe for concurrent use.
//
// # Tolerant and strict
//
// [Tolerant] understands what identity providers really send. Each such reading has
// a name (the Quirk constants) and is reported in [Result.Quirks]; each value that
// was not kept is reported in [Result.Ignored]. [Strict] refuses both, except for
// read-only values in POST and PUT bodies, which RFC 7644 §3.3 and §3.5.1 say to
// ignore. It also refuses what the RFCs allow and the SCIM 2.0 Interoperability Profile
// (draft-zollner-scim-interop-profile-01) says to reject: operations without a path.
//
// # Choices where the RFCs leave room, or that depart from them
//
//   - RFC 7643 §4.1.2, §4.2, §4.3: members.value, groups.value and manager.value are
//     caseExact here. They are ids, and ids compare exactly.
//   - RFC 7643 §4.2: members.display is readOnly: it is derived from the member, so a
//     sent one is reported as ignored.
//   - RFC 7644 §3.5.2.2: a remove whose value filter matches nothing succeeds and
//     changes nothing. The state that the client asked for is the state there is.
//   - RFC 7644 §3.5.2.2: a remove with a value removes only the values given, which are
//     found by "value" and "type"; strict mode refuses it. Ignoring the value would
//     remove all of them.
//   - RFC 7644 §3.5.2.3: a replace with a value filter that matches nothing creates
//     the value in tolerant mode, when the filter is a conjunction of equalities
//     none of which is on the "value" sub-attribute: naming a value that is not
//     there must not grant it. Otherwise, and in strict mode, it is noTarget.
//   - RFC 7644 §3.4.2.2: the strings "True" and "False" in a filter are taken for booleans,
//     in strict mode too: a filter has no mode.
//   - RFC 7644 §3.4.2.2: a filter may compare a sub-attribute of a value path, as in
//     emails[type eq "work"].value eq "x", which Microsoft's tutorial for Entra ID sends
//     and figure 1 lacks. It holds when it holds for a value that the brackets match.
//   - RFC 7644 §3.5.2: in tolerant mode a path-less value may hold read-only and unknown
//     attributes, which are ignored; a path that names one is an error in both modes.
//   - RFC 7644 §3.5.2: in tolerant mode the value of an operation without a path may be a
//     string that holds the object as JSON, as SCIM for Keycloak sends it, and so may a value
//     for any attribute whose values are objects, but for roles, which keep the text. So does
//     any attribute with a "value" where the object's keys are all unknown.
//   - RFC 7644 §3.5.2.1: an add of null adds nothing.
//   - RFC 7644 §3.4.2.2: a comparison on a multi-valued attribute holds when it holds
//     for some value; "ne" also holds when there is no value at all.
//   - RFC 7644 §3.5.1: an inactive user stays so until a message says that it is active; what
//     leaves it without "active" makes its document say false.
//   - RFC 7643 §2.3.7: a changed value drops a $ref beside it that was not sent along,
//     and the reverse: they name one thing, and a stale one would name another.
//
// Personal values never stand in an error's text: it ends in logs and failed events.
package scim
