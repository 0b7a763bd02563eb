// What was signed on this computer, and what still waits for the service.
import { get, post } from "./call.js";
import { el, tell } from "./dom.js";
import { moment, t } from "./words.js";

export function historyView() {
  const list = el("div", {});
  const search = el("input", { type: "search", placeholder: t("history.search"), ariaLabel: t("history.search") });
  let timer;
  const load = async () => {
    try {
      const { entries, count, pending } = await get("/api/history?q=" + encodeURIComponent(search.value));
      list.replaceChildren(
        pending ? el("div", { class: "notice warn" }, el("p", {}, t("history.pending", { count: pending })), el("button", { class: "second", onclick: send }, t("history.send"))) : "",
        entries.length ? el("table", { class: "stack" }, el("thead", {}, el("tr", {}, ["when", "document", "entry", "file"].map((c) => el("th", { scope: "col" }, t("history." + c))))),
          el("tbody", {}, entries.map(row))) : el("p", { class: "empty" }, t(count ? "history.no_match" : "history.none")));
    } catch (failure) {
      list.replaceChildren(el("p", { class: "notice bad" }, failure.message));
    }
  };
  const send = async () => {
    try {
      const { pending } = await post("/api/outbox/send");
      tell(t(pending ? "history.still" : "history.sent", { count: pending }), pending ? "warn" : "good");
    } catch (failure) {
      tell(failure.message, "bad");
    }
    load();
  };
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(load, 200); });
  load();
  return el("section", { class: "wide" }, el("h1", {}, t("history.title")), search, list);
}

function row(e) {
  const d = e.document;
  const number = d.number && d.symbol ? d.number + "/" + d.symbol : d.symbol ?? "";
  const cell = (label, ...content) => {
    const td = el("td", {}, content);
    td.dataset.label = t("history." + label);
    return td;
  };
  return el("tr", {}, cell("when", moment(e.at)), cell("document", el("strong", {}, number || e.name), d.summary ? el("span", { class: "by" }, d.summary) : null, el("small", {}, t("act." + e.act))),
    cell("entry", e.entry_index !== null && e.entry_index !== undefined ? String(e.entry_index) : t("history.no_entry")),
    cell("file", el("span", { class: "path" }, e.output), e.there ? null : el("small", { class: "gone" }, t("history.gone")), e.receipt ? el("small", {}, t("history.receipt")) : null));
}
