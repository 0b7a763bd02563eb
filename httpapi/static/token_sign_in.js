// Tells when the person's token has signed, and puts the cursor where its number goes.
// Without it the button does the same.
"use strict";
(() => {
  const told = document.getElementById("token-state");
  const number = document.getElementById("number");
  if (!told || !number) return;
  let last = "";
  const look = async () => {
    let state = last;
    try {
      const answer = await fetch("/sign-in/token/state", { cache: "no-store", credentials: "same-origin" });
      if (answer.ok) state = (await answer.json()).state;
    } catch { /* the network comes back, or the person presses the button */ }
    if (state !== last) {
      last = state;
      told.textContent = told.dataset[state] || "";
      if (state === "signed") number.focus();
    }
    if (state !== "ended") setTimeout(look, 2000);
  };
  look();
})();
