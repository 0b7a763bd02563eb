// The last step: which token, what is about to be signed in one sentence, the PIN, progress, what became of each file.
import { get, post } from "./call.js";
import { el, tell } from "./dom.js";
import { title } from "./facts.js";
import { filled } from "./issue.js";
import { changed, desk, image, refresh } from "./store.js";
import { day, span, t } from "./words.js";

export async function sign(documents) {
  if (!documents.length) return tell(t("sign.nothing"), "bad");
  const body = el("div", { class: "body" });
  const dialog = el("dialog", { class: "sign", ariaLabelledby: "sign-title", onclose: () => { clearInterval(dialog.timer); dialog.remove(); } }, body);
  dialog.addEventListener("cancel", (e) => dialog.running && e.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
  await choose(dialog, body, documents);
}

const close = (dialog, text) => el("button", { type: "button", class: "second", onclick: () => dialog.close() }, text);

// choose looks for tokens, again and again until one is there.
async function choose(dialog, body, documents) {
  const heading = () => el("h2", { id: "sign-title" }, documents.length === 1 ? t("sign.title.one", { act: t("act." + desk.act) }) : t("sign.title.many", { act: t("act." + desk.act), count: documents.length }));
  body.replaceChildren(heading(), el("p", { role: "status" }, t("sign.looking")));
  let tokens = [], failure = "";
  const look = async () => {
    try {
      const found = await get("/api/tokens");
      tokens = found.tokens;
      failure = found.message;
    } catch (e) {
      tokens = [];
      failure = e.message;
    }
    return tokens.some((token) => token.certificates.length);
  };
  if (!(await look())) {
    const waiting = () => body.replaceChildren(heading(), el("p", { class: "notice warn", role: "status" }, failure || t("sign.no_token")), el("p", { class: "dim" }, t("sign.plug_in")), el("div", { class: "actions" }, close(dialog, t("button.cancel"))));
    waiting();
    dialog.timer = setInterval(async () => {
      if (await look()) {
        clearInterval(dialog.timer);
        form(dialog, body, documents, tokens, heading());
      } else waiting();
    }, 3000);
    return;
  }
  form(dialog, body, documents, tokens, heading());
}

function form(dialog, body, documents, tokens, heading, message) {
  const choices = tokens.flatMap((token) => token.certificates.map((certificate) => ({ token, certificate })));
  const usable = choices.filter((c) => c.certificate.valid && !c.token.locked);
  const select = el("select", { id: "certificate" }, choices.map((c, i) => el("option", { value: i, disabled: !usable.includes(c) }, t("sign.certificate", { subject: c.certificate.subject, label: c.token.label, until: day(c.certificate.not_after) }))));
  const remembered = choices.findIndex((c) => usable.includes(c) && c.certificate.sha256 === localStorage.getItem("certificate:" + desk.act));
  // Else the person's own; for the seal the school's.
  const owner = (desk.act === "issue" ? desk.state.school : desk.state.person).normalize("NFC").toLowerCase();
  const own = choices.findIndex((c) => usable.includes(c) && owner && c.certificate.subject.normalize("NFC").toLowerCase() === owner);
  select.value = String(remembered >= 0 ? remembered : own >= 0 ? own : Math.max(0, choices.indexOf(usable[0])));
  const pin = el("input", { id: "pin", type: "password", autocomplete: "off", required: true, maxLength: 255, ariaDescribedby: "pin-hint" });
  const hint = el("div", { id: "pin-hint", ariaLive: "polite" });
  const final = el("input", { type: "checkbox", id: "final" });
  const finalRow = el("label", { class: "check", htmlFor: "final" }, final, t("sign.final_try"));
  const sentence = el("p", { class: "sentence" });
  const go = el("button", { type: "submit" }, t("sign.go"));
  const picked = () => choices[Number(select.value)];
  const describe = () => {
    const { token, certificate } = picked();
    sentence.textContent = describeBatch(documents, certificate.subject);
    finalRow.hidden = !(token.final_try || token.maybe_final);
    pinRow.hidden = token.pin_pad;
    pin.required = !token.pin_pad;
    warn();
  };
  let caps = false;
  const warn = () => {
    const { token } = picked();
    const lines = [];
    if (token.locked) lines.push(t("sign.locked"));
    else if (token.final_try) lines.push(t("sign.last"));
    else if (token.maybe_final) lines.push(t("sign.maybe_last"));
    else if (token.count_low) lines.push(t("sign.low"));
    if (token.pin_pad) lines.push(t("sign.pad"));
    if (caps) lines.push(t("sign.caps"));
    if (/[^\x20-\x7E]/.test(pin.value)) lines.push(t("sign.keyboard"));
    hint.replaceChildren(...lines.map((line) => el("p", { class: "notice warn" }, line)));
  };
  const pinRow = el("div", {}, el("label", { htmlFor: "pin" }, t("sign.pin")), pin);
  pin.addEventListener("keydown", (e) => { caps = e.getModifierState("CapsLock"); warn(); });
  pin.addEventListener("keyup", (e) => { caps = e.getModifierState("CapsLock"); warn(); });
  pin.addEventListener("input", warn);
  select.addEventListener("change", describe);
  const submit = async (e) => {
    e.preventDefault();
    const { token, certificate } = picked();
    if (!usable.includes(picked())) return;
    go.disabled = true;
    localStorage.setItem("certificate:" + desk.act, certificate.sha256);
    const request = {
      act: desk.act, token: token.serial, certificate: certificate.sha256, image: image()?.id ?? "", pin: token.pin_pad ? "" : pin.value, final_try: final.checked, level: desk.level === desk.state.level ? "" : desk.level, qr: Boolean(desk.qr) && documents.some((d) => d.place),
      files: documents.map((d) => ({ id: d.id, capacity: d.facts.capacity, place: d.place ? { page: d.place.page, rect: d.place.rect, field: d.place.field } : null, issue: filled(d),
        document: { number: d.facts.number.trim(), symbol: d.facts.symbol.trim(), kind: d.facts.kind, summary: d.facts.summary.trim(), purpose: d.facts.purpose.trim() } })),
    };
    pin.value = "";
    try {
      const { task } = await post("/api/sign", request);
      await run(dialog, body, documents, task, heading);
    } catch (failure) {
      go.disabled = false;
      hint.replaceChildren(el("p", { class: "notice bad" }, failure.message));
      pin.focus();
    }
  };
  body.replaceChildren(heading, message ? el("p", { class: "notice bad", role: "alert" }, message) : "", sentence,
    el("form", { onsubmit: submit }, el("label", { htmlFor: "certificate" }, t("sign.with")), select, pinRow, hint, finalRow,
      el("div", { class: "actions" }, go, close(dialog, t("button.cancel")))));
  describe();
  pin.focus();
}

// describeBatch is what is about to be signed, in one sentence.
function describeBatch(documents, subject) {
  const act = t("act." + desk.act);
  if (documents.length > 1) return t("sign.sentence.many", { act, count: documents.length, subject });
  const [d] = documents;
  const issue = filled(d);
  if (issue) return t("sign.sentence.issue", { title: title(d), summary: d.facts.summary, subject, date: day(issue.date) });
  const capacity = d.facts.capacity ? t("capacity." + d.facts.capacity) : "";
  return t(capacity ? "sign.sentence.capacity" : "sign.sentence.one", { act, title: title(d), summary: d.facts.summary, subject, capacity });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function run(dialog, body, documents, id, heading) {
  dialog.running = true;
  const bar = el("progress", { max: documents.length, value: 0, ariaLabel: t("sign.progress.label") });
  const line = el("p", { role: "status" });
  const stop = el("button", { type: "button", class: "second", onclick: async () => { stop.disabled = true; await post(`/api/tasks/${id}/stop`).catch(() => {}); } }, t("sign.stop"));
  body.replaceChildren(heading, bar, line, documents.length > 1 ? el("div", { class: "actions" }, stop) : "");
  let task;
  for (;;) {
    task = await get("/api/tasks/" + id);
    if (task.over) break;
    bar.value = Math.max(0, task.number - 1);
    const finished = task.number - 1;
    const left = finished > 2 ? t("sign.left", { time: span((task.seconds / finished) * (task.count - finished)), rate: (finished / task.seconds).toFixed(1) }) : "";
    line.textContent = [t("sign.progress", { number: Math.max(1, task.number), count: task.count, phase: task.phase ? t("phase." + task.phase) : "" }), left].filter(Boolean).join(" ");
    await pause(documents.length > 1 ? 400 : 150);
  }
  dialog.running = false;
  task.results.forEach((result, i) => (documents[i].result = result));
  await refresh().catch(() => {});
  changed();
  const first = task.results[0];
  // A wrong PIN is asked for again, with what the token says of it; nothing else was tried.
  if (["wrong_pin", "pin_empty"].includes(first?.code) && task.results.every((r) => r.status !== "signed")) {
    documents.forEach((d) => (d.result = null));
    const tokens = await get("/api/tokens").then((answer) => answer.tokens).catch(() => []);
    if (tokens.some((token) => token.certificates.length)) return form(dialog, body, documents, tokens, heading, first.message);
  }
  results(dialog, body, documents, task, heading);
}

function results(dialog, body, documents, task, heading) {
  const signed = task.results.filter((r) => r.status === "signed").length;
  const failed = task.results.length - signed;
  body.replaceChildren(heading,
    el("p", { class: "notice " + (failed ? (signed ? "warn" : "bad") : "good"), role: "status" }, failed ? t("sign.some", { signed, count: task.results.length }) : task.results.length === 1 ? t("sign.done.one") : t("sign.done.many", { count: signed, time: span(task.seconds) })),
    el("ul", { class: "results" }, task.results.map((r, i) => ({ r, i })).sort((a, b) => (a.r.status === "signed") - (b.r.status === "signed")).map(({ r, i }) => el("li", { class: r.status },
      el("strong", {}, documents[i].name), r.entry_index !== null && r.entry_index !== undefined ? el("span", { class: "badge" }, t("sign.entry", { entry: r.entry_index })) : null,
      r.output ? el("span", { class: "path" }, r.output) : null, r.message ? el("p", {}, r.message) : null))),
    el("div", { class: "actions" },
      el("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, t(failed ? "button.close" : "sign.next")),
      signed === 1 && documents.length === 1 ? el("button", { type: "button", class: "second", onclick: () => save(documents[0]) }, t("sign.save")) : null));
  body.querySelector("button").focus();
}

// save hands the signed file to the browser's own saving.
export async function save(doc) {
  const { picture } = await import("./call.js");
  try {
    const address = await picture(`/api/documents/${doc.id}/signed`);
    const link = el("a", { href: address, download: doc.result.output.split(/[\\/]/).pop() });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  } catch (failure) {
    tell(failure.message, "bad");
  }
}
