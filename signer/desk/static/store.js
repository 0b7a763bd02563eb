// What is open and what the person has chosen. Views redraw when it changes.
import { get, post } from "./call.js";
import { blocked, readIssue } from "./issue.js";

export const desk = {
  state: null, // of /api/state
  documents: [], // with choice() made of each
  selected: null, // id
  act: "approve",
  images: [],
  picture: {}, // chosen of several, by act
  presets: [],
  template: null, // how the school issues documents
  level: "", // of new signatures
  grid: false,
  waiting: 0, // documents of the school's site that wait
};

const listeners = new Set();
export const onChange = (f) => listeners.add(f);
export const changed = () => listeners.forEach((f) => f());

export const current = () => desk.documents.find((d) => d.id === desk.selected) ?? null;

export async function refresh() {
  desk.state = await get("/api/state");
  const known = new Map(desk.documents.map((d) => [d.id, d]));
  desk.documents = desk.state.documents.map((d) => Object.assign(known.get(d.id) ?? { facts: null, place: undefined, excluded: false }, known.get(d.id)?.looked ? { result: d.result } : d));
  if (!current()) desk.selected = desk.documents[0]?.id ?? null;
}

// look reads a document, once, and fills in what it says of itself.
export async function look(doc, again = false) {
  if (doc.looked && doc.facts && !again) return doc;
  Object.assign(doc, await get("/api/documents/" + doc.id));
  const p = doc.proposal;
  const block = p?.blocks?.[0];
  doc.facts ??= {
    number: p?.number.text ?? "", symbol: p?.symbol.text ?? "", kind: p?.kind.text ?? "", summary: p?.summary.text ?? "", purpose: "",
    capacity: block?.capacity ?? "",
  };
  doc.touched ??= {};
  // A document that waits for number and seal: that is what it is opened for.
  if (doc.issuable && !doc.task && !desk.acted && desk.act === "approve" && desk.documents.every((d) => d === doc || !d.looked || d.issuable)) desk.act = "issue";
  if (doc.task && !doc.asked) { // the school's site has said what it is, and what is asked for
    doc.asked = true;
    const said = doc.task.facts;
    for (const name of ["number", "symbol", "kind", "summary"]) if (said[name]) Object.assign(doc.facts, { [name]: said[name] }), (doc.touched[name] = true);
    doc.facts.capacity = doc.task.capacity;
    doc.touched.capacity = true;
  }
  await propose(doc);
  return doc;
}

// pictures are those that the act can show; a text block has none.
export const pictures = () => (["approve", "issue", "initial"].includes(desk.act) ? desk.images.filter((i) => i.kind === (desk.act === "issue" ? "seal" : "signature")) : []);

export const image = () => {
  const all = pictures();
  const wanted = desk.picture[desk.act] ?? (desk.act === "issue" ? desk.template?.image : "");
  return all.find((i) => i.id === wanted) ?? all[0] ?? null;
};

const points = (mm) => (mm * 72) / 25.4;

// propose puts the picture where the act wants it. A place that the person chose stays.
export async function propose(doc) {
  await readIssue(doc);
  if (doc.placed || doc.problem) return;
  const picture = image();
  const seal = desk.act === "issue" && picture ? picture.width_mm : "";
  doc.places = (await get(`/api/documents/${doc.id}/places?act=${desk.act}&seal=${seal}`)).places;
  doc.place = doc.places.length ? fitted(doc.places[0], picture) : null;
  await cover(doc);
}

// fitted gives a place the picture's proportions, and its real size where there is room.
export function fitted(place, picture) {
  const p = { page: place.page, rect: [...place.rect], why: place.why, field: place.field };
  if (!picture || place.why === "stamp" || place.why === "field") return p;
  const [x, y, w, h] = place.rect;
  let width = points(picture.width_mm), height = (width * picture.height) / picture.width;
  if ((place.why === "block" || place.why === "ink") && desk.act !== "issue" && height > h) {
    width *= h / height;
    height = h;
  }
  p.rect = [x + w / 2 - width / 2, y + h / 2 - height / 2, width, height];
  return p;
}

// cover asks which words the box lies over. A seal lies over some by rule.
export async function cover(doc) {
  doc.covered = [];
  if (!doc.place || desk.act === "issue") return;
  const { place } = doc;
  const words = (await get(`/api/documents/${doc.id}/covered?page=${place.page}&rect=${place.rect.map((v) => v.toFixed(2)).join(",")}`)).words;
  if (doc.place === place) doc.covered = words;
}

export async function setAct(act) {
  desk.act = act;
  desk.acted = true;
  for (const doc of desk.documents) {
    doc.placed = false;
    if (doc.looked) await propose(doc);
  }
  changed();
}

export async function close(doc) {
  await post(`/api/documents/${doc.id}/close`);
  desk.documents = desk.documents.filter((d) => d !== doc);
  if (desk.selected === doc.id) desk.selected = desk.documents[0]?.id ?? null;
  changed();
}

// ready are the documents that a signature can be asked for.
export const ready = () => desk.documents.filter((d) => !d.excluded && !d.problem && !blocked(d) && d.result?.status !== "signed" && (!d.task || d.task.act === desk.act));

// order puts those first that want a look.
export const order = (documents) => [...documents].sort((a, b) => weight(b) - weight(a));
const weight = (d) => (d.problem ? 100 : 0) + (d.warnings ?? []).length * 10 + (d.covered?.length ? 5 : 0) + (d.result && d.result.status !== "signed" ? 50 : 0);
