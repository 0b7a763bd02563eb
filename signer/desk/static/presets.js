// How a person signs a kind of document, kept on this computer and offered with the next one of the kind.
import { get, post } from "./call.js";
import { el, tell } from "./dom.js";
import { changed, cover, desk, image } from "./store.js";
import { t } from "./words.js";

export async function loadPresets() {
  desk.presets = (await get("/api/presets")).presets;
}

export const kindName = (code) => desk.state.kinds.find((k) => k.code === code)?.name ?? t("fact.kind.letter.short");

const middle = ([x, y, w, h]) => [x + w / 2, y + h / 2];

// offered is the preset of the document's kind and the present act.
export const offered = (doc) => desk.presets.find((p) => p.kind === doc.facts.kind && p.act === desk.act) ?? null;

async function use(doc, preset) {
  doc.facts.capacity = preset.capacity;
  if (preset.image && desk.images.some((i) => i.id === preset.image)) desk.picture[desk.act] = preset.image;
  if (preset.level && desk.state.levels.includes(preset.level)) desk.level = preset.level;
  const base = doc.places?.[0];
  const [w, h] = preset.size;
  doc.placed = true;
  if (preset.hidden) doc.place = null;
  else if (!preset.absolute && base) {
    const [x, y] = middle(base.rect);
    doc.place = { page: base.page, rect: [x + preset.shift[0] - w / 2, y + preset.shift[1] - h / 2, w, h], why: "preset" };
  } else doc.place = { page: Math.max(1, doc.pages - preset.from_end), rect: [...preset.shift, w, h], why: "preset" };
  doc.preset = preset.id;
  await cover(doc);
  changed();
}

async function save(doc) {
  const { place } = doc;
  const base = place?.page === doc.places?.[0]?.page ? doc.places[0] : null;
  const preset = { id: "", person: "", kind: doc.facts.kind, act: desk.act, capacity: doc.facts.capacity, level: desk.level === desk.state.level ? "" : desk.level, image: image()?.id ?? "",
    absolute: !base, from_end: place ? doc.pages - place.page : 0, shift: [0, 0], size: [0, 0], hidden: !place, saved: new Date().toISOString() };
  if (place) {
    preset.size = [place.rect[2], place.rect[3]];
    const [x, y] = middle(place.rect);
    if (base) preset.shift = [x - middle(base.rect)[0], y - middle(base.rect)[1]];
    else preset.shift = [place.rect[0], place.rect[1]];
  }
  try {
    const kept = await post("/api/presets", preset);
    await loadPresets();
    doc.preset = kept.id;
    tell(t("preset.saved", { kind: kindName(doc.facts.kind) }));
  } catch (failure) {
    tell(failure.message, "bad");
  }
  changed();
}

// presetBar offers what is kept for the kind, and to keep what is chosen now.
export function presetBar(doc) {
  const preset = offered(doc);
  const kind = kindName(doc.facts.kind);
  return el("div", { class: "actions tight presets" },
    preset && doc.preset !== preset.id ? el("button", { type: "button", id: "use-preset", onclick: () => use(doc, preset) }, t("preset.use", { kind })) : null,
    !preset || doc.preset !== preset.id || doc.place?.why === "hand" ? el("button", { type: "button", class: "second", id: "save-preset", onclick: () => save(doc) }, t("preset.save", { kind })) : null);
}

export function presetList() {
  if (!desk.presets.length) return el("p", { class: "empty" }, t("preset.none"));
  return el("ul", { class: "kept" }, desk.presets.map((p) => el("li", {}, el("span", {}, el("strong", {}, `${kindName(p.kind)}: ${t("act." + p.act)}`),
    el("small", {}, [p.capacity ? p.capacity + "." : "", desk.images.find((i) => i.id === p.image)?.name ?? "", p.hidden ? t("place.invisible") : t("preset.size", { width: Math.round((p.size[0] / 72) * 25.4), height: Math.round((p.size[1] / 72) * 25.4) })].filter(Boolean).join(" · "))),
  el("button", { type: "button", class: "second", ariaLabel: t("preset.delete", { kind: kindName(p.kind), act: t("act." + p.act) }), onclick: async () => {
    await post(`/api/presets/${p.id}/delete`).catch((failure) => tell(failure.message, "bad"));
    await loadPresets();
    changed();
  } }, t("button.delete")))));
}
