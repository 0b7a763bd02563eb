// The school's way to issue documents, and the presets.
import { get, post } from "./call.js";
import { el, tell } from "./dom.js";
import { presetList } from "./presets.js";
import { changed, desk } from "./store.js";
import { t } from "./words.js";

export async function loadTemplate() {
  desk.template = await get("/api/template");
}

export function settingsView() {
  return el("section", { class: "narrowbox" }, el("h1", {}, t("settings.title")), form(), el("h2", {}, t("preset.title")), el("p", { class: "dim" }, t("preset.lead")), presetList());
}

function form() {
  const kept = desk.template;
  const seals = desk.images.filter((i) => i.kind === "seal");
  const image = el("select", { id: "template-image" }, el("option", { value: "" }, t(seals.length ? "template.image.first" : "template.image.none")), seals.map((i) => el("option", { value: i.id, selected: i.id === kept.image }, t("template.image.one", { name: i.name, width: i.width_mm }))));
  const symbol = el("input", { id: "template-symbol", maxLength: 60, value: kept.symbol, placeholder: "…-MNMT" });
  const right = el("input", { id: "template-right", type: "number", min: -100, max: 100, step: 0.5, value: kept.shift_mm[0] });
  const up = el("input", { id: "template-up", type: "number", min: -100, max: 100, step: 0.5, value: kept.shift_mm[1] });
  const series = ["one", "kind"].map((value) => el("label", { class: "check" }, el("input", { type: "radio", name: "series", value, checked: kept.series === value }), el("span", {}, t("template.series." + value))));
  const wrong = el("p", { class: "notice bad", hidden: true, role: "alert" });
  const submit = async (e) => {
    e.preventDefault();
    wrong.hidden = true;
    try {
      desk.template = await post("/api/template", { image: image.value, symbol: symbol.value, shift_mm: [Number(right.value), Number(up.value)], series: e.target.querySelector("[name=series]:checked").value });
      for (const doc of desk.documents) doc.placed = doc.placed && doc.place?.why === "hand";
      desk.stale = true;
      tell(t("template.saved"));
      changed();
    } catch (failure) {
      wrong.textContent = failure.message;
      wrong.hidden = false;
    }
  };
  return el("form", { class: "card form", onsubmit: submit }, el("h2", {}, t("template.title")), el("p", { class: "dim" }, t("template.lead")),
    el("fieldset", {}, el("legend", {}, t("template.series")), series),
    el("label", { htmlFor: "template-symbol" }, t("template.symbol")), symbol, el("small", {}, t("template.symbol.hint")),
    el("label", { htmlFor: "template-image" }, t("template.image")), image,
    el("fieldset", {}, el("legend", {}, t("template.shift")), el("small", {}, t("template.shift.hint")),
      el("div", { class: "pair even" }, el("div", {}, el("label", { htmlFor: "template-right" }, t("template.right")), right), el("div", {}, el("label", { htmlFor: "template-up" }, t("template.up")), up))),
    wrong, el("div", { class: "actions" }, el("button", {}, t("button.save"))));
}
