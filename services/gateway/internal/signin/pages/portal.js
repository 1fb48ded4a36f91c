// The secret of the link stands behind the #, which browsers send to no server. Only a click uses the link: scanners of mail open links, too.
"use strict";
(() => {
  const button = document.getElementById("open");
  const result = document.getElementById("result");
  const next = document.getElementById("continue");
  let secret = "";

  // say shows what there is to say, and offers the session that this browser may have.
  const say = async (sentence, withoutSession) => {
    let session;
    try {
      const answer = await fetch("/session", { signal: AbortSignal.timeout(10_000) });
      session = answer.ok ? await answer.json() : undefined;
    } catch {
      // Nobody knows whether there is a session, so the page offers none.
    }
    const opened = session?.portalLinkId ? "You have opened a link already in this browser." : "You are signed in already in this browser.";
    result.textContent = `${sentence} ${session ? opened : withoutSession()}`.trim();
    next.hidden = !session;
  };

  // begin reads the address. A link that somebody enters into the open page changes only what stands behind the #, and loads nothing.
  const begin = async () => {
    secret = location.hash.slice(1) || secret;
    history.replaceState(null, "", location.pathname); // it shall not stay in the history
    button.disabled = true;
    await say("", () => secret ? "" : "The address is not complete, or the page was loaded again. Open the link in the message again.");
    button.disabled = !secret;
  };

  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const answer = await fetch("/portal", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ secret }),
      });
      if (answer.ok) {
        location.assign("/");
        return;
      }
      if (answer.status === 403) {
        await say("The link does not work any more.", () => "Ask for a new one.");
        return;
      }
    } catch {
      // It did not work now, as with an answer that says nothing about the link.
    }
    result.textContent = "This did not work now. Try again.";
    button.disabled = false;
  });
  addEventListener("hashchange", begin);
  begin();
})();
