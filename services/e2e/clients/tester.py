"""Runs scim2-tester against a Base URL and prints its findings: a name, a tab, and what it says."""

import os
import re
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

FINE = (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE, Status.SKIPPED)


def main():
    headers = {"Authorization": "Bearer " + os.environ["USHER_KEY"]}
    with Client(base_url=sys.argv[1], headers=headers, timeout=30) as http:
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


main()
