// What the document says of itself, to look over and mend; what the signature is for.
import { el } from "./dom.js";
import { issuePanel, numberHint, preparing } from "./issue.js";
import { again, mark, toPage } from "./paper.js";
import { presetBar } from "./presets.js";
import { changed, cover, desk, fitted, image, pictures, propose, setAct } from "./store.js";
import { day, moment, t } from "./words.js";

const acts = ["approve", "initial", "issue", "attachment", "copy"];
const capacities = ["", "KT", "TM", "TL", "TUQ", "Q"];

export function facts(doc, pages) {
  const guess = { number: doc.proposal?.number, symbol: doc.proposal?.symbol, kind: doc.proposal?.kind, summary: doc.proposal?.summary, capacity: doc.proposal?.blocks?.[0]?.title };
  const hint = (name) => {
    const g = guess[name];
    if (!g?.text || doc.touched[name]) return null;
    return el("button", { type: "button", class: "hint" + (g.doubtful ? " doubt" : ""), onclick: () => mark(pages, g) }, t(g.doubtful ? "guess.doubtful" : "guess.from", { page: g.page }));
  };
  const field = (name, control) => {
    control.id = "fact-" + name;
    control.value = doc.facts[name];
    control.disabled = done(doc) || (name === "capacity" && Boolean(doc.task));
    control.addEventListener("input", () => {
      doc.facts[name] = control.value;
      doc.touched[name] = true;
      control.parentElement.querySelector(".hint")?.remove();
      if (name !== "number") return;
      document.getElementById("number-hint")?.remove();
      pages?.show();
    });
    // As Decree 30 writes it: a number below 10 has a zero.
    if (name === "number") control.addEventListener("change", () => { control.value = doc.facts.number = control.value.trim().replace(/^(\d[a-z]?)$/i, "0$1"); });
    if (name === "kind") control.addEventListener("change", async () => {
      await propose(doc); // the number's series and the presets go by it
      changed();
    });
    return el("div", { class: "field " + name }, el("label", { htmlFor: control.id }, t("fact." + name)), control, hint(name));
  };
  const kinds = el("select", {}, el("option", { value: "" }, t("fact.kind.letter")), desk.state.kinds.map((k) => el("option", { value: k.code }, `${k.name} (${k.code})`)));
  const capacity = el("select", {}, capacities.map((c) => el("option", { value: c }, t("capacity." + (c || "none")))));
  const act = el("select", { id: "act", disabled: done(doc) || Boolean(doc.task), onchange: (e) => setAct(e.target.value) }, acts.map((a) => el("option", { value: a, selected: a === desk.act }, t("act." + a))));
  const showsPresets = !done(doc);
  return el("form", { class: "facts-form", onsubmit: (e) => e.preventDefault() },
    doc.task ? el("p", { class: "notice task" }, t("task.from", { name: doc.task.submitted_by }), doc.task.due ? " " + t("waiting.due", { day: day(doc.task.due) }) + "." : "", doc.task.note ? el("span", { class: "by" }, doc.task.note) : null) : null,
    el("div", { class: "field" }, el("label", { htmlFor: "act" }, t("fact.act")), act),
    doc.task ? null : preparing(doc),
    el("div", { class: "pair" }, field("number", el("input", { autocomplete: "off", inputMode: "numeric", maxLength: 7 })), field("symbol", el("input", { autocomplete: "off", maxLength: 60 }))),
    numberHint(doc) ? el("small", { class: "dim", id: "number-hint" }, numberHint(doc)) : null, issuePanel(doc, () => pages?.show()),
    field("kind", kinds), field("summary", el("textarea", { rows: 3, maxLength: 500 })), field("capacity", capacity),
    desk.act === "approve" || desk.act === "issue" || doc.proposal?.number?.text ? null : field("purpose", el("input", { maxLength: 200 })),
    placing(doc), levels(doc), code(doc), showsPresets ? presetBar(doc) : null, signatures(doc));
}

const done = (doc) => doc.result?.status === "signed";

// placing says where the picture goes, and offers other places.
function placing(doc) {
  if (done(doc)) return null;
  const rows = [];
  const picked = image();
  if (!doc.place) rows.push(el("p", { class: "dim" }, t(doc.placed ? "place.none" : "place.unknown")));
  else rows.push(el("p", {}, t("place.why." + doc.place.why, { page: doc.place.page })));
  if (doc.covered?.length) rows.push(el("p", { class: "notice warn" }, t("place.covers", { words: doc.covered.slice(0, 6).join(" ") })));
  if (!picked && (desk.act === "approve" || desk.act === "issue")) rows.push(el("p", { class: "dim" }, t("place.no_image." + desk.act)));
  if (pictures().length > 1) {
    rows.push(el("div", { class: "field" }, el("label", { htmlFor: "picture" }, t("place.picture")), el("select", { id: "picture", onchange: async (e) => {
      desk.picture[desk.act] = e.target.value;
      for (const d of desk.documents) if (d.looked) await propose(d);
      changed();
    } }, pictures().map((i) => el("option", { value: i.id, selected: i.id === picked?.id }, i.name)))));
  }
  const places = doc.places ?? [];
  if (places.length > 1) {
    rows.push(el("div", { class: "choices" }, places.map((p, i) => el("button", { type: "button", class: "second", onclick: async () => {
      doc.place = fitted(p, picked);
      doc.placed = true;
      await cover(doc);
      changed();
    } }, t("place.choice", { number: i + 1, title: p.title ?? "", name: p.name ?? "", page: p.page })))));
  }
  rows.push(el("div", { class: "actions tight" },
    doc.placed && places.length ? el("button", { type: "button", class: "second", onclick: () => again(doc) }, t("place.again")) : null,
    doc.place ? el("button", { type: "button", class: "second", onclick: () => { doc.place = null; doc.placed = true; changed(); } }, t("place.invisible"))
      : el("button", { type: "button", class: "second", onclick: () => toPage(doc, doc.pages) }, t("place.by_hand"))));
  return el("fieldset", {}, el("legend", {}, t("place.legend")), rows);
}

// levels are offered where the desk can reach more than one.
function levels(doc) {
  if (done(doc) || desk.state.levels.length < 2) return null;
  return el("div", { class: "field" }, el("label", { htmlFor: "level" }, t("level")), el("select", { id: "level", onchange: (e) => { desk.level = e.target.value; } }, desk.state.levels.map((l) => el("option", { value: l, selected: l === desk.level }, t("level." + l)))));
}

// code offers the QR code where there is a service whose page it can lead to.
function code(doc) {
  if (done(doc) || !doc.place || !desk.state.school) return null;
  return el("label", { class: "check" }, el("input", { type: "checkbox", id: "qr", checked: Boolean(desk.qr), onchange: (e) => { desk.qr = e.target.checked; } }), " ", t("qr"), el("small", { class: "dim" }, " " + t("qr.hint")));
}

function signatures(doc) {
  if (!doc.signatures?.length) return null;
  return el("fieldset", { class: "signatures" }, el("legend", {}, t("signatures.legend", { count: doc.signatures.length })), doc.signatures.map((s) => el("details", {},
    el("summary", {}, el("span", { class: "badge " + s.indication.toLowerCase() }, t("verdict." + s.indication)), " ", s.signer || s.field, s.claimed_time ? el("small", {}, " " + moment(s.claimed_time)) : null),
    el("ul", {}, s.details.map((d) => el("li", {}, d.message))))));
}

export const title = (doc) => {
  const f = doc.facts;
  if (!f) return doc.name;
  const kind = desk.state.kinds.find((k) => k.code === f.kind)?.name ?? "";
  const number = f.number && f.symbol ? f.number + "/" + f.symbol : f.symbol;
  return [kind, number].filter(Boolean).join(" ") || doc.name;
};

export const dated = (doc) => (doc.proposal?.date?.text ? day(doc.proposal.date.text) : "");
