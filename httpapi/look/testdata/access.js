// What can be found of a page by a program, of what WCAG 2.2 (AA) asks for. The last value is a list of
// sentences, empty when nothing was found.
(() => {
  const found = [];
  const say = (what, e) => found.push(what + (e ? ": " + (e.outerHTML || e.textContent).replace(/\s+/g, " ").slice(0, 110) : ""));
  document.querySelectorAll("details").forEach(d => d.open = true);
  const shown = e => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 0 && e.type !== "hidden";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Names and references.
  const ids = new Map();
  all("[id]").forEach(e => ids.set(e.id, (ids.get(e.id) || 0) + 1));
  ids.forEach((n, id) => n > 1 && say(`id ${id} stands ${n} times`));
  for (const attribute of ["for", "aria-describedby", "aria-labelledby", "aria-controls"])
    all(`[${attribute}]`).forEach(e => e.getAttribute(attribute).split(/\s+/).forEach(id => ids.has(id) || say(`${attribute} names no element`, e)));
  const nameOf = e => (e.getAttribute("aria-label") || (e.getAttribute("aria-labelledby") || "").split(/\s+/).map(id => document.getElementById(id)?.textContent || "").join(" ")
    || [...(e.labels || [])].map(l => l.textContent).join(" ") || (/^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName) ? "" : e.textContent) || e.getAttribute("alt") || "").trim();
  all("input, select, textarea, button, a[href], summary, nav").filter(shown).forEach(e => nameOf(e) || say("no name", e));
  all("img").forEach(e => e.hasAttribute("alt") || say("no alt", e));
  all("svg").forEach(e => e.closest("[aria-hidden=true]") || e.parentElement.closest("svg") || (e.getAttribute("role") === "img" && (nameOf(e) || e.querySelector("title"))) || say("a drawing without a name", e));
  all("input[type=radio]").forEach(e => e.closest("fieldset")?.querySelector("legend")?.textContent.trim() || say("a choice without a question", e));

  // Structure.
  if (all("main").length !== 1 || !document.querySelector("header")) say("no landmarks");
  const skip = document.querySelector(".skip");
  if (!skip || !document.querySelector(skip.getAttribute("href"))) say("nothing to skip to");
  const levels = all("h1, h2, h3, h4, h5, h6").filter(shown);
  if (levels[0]?.tagName !== "H1" || all("h1").length !== 1) say("the page does not begin with its one h1");
  levels.forEach((h, i) => {
    if (!h.textContent.trim()) say("an empty heading", h);
    if (i && h.tagName[1] - levels[i - 1].tagName[1] > 1) say(`${h.tagName} after ${levels[i - 1].tagName}`, h);
  });
  all("table").forEach(table => {
    const heads = all("thead th", table);
    if (!heads.length && all("tbody tr", table).some(row => !row.querySelector("th"))) say("a table without headers", table);
    heads.forEach(th => th.textContent.trim() || say("an empty header", table));
    if (heads.length) all("tbody tr", table).forEach(row => {
      const cells = [...row.cells].reduce((n, cell) => n + cell.colSpan, 0);
      if (cells !== heads.length) say(`${cells} cells under ${heads.length} headers`, row);
    });
  });
  const lang = document.documentElement.lang;
  if (!/^(vi|en)$/.test(lang)) say("no language");
  all("button[name=language]").forEach(e => e.lang && e.lang !== lang || say("another language without its mark", e));

  // Contrast of text with what it stands on.
  const colour = text => {
    const m = text.match(/[\d.]+/g)?.map(Number) || [0, 0, 0, 0];
    return /^color\(srgb/.test(text) ? [m[0] * 255, m[1] * 255, m[2] * 255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1];
  };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const behind = e => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) {
      const c = colour(getComputedStyle(at).backgroundColor);
      if (c[3] > 0) layers.push(c);
      if (c[3] === 1) break;
    }
    // Below all stands the canvas, which is the browser's own in the dark.
    return layers.reverse().reduce((below, c) => over(c, below), matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1]);
  };
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), told = new Set();
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !shown(e) || /^(SCRIPT|STYLE|OPTION|TITLE)$/i.test(e.tagName) || e.closest(":disabled, .hidden, .skip")) continue;
    const style = getComputedStyle(e), drawn = e.closest("svg"), bar = drawn && e.className.baseVal?.match(/hold-text-(\d)/);
    const ground = bar ? colour(getComputedStyle(document.querySelector(".hold-" + bar[1])).fill) : behind(e);
    let ink = over(colour(drawn ? style.fill : style.color), ground);
    for (let at = e; at; at = at.parentElement) { const o = +getComputedStyle(at).opacity; if (o < 1) ink = over([...ink.slice(0, 3), o], ground); }
    const size = parseFloat(style.fontSize), needs = size >= 24 || size >= 18.66 && style.fontWeight >= 700 ? 3 : 4.5;
    const ratio = contrast(ink, ground), key = [ink, ground].join();
    if (ratio < needs && !told.has(key)) { told.add(key); say(`contrast ${ratio.toFixed(2)} of “${texts.currentNode.data.trim().slice(0, 30)}”`, e); }
  }
  all("input, textarea").filter(e => shown(e) && e.placeholder).forEach(e => {
    const ground = behind(e), ratio = contrast(over(colour(getComputedStyle(e, "::placeholder").color), ground), ground);
    if (ratio < 4.5) say(`contrast ${ratio.toFixed(2)} of a placeholder`, e);
  });
  all("input:not([type=checkbox]):not([type=radio]), select, textarea").filter(e => shown(e) && !e.disabled).forEach(e => {
    const ratio = contrast(colour(getComputedStyle(e).borderTopColor), behind(e.parentElement));
    if (ratio < 3) say(`contrast ${ratio.toFixed(2)} of a field's edge`, e);
  });

  // Whoever goes by keys sees where they are. A key was pressed before, so that focus shows. Behind a
  // dialog nothing is to be reached.
  all("a[href], button, input, select, textarea, summary", document.querySelector("dialog:modal") || document).filter(e => shown(e) && !e.disabled && !e.closest(".skip")).forEach(e => {
    e.focus();
    const style = getComputedStyle(e);
    if (document.activeElement !== e) return say("takes no focus", e);
    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return say("focus does not show", e);
    const ratio = contrast(colour(style.outlineColor), behind(e.parentElement));
    const key = "focus " + ratio;
    if (ratio < 3 && !told.has(key)) { told.add(key); say(`contrast ${ratio.toFixed(2)} of the focus`, e); }
  });
  return [...new Set(found)];
})()
