// The clerk's part: number and date of a document that its leader has signed, filled in together with the seal.
import { get, post } from "./call.js";
import { el, tell } from "./dom.js";
import { changed, desk } from "./store.js";
import { day, t } from "./words.js";

const blocking = ["unsigned", "bad_signature", "unprepared", "forbidden"];

// blocked says that the document can't be issued as it is.
export const blocked = (doc) => desk.act === "issue" && blocking.includes(doc.issue?.state);

// filled is what the desk is asked to fill in, null for nothing.
export const filled = (doc) => (desk.act === "issue" && doc.issue?.state === "ready" ? { number: doc.facts.number.trim(), date: doc.issueDate ?? "" } : null);

// readIssue asks what can be done, and proposes number and date where nobody has chosen any.
export async function readIssue(doc) {
  if (desk.act !== "issue" || doc.problem) return;
  doc.issue = await get(`/api/documents/${doc.id}/issue?kind=${encodeURIComponent(doc.facts.kind)}`);
  if (doc.issue.number && !doc.touched.number) doc.facts.number = free(doc);
  if (doc.issue.date && !doc.touched.date) doc.issueDate = doc.issue.date;
  if (doc.issue.symbol && !doc.facts.symbol) doc.facts.symbol = doc.issue.symbol;
}

// free is the next number that no other open document has.
function free(doc) {
  const taken = desk.documents.filter((d) => d !== doc && d.issue?.number && d.facts && d.result?.status !== "signed" && (desk.template?.series !== "kind" || d.facts.kind === doc.facts.kind)).map((d) => parseInt(d.facts.number, 10));
  let n = parseInt(doc.issue.number, 10);
  while (taken.includes(n)) n++;
  return String(n).padStart(2, "0");
}

// entries are the texts that will stand on the page, with their places.
export function entries(doc) {
  if (!filled(doc) || doc.result?.status === "signed") return [];
  const [year, month, date] = (doc.issueDate ?? "").split("-");
  const parts = { number: doc.facts.number.trim().replace(/^(\d[a-z]?)$/i, "0$1"), day: date ?? "", month: month > "02" ? String(Number(month)) : month ?? "", year: year ?? "" };
  return doc.issue.places.map((p) => ({ ...p, text: parts[p.part] })).filter((p) => p.text);
}

// issuePanel is what the clerk sees above the facts.
export function issuePanel(doc, show) {
  if (desk.act !== "issue" || !doc.issue || doc.result?.status === "signed") return null;
  const { issue } = doc;
  if (issue.message) return el("p", { class: "notice " + (blocked(doc) ? "bad" : "warn"), id: "issue-state" }, issue.message);
  if (issue.state !== "ready" || !issue.date) return null;
  const date = el("input", { type: "date", id: "issue-date", value: doc.issueDate ?? "", required: true });
  const written = el("small", {});
  const write = () => (written.textContent = doc.issueDate ? t("issue.date.written", { date: day(doc.issueDate) }) : t("issue.date.missing"));
  date.addEventListener("input", () => {
    doc.issueDate = date.value;
    doc.touched.date = true;
    write();
    show();
  });
  write();
  return el("div", { class: "field date" }, el("label", { htmlFor: "issue-date" }, t("issue.date")), date, written);
}

// numberHint says where the proposed number comes from.
export const numberHint = (doc) => (filled(doc) && doc.issue.number && !doc.touched.number ? t(doc.issue.last ? "issue.number.next" : "issue.number.first", { last: doc.issue.last }) : "");

// preparing offers to put fields into a draft that leaves number and date open.
export function preparing(doc) {
  if (!doc.preparable || doc.result?.status === "signed") return null;
  const button = el("button", { type: "button", class: "second", id: "prepare", onclick: async () => {
    button.disabled = true;
    try {
      const made = { ...(await post(`/api/documents/${doc.id}/prepare`)), facts: null, excluded: false };
      desk.documents.splice(desk.documents.indexOf(doc) + 1, 0, made);
      doc.excluded = true;
      desk.selected = made.id;
      tell(t("prepare.done", { name: made.name }));
      changed();
    } catch (failure) {
      button.disabled = false;
      tell(failure.message, "bad");
    }
  } }, t("prepare.button"));
  return el("div", { class: "notice warn" }, el("p", {}, t("prepare.lead")), el("div", { class: "actions tight" }, button));
}
