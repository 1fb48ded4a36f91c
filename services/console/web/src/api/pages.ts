/** The most pages that one walk reads. */
const most = 20;

/** Reads a list from its first page to its last one, to a page that is enough, or to a limit: for lists that are short as a rule. */
export async function walk<P extends { nextPageToken: string }>(
  page: (pageToken: string) => Promise<P>,
  enough: (page: P) => boolean = () => false,
): Promise<{ pages: P[]; more: boolean }> {
  const pages: P[] = [];
  let token = "";
  let next: P;
  do {
    next = await page(token);
    pages.push(next);
    token = next.nextPageToken;
  } while (token && pages.length < most && !enough(next));
  return { pages, more: token !== "" };
}
