"""Runs scim2-tester against a Base URL, and its client by itself for what it leaves out. Prints findings: a name, a tab, and
what it says.
"""

import os
import re
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import BulkOperation, BulkRequest, EnterpriseUser, Group, GroupMember, Manager, PatchOp, PatchOperation
from scim2_models import ResourceType, ScimProvider, SearchRequest, User
from scim2_tester import Status, check_server

FINE = (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE, Status.SKIPPED)


def main():
    headers = {"Authorization": "Bearer " + os.environ["USHER_KEY"]}
    with Client(base_url=sys.argv[1], headers=headers, timeout=30) as http:
        test(http)
        try:
            walk(http)
        except Exception as e:  # the client raises for each answer that is not SCIM
            print("the walk ends", f"{type(e).__name__}: {' '.join(str(e).split())}", sep="\t")


def test(http):
    results = check_server(SyncSCIMClient(http))
    for result in results:
        if result.status in FINE:
            continue
        reason = " ".join(str(result.reason).split())
        attribute = re.search(r"[Aa]ttribute '([^']+)'", reason)
        name = [result.title, result.resource_type, attribute and attribute[1]]
        print(" ".join(part for part in name if part), f"{result.status.name}: {reason}", sep="\t")
    if len(results) < 100:
        print("scim2-tester", f"it made only {len(results)} checks", sep="\t")
    print(f"scim2-tester: {len(results)} checks", file=sys.stderr)


def walk(http):
    """Bulk, searches of all, and cursors. The client checks each message, its own too."""
    checks = 0

    def expect(what, holds, answer):
        nonlocal checks
        checks += 1
        if not holds:
            print(what, " ".join(str(answer).split()), sep="\t")

    types = [ResourceType.from_resource(User[EnterpriseUser]), ResourceType.from_resource(Group)]
    client = SyncSCIMClient(http, provider=ScimProvider(models=[User, EnterpriseUser, Group], resource_types=types))
    client.discover(schemas=False, resource_types=False)

    def bulk(*operations, fail_on_errors=None):
        request = BulkRequest[User[EnterpriseUser] | Group](fail_on_errors=fail_on_errors, operations=list(operations))
        answer = client.bulk(request)
        return answer, [operation.status for operation in answer.operations]

    def post(name, manager=None):
        user = User[EnterpriseUser](user_name=name)
        if manager:
            user[EnterpriseUser] = EnterpriseUser(manager=Manager(value="bulkId:" + manager))
        return BulkOperation[User[EnterpriseUser]](method="POST", path="/Users", bulk_id=name, data=user)

    members = [GroupMember(type="User", value="bulkId:" + name) for name in ("ann", "bob")]
    crew = BulkOperation[Group](method="POST", path="/Groups", bulk_id="crew", data=Group(display_name="Crew", members=members))
    answer, statuses = bulk(crew, post("ann", "bob"), post("bob", "ann"), post("cy"), post("ANN"))
    expect("a bulk request tells of each operation", statuses == [201, 201, 201, 201, 409], answer)
    expect("an operation that failed tells why", answer.operations[4].response.scim_type == "uniqueness", answer)
    crew, ann, bob, cy = [operation.location.rsplit("/", 1)[1] for operation in answer.operations[:4]]
    group = client.query(Group, crew)
    expect("references to what is created later", {member.value for member in group.members} == {ann, bob}, group)
    user = client.query(User[EnterpriseUser], ann)
    expect("references that go in a circle", user[EnterpriseUser].manager.value == bob, user)

    everything = {crew, ann, bob, cy}
    found = client.search(SearchRequest(attributes=["id"]))
    expect("a search of all has users and groups", {one.id for one in found.resources} == everything, found)
    found = client.search(SearchRequest(filter='userName eq "cy" or displayName eq "Crew"'))
    expect("a filter of either type", {one.id for one in found.resources} == {crew, cy}, found)
    for what, read, filter, wanted in (
        ("of all", client.search, None, everything),
        ("of users", lambda page: client.query(User[EnterpriseUser], query_parameters=page), None, {ann, bob, cy}),
        ("of a filter", lambda page: client.query(User[EnterpriseUser], query_parameters=page), 'userName sw "B"', {bob}),
    ):
        met, cursor = [], ""
        while cursor is not None and len(met) < 10:
            page = read(SearchRequest(cursor=cursor, count=2, filter=filter))
            met, cursor = met + [one.id for one in page.resources], page.next_cursor
        expect("pages by cursor " + what, sorted(met) == sorted(wanted), met)

    def on(method, path, **more):
        return BulkOperation[User[EnterpriseUser]](method=method, path=path, **more)

    boss = PatchOp[User[EnterpriseUser]](operations=[PatchOperation[User[EnterpriseUser]](op="add", path="title", value="Boss")])
    answer, statuses = bulk(
        on("PATCH", "/Users/" + ann, data=boss),
        on("PUT", "/Users/" + bob, data=User[EnterpriseUser](user_name="bob", active=False)),
        on("DELETE", "/Users/" + cy, version='W/"99"'),
        on("DELETE", "/Users/" + cy),
        fail_on_errors=1,
    )
    expect("failOnErrors ends a bulk request", statuses == [200, 200, 412], answer)
    user = client.query(User[EnterpriseUser], ann)
    expect("a change in bulk", user.title == "Boss" and user.meta.version == answer.operations[0].version, user)
    user = client.query(User[EnterpriseUser], bob)
    expect("a replacement in bulk", user.active is False and user[EnterpriseUser] is None, user)
    left = ["/Groups/" + crew] + ["/Users/" + user for user in (ann, bob, cy)]
    answer, statuses = bulk(*[on("DELETE", path) for path in left])
    expect("deleting in bulk", statuses == [204] * 4, answer)
    print(f"scim2-client: {checks} checks", file=sys.stderr)


main()
