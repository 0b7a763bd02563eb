import { post, upload } from "./call.js";
import { el, tell } from "./dom.js";
import { alike, grid, notes } from "./batch.js";
import { facts, title } from "./facts.js";
import { historyView } from "./history.js";
import { imagesView, loadImages } from "./images.js";
import { paper } from "./paper.js";
import { loadPresets } from "./presets.js";
import { loadTemplate, settingsView } from "./settings.js";
import { save, sign } from "./sign.js";
import { arrivingSignIn } from "./sign_in.js";
import { changed, close, current, desk, look, onChange, ready, refresh } from "./store.js";
import { arriving, count, onDocument, waitingView } from "./waiting.js";
import { language, load, size, t } from "./words.js";

const view = document.getElementById("view");
let tab = "desk";
let shown = null; // what must be stopped before something else is shown
let pages = null; // the paper on the screen, with its document

const tabs = { desk: deskView, images: imagesView, history: historyView, settings: settingsView, waiting: () => (shown = waitingView()) };

function header() {
  document.getElementById("brand").textContent = t("brand");
  document.getElementById("school").textContent = desk.state.school ? `${desk.state.school} · ${desk.state.person}` : t(desk.state.standalone ? "unpaired.standalone" : "unpaired");
  document.getElementById("skip").textContent = t("skip");
  document.title = t("title");
  document.getElementById("tabs").replaceChildren(...Object.keys(tabs).map((name) => el("button", { type: "button", class: "tab", ariaCurrent: name === tab ? "page" : null, onclick: () => { tab = name; render(); } }, t("tab." + name), (name === "waiting" && desk.waiting) ? el("span", { class: "count" }, String(desk.waiting)) : null, name === "history" && desk.state.pending ? el("span", { class: "count" }, String(desk.state.pending)) : null)),
    el("button", { type: "button", class: "tab language", lang: language === "vi" ? "en" : "vi", onclick: async () => { await load(language === "vi" ? "en" : "vi"); localStorage.setItem("language", language); pages = null; render(); } }, language === "vi" ? "English" : "Tiếng Việt"));
}

function render() {
  header();
  const kept = tab === "desk" && !desk.grid && pages?.doc === current() && pages.signed === (current().result?.status === "signed") ? pages : null;
  if (!kept) {
    shown?.stop?.();
    shown = pages = null;
  }
  const focused = document.activeElement?.id;
  view.replaceChildren(tabs[tab](kept));
  if (focused && view.contains(document.getElementById(focused))) document.getElementById(focused).focus({ preventScroll: true });
}

function deskView(kept) {
  if (!desk.documents.length) return welcome();
  const doc = current();
  const side = list();
  if (desk.grid) {
    shown = grid((d) => { desk.selected = d.id; desk.grid = false; changed(); });
    return el("div", { class: "desk gridded" }, el("h1", { class: "hidden" }, t("tab.desk")), side, el("div", { class: "middle" }, shown), el("aside", { class: "panel" }, act()));
  }
  if (!doc.looked || !doc.facts) {
    look(doc).then(changed, (failure) => { doc.problem = { message: failure.message }; doc.looked = true; doc.facts ??= {}; changed(); });
    return el("div", { class: "desk" }, side, el("div", { class: "middle" }, el("p", { role: "status", class: "reading" }, t("reading", { name: doc.name }))), el("aside", { class: "panel" }));
  }
  if (doc.problem && !doc.pages) return el("div", { class: "desk" }, side, el("div", { class: "middle" }, trouble(doc)), el("aside", { class: "panel" }));
  if (kept) kept.node.show();
  else {
    pages = { doc, signed: doc.result?.status === "signed", node: paper(doc) };
    shown = pages.node;
    requestAnimationFrame(() => {
      const at = doc.place ? pages?.node.querySelector(`.sheet[data-page="${doc.place.page}"]`) : null;
      const middle = pages?.node.parentElement;
      if (at && middle && (doc.place.page > 1 || doc.result)) middle.scrollTop = at.offsetTop + at.clientHeight * (1 - doc.place.rect[1] / at.size.height) - middle.clientHeight / 2;
    });
  }
  const panel = el("aside", { class: "panel" }, el("h1", { class: "name" }, title(doc)), el("small", { class: "file" }, `${doc.name} · ${size(doc.size)} · ${t("pages", { count: doc.pages })}`), doc.problem ? trouble(doc) : doc.result ? null : notes(doc), outcome(doc), doc.result?.status === "signed" ? null : facts(doc, pages.node), act());
  return el("div", { class: "desk" }, side, el("div", { class: "middle" }, pages.node), panel);
}

// outcome says what became of the document, with what to do next.
function outcome(doc) {
  const r = doc.result;
  if (!r) return null;
  if (r.status !== "signed") return el("p", { class: "notice bad" }, r.message);
  return el("div", { class: "notice good" }, el("p", {}, r.entry_index !== null && r.entry_index !== undefined ? t("outcome.logged", { entry: r.entry_index }) : t("outcome.signed")), el("p", { class: "path" }, r.output), doc.task ? el("p", {}, t("task.returns")) : null, r.message ? el("p", {}, r.message) : null,
    el("div", { class: "actions tight" }, el("button", { class: "second", onclick: () => save(doc) }, t("sign.save"))));
}

function act() {
  const documents = ready();
  const count = documents.length;
  if (!count) return null;
  const one = current();
  const unread = documents.filter((d) => !d.looked || !d.facts);
  return el("div", { class: "go" },
    desk.documents.length > 1 && one?.place && !desk.grid ? el("button", { type: "button", class: "second", onclick: () => alike(one) }, t("batch.alike")) : null,
    el("button", { type: "button", id: "sign", class: "big", onclick: async () => {
      for (const d of unread) await look(d).catch(() => {});
      sign(ready().filter((d) => d.facts));
    } }, count > 1 ? t("sign.button.many", { act: t("act." + desk.act), count }) : desk.act === "issue" ? t("sign.button.issue") : t("sign.button", { act: t("act." + desk.act) })));
}

function trouble(doc) {
  const problem = doc.problem;
  if (problem.code !== "password") return el("p", { class: "notice bad" }, problem.message);
  const input = el("input", { type: "password", autocomplete: "off", id: "password", maxLength: 127 });
  return el("form", { class: "card form", onsubmit: async (e) => {
    e.preventDefault();
    try {
      Object.assign(doc, await post(`/api/documents/${doc.id}/password`, { password: input.value }), { facts: null });
      if (doc.problem) tell(t("password.wrong"), "bad");
    } catch (failure) {
      tell(failure.message, "bad");
    }
    if (!doc.problem) doc.problem = undefined;
    changed();
  } }, el("label", { htmlFor: "password" }, problem.message), input, el("div", { class: "actions" }, el("button", {}, t("password.open"))));
}

function list() {
  return el("nav", { class: "files", ariaLabel: t("files.label") },
    picker(true),
    desk.documents.length > 1 ? el("button", { type: "button", class: "second", ariaPressed: String(desk.grid), onclick: () => { desk.grid = !desk.grid; changed(); } }, t(desk.grid ? "batch.single" : "batch.grid")) : null,
    el("ul", {}, desk.documents.map((d) => el("li", { class: (d === current() && !desk.grid ? "on" : "") + (d.excluded ? " out" : "") },
      el("button", { type: "button", class: "file", ariaCurrent: d === current() ? "true" : null, onclick: () => { desk.selected = d.id; desk.grid = false; changed(); } }, el("span", {}, d.facts ? title(d) : d.name), mark(d)),
      el("button", { type: "button", class: "shut", ariaLabel: t("files.close", { name: d.name }), onclick: () => close(d).catch((failure) => tell(failure.message, "bad")) }, "×")))));
}

const mark = (d) => (d.result ? el("span", { class: "dot " + d.result.status, title: t("status." + d.result.status) }) : d.problem ? el("span", { class: "dot failed", title: d.problem.message }) : d.warnings?.length ? el("span", { class: "dot warn", title: d.warnings.map((w) => t("warning." + w)).join("; ") }) : null);

function picker(small) {
  const input = el("input", { type: "file", accept: "application/pdf,.pdf", multiple: true, class: "hidden", id: "pick", onchange: () => take([...input.files]) });
  const button = el("button", { type: "button", class: small ? "second" : "big", onclick: () => input.click() }, t(small ? "open.more" : "open.pick"));
  return el("div", { class: "picker" }, button, input);
}

function welcome() {
  return el("section", { class: "narrowbox welcome" }, el("h1", {}, t("welcome.title")), el("div", { class: "drop" }, el("p", {}, t("welcome.drop")), picker(false)),
    el("p", { class: "dim" }, t("welcome.out", { folder: desk.state.out_dir })),
    desk.state.school || desk.state.standalone ? null : el("p", { class: "notice warn" }, t("welcome.unpaired")),
    desk.images.length ? null : el("p", { class: "dim" }, t("welcome.images")));
}

async function take(files) {
  const pdfs = files.filter((f) => f.type === "application/pdf" || /\.pdf$/i.test(f.name));
  if (pdfs.length < files.length) tell(t("open.not_pdf", { count: files.length - pdfs.length }), "bad");
  for (const [i, file] of pdfs.entries()) {
    if (pdfs.length > 3) tell(t("open.progress", { number: i + 1, count: pdfs.length }));
    try {
      const doc = { ...(await upload(file)), facts: null, excluded: false };
      desk.documents.push(doc);
      if (i === 0) desk.selected = doc.id;
    } catch (failure) {
      tell(`${file.name}: ${failure.message}`, "bad");
    }
  }
  desk.grid = pdfs.length > 1;
  tab = "desk";
  changed();
}

// filesOf goes through folders that were dropped.
async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader(), found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const inner of some) if (inner.isDirectory || /\.pdf$/i.test(inner.name)) found.push(...(await filesOf(inner)));
  }
}

addEventListener("dragover", (e) => { e.preventDefault(); document.body.classList.add("over"); });
addEventListener("dragleave", (e) => e.relatedTarget === null && document.body.classList.remove("over"));
addEventListener("drop", async (e) => {
  e.preventDefault();
  document.body.classList.remove("over");
  const entries = [...e.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  take((await Promise.all(entries.map(filesOf))).flat());
});
addEventListener("keydown", (e) => {
  if ((e.ctrlKey || e.metaKey) && e.key === "o") {
    e.preventDefault();
    document.getElementById("pick")?.click();
  } else if ((e.ctrlKey || e.metaKey) && e.key === "Enter" && !document.querySelector("dialog[open]")) document.getElementById("sign")?.click();
});

onChange(render);
try {
  await load(localStorage.getItem("language") ?? "");
  await refresh();
  if (!localStorage.getItem("language")) await load(desk.state.language);
  await loadImages();
  await Promise.all([loadPresets(), loadTemplate()]);
  desk.level = desk.state.level;
  desk.grid = desk.documents.length > 1;
  onDocument(() => { tab = "desk"; });
  const follow = await arriving();
  if (follow) tab = "waiting";
  render();
  count(header);
  if (follow) await follow();
  await arrivingSignIn();
} catch (failure) {
  view.replaceChildren(el("p", { class: "notice bad", role: "alert" }, failure.message || "Hãy mở lại Bàn ký từ biểu tượng của phần mềm. / Open the signing desk again from its icon."));
}
