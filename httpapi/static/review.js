// Keys for the list of a review. Everything they do can be done without them.
"use strict";
(() => {
  const rows = [...document.querySelectorAll("#points tbody tr")];
  if (rows.length === 0) return;
  const keys = document.querySelector(".keys");
  if (keys && matchMedia("(hover: hover)").matches) keys.hidden = false;
  let at = -1;
  const go = (to) => {
    if (to < 0 || to >= rows.length) return;
    if (at >= 0) rows[at].removeAttribute("aria-current");
    at = to;
    rows[at].setAttribute("aria-current", "true");
    const target = rows[at].querySelector("input[type=checkbox]") || rows[at].querySelector("a");
    target.focus({ preventScroll: true });
    rows[at].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest && event.target.closest("#points tbody tr");
    if (row && rows.indexOf(row) !== at) {
      if (at >= 0) rows[at].removeAttribute("aria-current");
      at = rows.indexOf(row);
      row.setAttribute("aria-current", "true");
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const typing = event.target.closest && event.target.closest("textarea, select, input:not([type=checkbox])");
    if (typing) return;
    const box = at >= 0 ? rows[at].querySelector("input[type=checkbox]") : null;
    switch (event.key) {
      case "j": go(at + 1); break;
      case "k": go(at - 1); break;
      case "x": if (box) { box.checked = !box.checked; } break;
      case "o": if (at >= 0) { rows[at].querySelector("a").click(); } break;
      case "s": document.getElementById("seen").requestSubmit(); break;
      case "f": { const note = document.getElementById("note"); if (note) { note.focus(); } break; }
      default: return;
    }
    event.preventDefault();
  });
})();
