// The document's pages with the box on it. Pages are drawn when they come near the screen and given up when they leave:
// a scan of 300 pages holds a handful of pictures.
import { picture } from "./call.js";
import { el } from "./dom.js";
import { entries } from "./issue.js";
import { changed, cover, desk, fitted, image, propose } from "./store.js";
import { t } from "./words.js";

const millimetre = 72 / 25.4;

export function paper(doc) {
  const sizes = new Map(doc.sizes.map((s) => [s.page, s]));
  const usual = doc.sizes[0] ?? { width: 595, height: 842 };
  const root = el("div", { class: "paper", tabIndex: 0, role: "region", ariaLabel: t("paper.label", { name: doc.name }) });
  const watcher = new IntersectionObserver((entries) => entries.forEach((e) => (e.isIntersecting ? draw(doc, e.target) : drop(e.target))), { root: null, rootMargin: "600px" });
  for (let n = 1; n <= doc.pages; n++) {
    const size = sizes.get(n) ?? usual;
    const sheet = el("div", { class: "sheet", style: { aspectRatio: size.width + " / " + size.height } }, el("span", { class: "number" }, String(n)));
    sheet.dataset.page = n;
    sheet.size = size;
    sheet.addEventListener("dblclick", (e) => moveHere(doc, sheet, e));
    watcher.observe(sheet);
    root.append(sheet);
  }
  root.stop = () => {
    watcher.disconnect();
    root.querySelectorAll(".sheet").forEach(drop);
  };
  root.show = () => place(doc, root);
  root.show();
  return root;
}

async function draw(doc, sheet) {
  if (sheet.wanted) return;
  sheet.wanted = true;
  const width = Math.min(1600, Math.round(sheet.clientWidth * Math.min(2, devicePixelRatio)));
  try {
    const address = await picture(`/api/documents/${doc.id}/pages/${sheet.dataset.page}?width=${width || 800}`);
    if (!sheet.wanted) return URL.revokeObjectURL(address);
    const img = el("img", { src: address, alt: t("paper.page", { page: sheet.dataset.page }), draggable: false });
    img.onload = () => {
      URL.revokeObjectURL(address);
      // A page whose size was not known gets its own proportions now.
      sheet.style.aspectRatio = img.naturalWidth + " / " + img.naturalHeight;
    };
    sheet.querySelector("img:not(.ink)")?.remove();
    sheet.prepend(img);
  } catch (failure) {
    sheet.prepend(el("p", { class: "notice warn" }, failure.message));
  }
}

function drop(sheet) {
  sheet.wanted = false;
  sheet.querySelector("img:not(.ink)")?.remove();
}

// place puts the box on its page.
function place(doc, root) {
  root.querySelectorAll(".box, .entry").forEach((b) => b.remove());
  for (const entry of entries(doc)) {
    const sheet = root.querySelector(`.sheet[data-page="${entry.page}"]`);
    if (!sheet) continue;
    const text = el("div", { class: "entry" }, el("span", {}, entry.text));
    put(text, sheet.size, entry.rect);
    text.style.fontSize = `${(100 * entry.rect[3]) / 1.107 / sheet.size.width}cqw`;
    sheet.append(text);
  }
  if (!doc.place || doc.result?.status === "signed") return;
  const sheet = root.querySelector(`.sheet[data-page="${doc.place.page}"]`);
  if (!sheet) return;
  const box = el("div", { class: "box" + (doc.covered?.length ? " covers" : "") + (doc.place.why === "ink" ? " weak" : ""), tabIndex: 0, role: "button", ariaLabel: t("box.label", { page: doc.place.page }), ariaDescription: t("box.keys") },
    el("span", { class: "grip", ariaHidden: "true" }));
  const picked = image();
  if (picked?.address) box.prepend(el("img", { class: "ink", src: picked.address, alt: "" }));
  else box.prepend(el("span", { class: "ghost" }, t("box.ghost." + desk.act)));
  put(box, sheet.size, doc.place.rect);
  box.addEventListener("pointerdown", (e) => drag(e, doc, sheet, box, root));
  box.addEventListener("keydown", (e) => keys(e, doc, sheet, box));
  sheet.append(box);
}

function put(box, size, [x, y, w, h]) {
  Object.assign(box.style, { left: (100 * x) / size.width + "%", bottom: (100 * y) / size.height + "%", width: (100 * w) / size.width + "%", height: (100 * h) / size.height + "%" });
}

function drag(e, doc, sheet, box) {
  if (e.button !== 0) return;
  e.preventDefault();
  box.focus({ preventScroll: true });
  box.setPointerCapture(e.pointerId);
  const scale = sheet.size.width / sheet.clientWidth;
  const start = { x: e.clientX, y: e.clientY, rect: [...doc.place.rect] };
  const resize = e.target.classList.contains("grip");
  const move = (m) => {
    const dx = (m.clientX - start.x) * scale, dy = -(m.clientY - start.y) * scale;
    const [x, y, w, h] = start.rect;
    let rect;
    if (resize) {
      const width = Math.max(20, w + dx);
      const height = image() ? (width * h) / w : Math.max(14, h - dy);
      rect = [x, y + h - height, width, height];
    } else rect = snapped([x + dx, y + dy, w, h], doc);
    set(doc, sheet, box, rect);
  };
  const end = () => {
    box.removeEventListener("pointermove", move);
    settle(doc);
  };
  box.addEventListener("pointermove", move);
  box.addEventListener("pointerup", end, { once: true });
  box.addEventListener("pointercancel", end, { once: true });
}

// snapped holds the box's middle on that of a proposed place when it comes near.
function snapped([x, y, w, h], doc) {
  for (const p of doc.places ?? []) {
    if (p.page !== doc.place.page) continue;
    const mx = p.rect[0] + p.rect[2] / 2, my = p.rect[1] + p.rect[3] / 2;
    if (Math.abs(x + w / 2 - mx) < 5) x = mx - w / 2;
    if (Math.abs(y + h / 2 - my) < 5) y = my - h / 2;
  }
  return [x, y, w, h];
}

function set(doc, sheet, box, [x, y, w, h]) {
  w = Math.min(w, sheet.size.width);
  h = Math.min(h, sheet.size.height);
  x = Math.max(0, Math.min(x, sheet.size.width - w));
  y = Math.max(0, Math.min(y, sheet.size.height - h));
  doc.place = { ...doc.place, rect: [x, y, w, h], why: "hand", field: undefined };
  doc.placed = true;
  put(box, sheet.size, doc.place.rect);
}

let waiting;
function settle(doc) {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    await cover(doc).catch(() => {});
    changed();
  }, 150);
}

function keys(e, doc, sheet, box) {
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
  const [x, y, w, h] = doc.place.rect;
  if (by) {
    const step = (e.shiftKey ? 5 : 1) * millimetre;
    if (e.altKey) {
      const width = Math.max(20, w + by[0] * step + (image() ? by[1] * step : 0));
      set(doc, sheet, box, [x, y, width, image() ? (width * h) / w : Math.max(14, h + by[1] * step)]);
    } else set(doc, sheet, box, [x + by[0] * step, y + by[1] * step, w, h]);
    settle(doc);
  } else if (e.key === "Delete") {
    doc.place = null;
    doc.placed = true;
    changed();
  } else if (e.key === "PageDown" || e.key === "PageUp") {
    toPage(doc, doc.place.page + (e.key === "PageDown" ? 1 : -1));
  } else return;
  e.preventDefault();
}

// toPage moves the box to another page, to the same place on it.
export function toPage(doc, page) {
  if (page < 1 || page > doc.pages) return;
  doc.place = doc.place ? { ...doc.place, page, why: "hand", field: undefined } : { page, rect: [300, 200, 150, 60], why: "hand" };
  doc.placed = true;
  settle(doc);
  changed();
}

function moveHere(doc, sheet, e) {
  if (doc.result?.status === "signed") return;
  const frame = sheet.getBoundingClientRect();
  const x = ((e.clientX - frame.left) / frame.width) * sheet.size.width, y = ((frame.bottom - e.clientY) / frame.height) * sheet.size.height;
  const [, , w, h] = doc.place?.rect ?? fitted({ page: 1, rect: [0, 0, 150, 60] }, image()).rect;
  doc.place = { page: Number(sheet.dataset.page), rect: [x - w / 2, y - h / 2, w, h], why: "hand" };
  doc.placed = true;
  settle(doc);
  changed();
}

// again goes back to what was proposed.
export async function again(doc) {
  doc.placed = false;
  await propose(doc);
  changed();
}

// mark shows for a moment where a guess came from.
export function mark(root, guess) {
  const sheet = root.querySelector(`.sheet[data-page="${guess.page}"]`);
  if (!sheet) return;
  const { left, bottom, right, top } = guess.box;
  const spot = el("div", { class: "spot" });
  put(spot, sheet.size, [left - 3, bottom - 3, right - left + 6, top - bottom + 6]);
  sheet.append(spot);
  spot.scrollIntoView({ block: "center", behavior: "smooth" });
  setTimeout(() => spot.remove(), 2500);
}
