// What waits for the person on the school's site, and what is on its way back to it.
import { get, post } from "./call.js";
import { el, tell } from "./dom.js";
import { signIn } from "./sign_in.js";
import { changed, desk, refresh, setAct } from "./store.js";
import { day, moment, size, t } from "./words.js";

let timer = null;
let onCount = () => {};

function counted(found) {
  if (found.documents.length === desk.waiting) return;
  desk.waiting = found.documents.length;
  onCount();
}

// count tells the header how many documents wait, now and whenever it becomes known.
export async function count(tell) {
  onCount = tell;
  counted(await get("/api/waiting").catch(() => ({ documents: [] })));
}

// waitingView lists; it looks again by itself while it is on the screen.
export function waitingView() {
  const list = el("div", { class: "waiting-list", ariaBusy: "true" }, el("p", { role: "status" }, t("waiting.looking")));
  const code = el("input", { id: "invitation", autocomplete: "off", autocapitalize: "characters", spellcheck: false, maxLength: 2100, placeholder: "ABCD-2345" });
  const form = el("form", { class: "card form", onsubmit: (e) => { e.preventDefault(); if (code.value.trim()) open({ invitation: code.value }).then((ok) => { if (ok) code.value = ""; }); } },
    el("label", { htmlFor: "invitation" }, t("waiting.code")), code, el("div", { class: "actions" }, el("button", { class: "second" }, t("waiting.code.open")),
      el("button", { type: "button", class: "second", id: "sign-in-code", onclick: () => { if (code.value.trim()) signIn(code.value).then(() => { code.value = ""; }); } }, t("sign_in.code"))));
  const section = el("section", { class: "narrowbox waiting" }, el("h1", {}, t("waiting.title")), el("div", { id: "fetching", role: "status" }), list, form);
  const load = async () => {
    if (!section.isConnected && timer) return;
    try {
      const found = await get("/api/waiting");
      counted(found);
      list.ariaBusy = "false";
      if (!list.contains(document.activeElement)) list.replaceChildren(...content(found, load));
      form.hidden = !found.paired;
    } catch (failure) {
      list.replaceChildren(el("p", { class: "notice bad" }, failure.message || t("waiting.gone")));
    }
    clearTimeout(timer);
    timer = setTimeout(load, 5000);
  };
  load();
  section.stop = () => { clearTimeout(timer); timer = null; };
  return section;
}

function content(found, load) {
  const parts = [];
  if (!found.paired) return [el("div", { class: "empty" }, el("p", {}, t("waiting.unpaired")), el("p", { class: "dim" }, t("waiting.unpaired.help")))];
  if (found.offline) parts.push(el("div", { class: "notice warn", role: "status" }, el("p", {}, t("waiting.offline")), el("p", {}, found.offline), el("div", { class: "actions tight" }, el("button", { type: "button", class: "second", onclick: load }, t("waiting.again")))));
  else if (!found.documents.length) parts.push(el("div", { class: "empty" }, el("p", {}, t("waiting.none")), el("p", { class: "dim" }, t("waiting.none.help"))));
  parts.push(...found.documents.map((d) => card(d, load)));
  if (found.returns.length) parts.push(el("h2", {}, t("waiting.returns")), el("ul", { class: "returns" }, found.returns.map((r) => back(r, load))));
  return parts;
}

function card(d, load) {
  const facts = d.document;
  const number = facts.number && facts.symbol ? facts.number + "/" + facts.symbol : facts.symbol ?? "";
  const late = d.due && d.due < new Date().toISOString().slice(0, 10);
  return el("article", { class: "card" }, el("h2", {}, facts.summary || facts.file_name || number),
    el("p", { class: "dim" }, [number, t("waiting.by", { name: d.submitted_by, at: moment(d.submitted_at) }), t("waiting.size", { size: size(d.size) })].filter(Boolean).join(" · ")),
    el("p", {}, t("waiting.asks", { act: t("act." + d.act) }), d.capacity ? " " + t("capacity." + d.capacity) : "",
      d.due ? el("span", { class: "badge" + (late ? " bad" : "") }, t(late ? "waiting.overdue" : "waiting.due", { day: day(d.due) })) : null),
    d.note ? el("p", { class: "note" }, d.note) : null,
    d.state === "in_hand" && !d.open ? el("p", { class: "dim" }, t("waiting.in_hand", { device: d.held_by ?? "" })) : null,
    el("div", { class: "actions" },
      el("button", { type: "button", class: "open", onclick: () => (d.open ? show(d.open) : open({ id: d.id })) }, t(d.open ? "waiting.show" : "waiting.open")),
      el("button", { type: "button", class: "second", onclick: () => decline(d, load) }, t("waiting.decline"))));
}

function back(r, load) {
  const state = r.state === "sending" && r.size ? t("waiting.state.sending", { percent: Math.min(100, Math.round((100 * r.bytes) / r.size)) }) : t("waiting.state." + r.state, { percent: 0 });
  return el("li", { class: "return " + r.state }, el("strong", {}, r.summary || r.name), " ", el("span", { class: "badge" }, state), el("small", { class: "path" }, r.output),
    r.message ? el("p", { class: "notice bad" }, r.message) : null,
    r.state === "pending" ? el("div", { class: "actions tight" }, el("button", { type: "button", class: "second", onclick: async () => {
      const { pending } = await post("/api/waiting/return").catch((failure) => (tell(failure.message, "bad"), { pending: 1 }));
      tell(t(pending ? "waiting.still" : "waiting.sent"), pending ? "warn" : "good");
      load();
    } }, t("waiting.send"))) : null);
}

async function decline(d, load) {
  const reason = el("textarea", { rows: 3, maxLength: 500, id: "decline-reason" });
  const dialog = el("dialog", { class: "small", ariaLabelledby: "decline-title", onclose: () => dialog.remove() },
    el("form", { method: "dialog", onsubmit: async (e) => {
      e.preventDefault();
      if (!reason.value.trim()) return reason.focus();
      try {
        await post("/api/waiting/decline", { id: d.id, reason: reason.value });
        tell(t("waiting.declined"));
        dialog.close();
        load();
      } catch (failure) {
        tell(failure.message, "bad");
      }
    } }, el("h2", { id: "decline-title" }, t("waiting.decline.title")), el("p", {}, t("waiting.decline.effect", { name: d.submitted_by })),
      el("label", { htmlFor: "decline-reason" }, t("waiting.decline.reason")), reason,
      el("div", { class: "actions" }, el("button", { class: "danger" }, t("waiting.decline")), el("button", { type: "button", class: "second", onclick: () => dialog.close() }, t("button.cancel")))));
  document.body.append(dialog);
  dialog.showModal();
}

// open has a document fetched and shows it once it is here.
async function open(what) {
  try {
    const begun = await post("/api/waiting/open", what);
    return await follow(begun.id);
  } catch (failure) {
    tell(failure.message, "bad");
    return false;
  }
}

const told = new Set();

// follow tells how far a document is, until it is here.
async function follow(id) {
  for (;;) {
    const { fetches } = await get("/api/waiting/fetches");
    const f = fetches.find((one) => one.id === id);
    const place = document.getElementById("fetching");
    if (!f) return false;
    if (!f.over) {
      place?.replaceChildren(el("div", { class: "notice" }, el("p", {}, t("waiting.fetching", { name: f.summary })),
        el("progress", { max: f.size || 1, value: f.size ? f.bytes : 0, ariaLabel: t("waiting.fetching", { name: f.summary }) })));
      await new Promise((resolve) => setTimeout(resolve, 200));
      continue;
    }
    told.add(f.id);
    place?.replaceChildren();
    if (f.problem) {
      place?.replaceChildren(el("p", { class: "notice bad", role: "alert" }, f.problem.message));
      if (!place) tell(f.problem.message, "bad");
      return false;
    }
    await show(f.document);
    return true;
  }
}

let onShow = () => {};
export const onDocument = (f) => { onShow = f; };

async function show(id) {
  await refresh();
  desk.selected = id;
  desk.grid = false;
  const doc = desk.documents.find((d) => d.id === id);
  if (doc?.task && doc.task.act !== desk.act) await setAct(doc.task.act);
  onShow();
  changed();
}

// arriving follows what another start of the program was asked to open: the page was opened for it.
export async function arriving() {
  const { fetches } = await get("/api/waiting/fetches");
  const last = fetches.filter((f) => !told.has(f.id) && (!f.over || f.problem || desk.documents.some((d) => d.id === f.document && !d.result))).pop();
  return last ? () => follow(last.id) : null;
}

