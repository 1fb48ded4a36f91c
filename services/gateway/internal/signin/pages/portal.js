// The secret of the link stands behind the #, which browsers send to no server. Only a click uses the link: scanners of mail open links, too.
"use strict";
(() => {
  const secret = location.hash.slice(1);
  history.replaceState(null, "", location.pathname); // it shall not stay in the history
  const button = document.getElementById("open");
  const result = document.getElementById("result");
  if (!secret) {
    button.disabled = true;
    result.textContent = "The address is not complete. Open the link as you received it.";
    return;
  }
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
      result.textContent = answer.status === 403
        ? "The link does not work any more. Ask for a new one."
        : "This did not work now. Try again.";
      button.disabled = answer.status === 403;
    } catch {
      result.textContent = "This did not work now. Try again.";
      button.disabled = false;
    }
  });
})();
