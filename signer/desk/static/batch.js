// Many documents: a grid of thumbnails with the box on each, those that want a look first.
import { picture } from "./call.js";
import { el, tell } from "./dom.js";
import { title } from "./facts.js";
import { changed, cover, desk, look, order } from "./store.js";
import { t } from "./words.js";

export function grid(open) {
  const root = el("ul", { class: "grid" });
  const watcher = new IntersectionObserver((entries) => entries.forEach((e) => e.isIntersecting && thumb(e.target)), { rootMargin: "400px" });
  for (const doc of order(desk.documents)) {
    const sheet = el("div", { class: "thumb" });
    sheet.doc = doc;
    const pick = el("input", { type: "checkbox", checked: !doc.excluded, ariaLabel: t("batch.include", { name: doc.name }), onchange: (e) => { doc.excluded = !e.target.checked; changed(); } });
    const about = el("div", {});
    const describe = () => about.replaceChildren(el("label", { class: "check" }, pick, el("span", {}, el("strong", {}, title(doc)), el("small", {}, doc.name))), notes(doc) ?? "");
    describe();
    root.append(el("li", { class: "tile" + (doc.excluded ? " out" : "") },
      el("button", { type: "button", class: "open", onclick: () => open(doc), ariaLabel: t("batch.open", { name: doc.name }) }, sheet), about));
    sheet.describe = describe;
    watcher.observe(sheet);
  }
  readAll();
  root.stop = () => {
    watcher.disconnect();
    root.querySelectorAll("img").forEach((i) => URL.revokeObjectURL(i.src));
  };
  return root;
}

export function notes(doc) {
  const list = [];
  if (doc.result) list.push([doc.result.status === "signed" ? "good" : "bad", t("status." + doc.result.status)]);
  else if (doc.problem) list.push(["bad", doc.problem.message]);
  else for (const warning of doc.warnings ?? []) list.push(["warn", t("warning." + warning)]);
  if (!doc.result && doc.covered?.length) list.push(["warn", t("warning.covers")]);
  return list.length ? el("ul", { class: "notes" }, list.map(([kind, text]) => el("li", { class: kind }, text))) : null;
}

let readingAll = false;
// readAll reads the documents one after the other in the background; then those that want a look come first.
async function readAll() {
  if (readingAll) return;
  readingAll = true;
  const unread = desk.documents.filter((d) => !d.looked || !d.facts);
  for (const doc of unread) await look(doc).catch(() => {});
  readingAll = false;
  if (unread.length) changed();
}

async function thumb(sheet) {
  const { doc } = sheet;
  if (sheet.drawn) return;
  sheet.drawn = true;
  try {
    await look(doc);
    const page = doc.place?.page ?? 1;
    const img = el("img", { src: await picture(`/api/documents/${doc.id}/pages/${page}?width=260`), alt: "" });
    const size = doc.sizes.find((s) => s.page === page) ?? { width: 595, height: 842 };
    sheet.style.aspectRatio = size.width + " / " + size.height;
    sheet.replaceChildren(img);
    sheet.describe();
    if (doc.place) {
      const [x, y, w, h] = doc.place.rect;
      sheet.append(el("div", { class: "box small", style: { left: (100 * x) / size.width + "%", bottom: (100 * y) / size.height + "%", width: (100 * w) / size.width + "%", height: (100 * h) / size.height + "%" } }));
    }
  } catch (failure) {
    sheet.replaceChildren(el("p", { class: "notice warn" }, failure.message));
  }
}

// alike gives other documents of the same page count and size the place of this one, and its act's capacity.
export async function alike(doc) {
  let count = 0;
  for (const other of desk.documents) {
    if (other === doc || other.problem || other.result?.status === "signed" || !doc.place) continue;
    await look(other);
    const a = doc.sizes.find((s) => s.page === doc.place.page), b = other.sizes.find((s) => s.page === doc.place.page);
    if (!a || !b || Math.abs(a.width - b.width) > 2 || Math.abs(a.height - b.height) > 2) continue;
    other.place = { ...doc.place, rect: [...doc.place.rect] };
    other.placed = true;
    await cover(other);
    count++;
  }
  tell(t("batch.applied", { count }));
  changed();
}
